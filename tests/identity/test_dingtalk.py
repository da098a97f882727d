from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers import App, DingTalk, PlatformUser

KEY, SECRET = "ding-key", "ding-secret"


class Platform:
    """A stand-in for DingTalk that checks keys, signatures, tokens and codes."""

    def __init__(self, internal: bool = True) -> None:
        self.internal = internal
        self.token = "token-1"
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path)
        answer = getattr(self, request.url.path.strip("/").replace("/", "_").replace(".", "_"))(request)
        return httpx.Response(200, json=answer)

    def gettoken(self, request: httpx.Request) -> dict[str, Any]:
        known = dict(request.url.params) == {"appkey": KEY, "appsecret": SECRET}
        if not self.internal or not known:
            return {"errcode": 40089, "errmsg": "wrong key"}
        return {"errcode": 0, "access_token": self.token, "expires_in": 7200}

    def topapi_v2_user_getuserinfo(self, request: httpx.Request) -> dict[str, Any]:
        if request.url.params["access_token"] != self.token:
            return {"errcode": 40014, "errmsg": "bad token"}
        if json.loads(request.content)["code"] != "good":
            return {"errcode": 40078, "errmsg": "bad code"}
        return {"errcode": 0, "result": {"userid": "manager1", "unionid": "u1"}}

    def sns_getuserinfo_bycode(self, request: httpx.Request) -> dict[str, Any]:
        query = request.url.params
        expected = hmac.digest(SECRET.encode(), query["timestamp"].encode(), hashlib.sha256)
        if query["accessKey"] != KEY or base64.b64decode(query["signature"]) != expected:
            return {"errcode": 853004, "errmsg": "bad signature"}
        code = json.loads(request.content)["tmp_auth_code"]
        answers: dict[str, dict[str, Any]] = {
            "good": {"errcode": 0, "user_info": {"openid": "o1", "unionid": "u1"}},
            "busy": {"errcode": 88},
        }
        return answers.get(code, {"errcode": 40078, "errmsg": "bad code"})

    def v1_0_oauth2_userAccessToken(self, request: httpx.Request) -> dict[str, Any]:
        body = json.loads(request.content)
        if (body["clientId"], body["clientSecret"], body["code"]) != (KEY, SECRET, "good"):
            return {"code": "invalidParameter", "message": "bad code"}
        return {"accessToken": "user-token", "expireIn": 7200}

    def v1_0_contact_users_me(self, request: httpx.Request) -> dict[str, Any]:
        assert request.headers["x-acs-dingtalk-access-token"] == "user-token"
        return {"openId": "o1", "unionId": "u1", "nick": "n"}


async def ask(platform: Platform, code: str = "good", *, kind: str | None = None, secret: str = SECRET) -> PlatformUser:
    app = App(KEY, secret, {"kind": kind} if kind else {})
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        return await DingTalk().resolve(client, "http://stand-in/", app, code)


@pytest.mark.parametrize(
    ("internal", "kind", "user"),
    [
        (True, None, PlatformUser("manager1", None, "u1")),
        (True, "internal", PlatformUser("manager1", None, "u1")),
        (False, None, PlatformUser("o1", None, "u1")),
        (False, "personal", PlatformUser("o1", None, "u1")),
        (True, "v1", PlatformUser("o1", None, "u1")),
    ],
)
async def test_every_kind_of_app(internal: bool, kind: str | None, user: PlatformUser) -> None:
    assert await ask(Platform(internal), kind=kind) == user


async def test_the_access_token_is_kept_and_replaced_when_it_is_refused() -> None:
    platform, provider = Platform(), DingTalk(lambda: 1000.0)
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        for _ in range(2):
            await provider.resolve(client, "http://stand-in", App(KEY, SECRET), "good")
        assert platform.calls.count("/gettoken") == 1
        platform.token = "token-2"
        await provider.resolve(client, "http://stand-in", App(KEY, SECRET), "good")
    assert platform.calls.count("/gettoken") == 2


@pytest.mark.parametrize(
    ("platform", "kind", "code", "secret", "raised"),
    [
        (Platform(), None, "used", SECRET, Unauthenticated),
        (Platform(internal=False), None, "used", SECRET, Unauthenticated),
        (Platform(), "v1", "used", SECRET, Unauthenticated),
        (Platform(), "internal", "good", "wrong", Unauthenticated),
        (Platform(), "other", "good", SECRET, Unauthenticated),
        (Platform(internal=False), None, "busy", SECRET, LimitExceeded),
    ],
)
async def test_refusals(
    platform: Platform, kind: str | None, code: str, secret: str, raised: type[YunboxError]
) -> None:
    with pytest.raises(raised):
        await ask(platform, code, kind=kind, secret=secret)


@pytest.mark.parametrize("answer", [httpx.Response(502, text="bad gateway"), httpx.Response(200, json=[])])
async def test_nonsense_is_reported(answer: httpx.Response) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer)) as client:
        with pytest.raises(YunboxError, match="did not answer"):
            await DingTalk().resolve(client, "http://stand-in", App(KEY, SECRET), "good")
