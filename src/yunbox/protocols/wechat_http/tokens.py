"""``GET /cgi-bin/token``: access tokens for the HTTP API, stateless and bound to an app (semantics.md §14.1)."""

from __future__ import annotations

import base64
import hmac

import orjson

from yunbox.protocols.wechat_http.errors import ApiError
from yunbox.services import Services
from yunbox.spaces import Space

LIFETIME_S = 7200
_PURPOSE = "wechat http api tokens"


def issue(services: Services, app_id: str, secret: str) -> str:
    """A token of the app, or of the space whose key pair is used as one.

    Raises:
        ApiError: 40013 for an unknown app id, 40125 for a wrong secret.
    """
    known = _secrets(services, app_id)
    if not known:
        raise ApiError(
            40013,
            f"invalid appid `{app_id}`: add it with `yunbox app add --provider wechat --app-id {app_id}`,"
            " or use a space's secret_id",
        )
    if not any(hmac.compare_digest(expected.encode(), secret.encode()) for expected in known):
        raise ApiError(40125, "invalid appsecret")
    claims = base64.urlsafe_b64encode(orjson.dumps({"a": app_id, "e": int(services.clock()) + LIFETIME_S}))
    return f"{claims.decode()}.{_sign(services, claims)}"


def spaces_of(services: Services, token: str) -> list[Space]:
    """The spaces that a token may use.

    Raises:
        ApiError: 41001 without a token, 40014 for a forged one, 42001 for an expired one.
    """
    if not token:
        raise ApiError(41001, "access_token missing")
    claims, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_sign(services, claims.encode()).encode(), signature.encode()):
        raise ApiError(40014, "invalid access_token")
    content = orjson.loads(base64.urlsafe_b64decode(claims))
    if content["e"] < services.clock():
        raise ApiError(42001, "access_token expired")
    return _spaces(services, content["a"])


def _sign(services: Services, claims: bytes) -> str:
    return hmac.digest(services.keyring.derive(_PURPOSE), claims, "sha256").hex()


def _spaces(services: Services, app_id: str) -> list[Space]:
    if space := services.spaces.find_by_secret_id(app_id):
        return [space]
    return [space for space in services.spaces.list() if services.spaces.app(space.id, "wechat", app_id) is not None]


def _secrets(services: Services, app_id: str) -> list[str]:
    if space := services.spaces.find_by_secret_id(app_id):
        return [space.secret_key]
    configs = (services.spaces.app(space.id, "wechat", app_id) for space in services.spaces.list())
    return [str(config["secret"]) for config in configs if config and config.get("secret")]
