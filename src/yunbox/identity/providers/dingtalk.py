"""DingTalk mini programs: the calls of internal apps, of third-party personal apps and of API 1.0 (aliyun-wire.md §8.3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers.provider import App, PlatformUser

_RATE_LIMITED = (88, 90018)
_TOKEN_EXPIRED = 40014
_EARLY_S = 300
_KINDS = ("internal", "personal", "v1")


class DingTalk:
    """Exchanges the code of ``dd.getAuthCode`` for a user.

    The app's configuration may say its ``kind``: ``internal``, ``personal`` or ``v1``. Without one an app that DingTalk
    gives an access token is internal, and any other is personal.
    """

    name = platform = "dingtalk"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        kind, base_url = app.config.get("kind"), base_url.rstrip("/")
        if kind not in (None, *_KINDS):
            raise Unauthenticated(
                f"unknown kind `{kind}` of DingTalk app; use one of {', '.join(_KINDS)}", reason="app"
            )
        if kind == "v1":
            return await _by_user_token(client, base_url.replace("//oapi.", "//api."), app, code)
        if kind == "personal":
            return await self._personal(client, base_url, app, code)
        token = await self._token(client, base_url, app)
        if token is None and kind is None:
            return await self._personal(client, base_url, app, code)
        if token is None:
            raise Unauthenticated(f"DingTalk does not accept the key or secret of `{app.app_id}`", reason="app")
        return await self._internal(client, base_url, app, code, token)

    async def _token(self, client: httpx.AsyncClient, base_url: str, app: App) -> str | None:
        """The app's access token, kept for as long as it holds; ``None`` when DingTalk gives this app none."""
        key = (app.app_id, app.secret)
        token, end = self._tokens.get(key, ("", 0.0))
        if end > self._clock():
            return token
        query = {"appkey": app.app_id, "appsecret": app.secret}
        answer = await _exchange(client.get(f"{base_url}/gettoken", params=query))
        if answer.get("errcode", 0) in _RATE_LIMITED:
            raise _refusal(answer)
        if answer.get("errcode", 0) != 0 or not answer.get("access_token"):
            return None
        end = self._clock() + float(answer.get("expires_in", 7200)) - _EARLY_S
        self._tokens[key] = (str(answer["access_token"]), end)
        return str(answer["access_token"])

    async def _internal(
        self, client: httpx.AsyncClient, base_url: str, app: App, code: str, token: str
    ) -> PlatformUser:
        url = f"{base_url}/topapi/v2/user/getuserinfo"
        answer = await _exchange(client.post(url, params={"access_token": token}, json={"code": code}))
        if answer.get("errcode") == _TOKEN_EXPIRED:
            self._tokens.pop((app.app_id, app.secret), None)
            fresh = await self._token(client, base_url, app)
            answer = await _exchange(client.post(url, params={"access_token": fresh or ""}, json={"code": code}))
        person = answer.get("result") if isinstance(answer.get("result"), dict) else answer
        return _user(answer, person, "userid", "unionid")

    async def _personal(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        stamp = str(int(self._clock() * 1000))
        digest = hmac.digest(app.secret.encode(), stamp.encode(), hashlib.sha256)
        query = {"accessKey": app.app_id, "timestamp": stamp, "signature": base64.b64encode(digest).decode()}
        url = f"{base_url}/sns/getuserinfo_bycode"
        answer = await _exchange(client.post(url, params=query, json={"tmp_auth_code": code}))
        return _user(answer, answer.get("user_info"), "openid", "unionid")


async def _by_user_token(client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
    body = {"clientId": app.app_id, "clientSecret": app.secret, "code": code, "grantType": "authorization_code"}
    token = await _exchange(client.post(f"{base_url}/v1.0/oauth2/userAccessToken", json=body))
    if not token.get("accessToken"):
        raise _refusal(token)
    headers = {"x-acs-dingtalk-access-token": str(token["accessToken"])}
    person = await _exchange(client.get(f"{base_url}/v1.0/contact/users/me", headers=headers))
    return _user(person, person, "openId", "unionId")


async def _exchange(sent: Any) -> dict[str, Any]:
    """The object that DingTalk answers with, whatever the HTTP status."""
    try:
        answer = await sent
        content = orjson.loads(answer.content)
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        raise YunboxError(f"DingTalk did not answer usefully: {type(error).__name__}") from None
    if not isinstance(content, dict):
        raise YunboxError("DingTalk did not answer with an object")
    return content


def _user(answer: dict[str, Any], person: Any, id_name: str, union_name: str) -> PlatformUser:
    known = person if isinstance(person, dict) else {}
    external_id = known.get(id_name) or known.get(union_name)
    if answer.get("errcode", 0) != 0 or not external_id:
        raise _refusal(answer)
    return PlatformUser(str(external_id), None, known.get(union_name))


def _refusal(answer: dict[str, Any]) -> YunboxError:
    number = answer.get("errcode") or answer.get("code")
    words = f"{answer.get('errmsg') or answer.get('message') or 'no user'} ({number})"
    if number in _RATE_LIMITED:
        return LimitExceeded(f"DingTalk limits logins for now: {words} / 登录过于频繁，请稍后再试")
    return Unauthenticated(f"DingTalk refused the login code: {words}", reason="code")
