"""Open API calls of a space with a registered app: relayed to WeChat's API, which is a small local server here."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.standin import StandIn
from yunbox.errors import YunboxError
from yunbox.protocols.tcb.admin.wechat import App, WeChatApi


class Platform(ThreadingHTTPServer):
    """WeChat's API as far as it is called here; ``calls`` are (method, path, query, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[str, str, dict[str, list[str]], bytes]] = []
        self.tokens = 0
        self.revoked: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(StandIn):
    server: Platform

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.body())

    def _answer(self, body: bytes) -> None:
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        self.server.calls.append((self.command, address.path, query, body))
        reply = self._reply(address.path, query)
        self.answer(json.dumps(reply).encode(), "application/json; encoding=utf-8")

    def _reply(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if path == "/cgi-bin/token":
            if query["secret"] != ["right"]:
                return {"errcode": 40125, "errmsg": "invalid appsecret"}
            self.server.tokens += 1
            return {"access_token": f"token-{self.server.tokens}", "expires_in": 7200}
        if query["access_token"][0] in self.server.revoked:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        return {"errcode": 0, "errmsg": "ok"}


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


APP = App("wx1", "right")


async def test_calls_with_a_token_that_is_kept(platform: Platform) -> None:
    api = WeChatApi(platform.url)
    for _ in range(2):
        answer = await api.call(APP, "security.msgSecCheck", {"content": "你好"})
        assert json.loads(answer.body)["errcode"] == 0
    assert platform.tokens == 1
    method, path, query, body = platform.calls[-1]
    assert (method, path, query) == ("POST", "/wxa/msg_sec_check", {"access_token": ["token-1"]})
    assert json.loads(body) == {"content": "你好"}


async def test_a_token_that_ended_early_is_renewed(platform: Platform) -> None:
    api = WeChatApi(platform.url)
    await api.call(APP, "subscribeMessage.getCategory", {})
    platform.revoked.add("token-1")
    answer = await api.call(APP, "subscribeMessage.getCategory", {})
    assert json.loads(answer.body)["errcode"] == 0
    assert platform.tokens == 2


async def test_files_are_sent_as_files(platform: Platform) -> None:
    await WeChatApi(platform.url).call(APP, "security.imgSecCheck", {"media": b"png bytes"})
    assert b"png bytes" in platform.calls[-1][3]


async def test_a_wrong_secret_is_named(platform: Platform) -> None:
    with pytest.raises(YunboxError, match="40125"):
        await WeChatApi(platform.url).call(App("wx1", "wrong"), "security.msgSecCheck", {})


async def test_an_unreachable_platform() -> None:
    with pytest.raises(YunboxError, match="did not answer"):
        await WeChatApi("http://127.0.0.1:9").call(APP, "security.msgSecCheck", {})


def test_names() -> None:
    api = WeChatApi("http://x")
    assert api.knows("wxacode.get")
    assert not api.knows("nothing.at.all")
