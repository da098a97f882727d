"""WeChat mini programs: ``jscode2session`` (aliyun-wire.md §8.1); web pages and official accounts: ``oauth2/access_token``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers.provider import App, PlatformUser

_RATE_LIMITED = 45011
_WRONG_APP = (40013, 40125, 41002)


class WeChat:
    """Exchanges the code of ``wx.login`` for an openid."""

    name = platform = "wechat"

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        query = {"appid": app.app_id, "secret": app.secret, "js_code": code, "grant_type": "authorization_code"}
        return _user(await _ask(client, f"{base_url.rstrip('/')}/sns/jscode2session", query), app, self.name)


class WeChatWeb:
    """Exchanges the code with which WeChat's own page sends a visitor back: after a scanned QR code (``wechat_web``, an app of
    the open platform) or inside WeChat (``wechat_public``, an official account).
    """

    platform = "wechat"

    def __init__(self, name: str, page: str, scope: str) -> None:
        self.name = name
        self._page = page
        self._scope = scope

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        query = {"appid": app.app_id, "secret": app.secret, "code": code, "grant_type": "authorization_code"}
        return _user(await _ask(client, f"{base_url.rstrip('/')}/sns/oauth2/access_token", query), app, self.name)

    def page_url(self, app_id: str, redirect_uri: str, state: str) -> str:
        """WeChat's page, which sends the visitor to ``redirect_uri?code=…&state=…``."""
        query = {
            "appid": app_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": self._scope,
            "state": state,
        }
        return f"{self._page}?{urlencode(query)}#wechat_redirect"


WECHAT_WEB = WeChatWeb("wechat_web", "https://open.weixin.qq.com/connect/qrconnect", "snsapi_login")
WECHAT_PUBLIC = WeChatWeb("wechat_public", "https://open.weixin.qq.com/connect/oauth2/authorize", "snsapi_base")


async def _ask(client: httpx.AsyncClient, url: str, query: dict[str, str]) -> Any:
    try:
        return orjson.loads((await client.get(url, params=query)).content)
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        raise YunboxError(f"WeChat's login service did not answer usefully: {type(error).__name__}") from None


def _user(content: Any, app: App, provider: str) -> PlatformUser:
    if not isinstance(content, dict):
        raise YunboxError("WeChat's login service did not answer with an object")
    number = content.get("errcode") or 0
    if number == _RATE_LIMITED:
        raise LimitExceeded("WeChat limits logins for now (45011); try again in a minute / 登录过于频繁，请稍后再试")
    if number in _WRONG_APP:
        raise Unauthenticated(
            f"WeChat does not accept the app id or secret of `{app.app_id}` ({number}); register it again with "
            f"`yunbox app add --provider {provider}`",
            reason="app",
        )
    if number or not content.get("openid"):
        raise Unauthenticated(
            f"WeChat refused the login code: {content.get('errmsg', 'no openid')} ({number})", reason="code"
        )
    openid = str(content["openid"])
    return PlatformUser(openid, openid, content.get("unionid"), content.get("session_key"))
