"""WeChat mini programs: ``jscode2session`` (aliyun-wire.md §8.1)."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers.provider import App, PlatformUser

_RATE_LIMITED = 45011
_WRONG_APP = (40013, 40125, 41002)


class WeChat:
    """Exchanges the code of ``wx.login`` for an openid."""

    name = "wechat"

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        query = {"appid": app.app_id, "secret": app.secret, "js_code": code, "grant_type": "authorization_code"}
        try:
            answer = await client.get(f"{base_url.rstrip('/')}/sns/jscode2session", params=query)
            content = orjson.loads(answer.content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise YunboxError(f"WeChat's login service did not answer usefully: {type(error).__name__}") from None
        return _user(content, app)


def _user(content: Any, app: App) -> PlatformUser:
    if not isinstance(content, dict):
        raise YunboxError("WeChat's login service did not answer with an object")
    number = content.get("errcode") or 0
    if number == _RATE_LIMITED:
        raise LimitExceeded("WeChat limits logins for now (45011); try again in a minute / 登录过于频繁，请稍后再试")
    if number in _WRONG_APP:
        raise Unauthenticated(
            f"WeChat does not accept the app id or secret of `{app.app_id}` ({number}); register it again with "
            "`yunbox app add --provider wechat`",
            reason="app",
        )
    if number or not content.get("openid"):
        raise Unauthenticated(
            f"WeChat refused the login code: {content.get('errmsg', 'no openid')} ({number})", reason="code"
        )
    openid = str(content["openid"])
    return PlatformUser(openid, openid, content.get("unionid"), content.get("session_key"))
