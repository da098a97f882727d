"""Sign-in of web pages through WeChat: an app of the open platform, an official account; the exchange with a stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests import standin
from tests.protocols.tcb_client.clients import AuthClient, WebClient
from tests.server import LiveServer
from tests.standin import StandIn
from yunbox.spaces import Space

APPS = {"wechat_web": ("wx-web", "web-secret"), "wechat_public": ("wx-public", "public-secret")}
REDIRECT = "https://example.com/back?a=1"


class WeChatApi(StandIn):
    """Answers ``/sns/oauth2/access_token`` for the two apps and codes that begin with ``good``."""

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query))
        answer: dict[str, Any] = {"errcode": 40029, "errmsg": "invalid code"}
        if (query.get("appid"), query.get("secret")) not in APPS.values():
            answer = {"errcode": 40125, "errmsg": "invalid appsecret"}
        elif split.path == "/sns/oauth2/access_token" and query.get("code", "").startswith("good"):
            assert query["grant_type"] == "authorization_code"
            answer = {"access_token": "t", "expires_in": 7200, "openid": f"o-{query['code']}", "scope": "snsapi_login"}
        self.answer(json.dumps(answer).encode())


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """`yunbox serve`: nobody is let in without a real login."""
    with (
        standin.serving(WeChatApi) as url,
        LiveServer(tmp_path_factory.mktemp("wechat") / "data", "serve", wechat_api_url=url) as server,
    ):
        yield server


@pytest.fixture
def space(serving: LiveServer) -> Space:
    space = serving.create_space()
    for provider, (app_id, secret) in APPS.items():
        serving.services.spaces.set_app(space.id, provider, app_id, {"secret": secret})
    return space


@pytest.mark.parametrize(
    ("provider_id", "provider", "page"),
    [
        ("wx_open", "wechat_web", "https://open.weixin.qq.com/connect/qrconnect"),
        ("wx_mp", "wechat_public", "https://open.weixin.qq.com/connect/oauth2/authorize"),
        ("wechat_public", "wechat_public", "https://open.weixin.qq.com/connect/oauth2/authorize"),
    ],
)
def test_by_redirect(serving: LiveServer, space: Space, provider_id: str, provider: str, page: str) -> None:
    auth = AuthClient(serving, space)
    asked = auth.request("GET", f"provider/uri?provider_id={provider_id}&redirect_uri={REDIRECT}&state=s%2F1")
    uri = asked.json()["uri"]
    assert uri.startswith(f"{page}?")
    assert uri.endswith("#wechat_redirect")
    query = dict(parse_qsl(urlsplit(uri).query))
    assert (query["appid"], query["redirect_uri"], query["state"]) == (APPS[provider][0], REDIRECT, "s/1")
    token = auth.post("provider/token", provider_id=provider_id, provider_code="good-1")["provider_token"]
    session = auth.post("signin/with/provider", provider_token=token)
    again = auth.post("provider/token", provider_id=provider_id, provider_code="good-1")["provider_token"]
    assert auth.post("signin/with/provider", provider_token=again)["sub"] == session["sub"]
    assert auth.error("provider/token", provider_id=provider_id, provider_code="stolen")[0] in (400, 401)


@pytest.mark.parametrize(("kind", "provider"), [("WECHAT-OPEN", "wechat_web"), ("WECHAT-PUBLIC", "wechat_public")])
def test_by_code(serving: LiveServer, space: Space, kind: str, provider: str) -> None:
    web = WebClient(serving, space)
    app_id = APPS[provider][0]
    signed_in = web.call("auth.signIn", loginType=kind, appid=app_id, code="good-2")
    same = web.call("auth.signIn", loginType=kind, appid=app_id, code="good-2")
    assert web.uid(signed_in["refresh_token"]) == web.uid(same["refresh_token"])
    assert web.error("auth.signIn", loginType=kind, appid=app_id, code="stolen")
    assert web.error("auth.signIn", loginType=kind, appid="wx-other", code="good-2")


def test_only_registered_apps_have_a_page(serving: LiveServer) -> None:
    auth = AuthClient(serving, serving.create_space())
    answer = auth.request("GET", f"provider/uri?provider_id=wx_open&redirect_uri={REDIRECT}&state=s")
    assert answer.status_code == 501
    assert "yunbox app add --provider wechat_web" in answer.text
