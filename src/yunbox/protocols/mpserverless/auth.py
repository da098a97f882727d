"""``serverless.auth.user.*``: signing in and telling a caller who it is (aliyun-wire.md §3)."""

from __future__ import annotations

from typing import Any

from yunbox.errors import InvalidRequest, NotFound, Unauthenticated
from yunbox.identity import Session, User
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.errors import GatewayError

PROVIDERS = {
    "alipay_openapi": "alipay",
    "wechat_openapi": "wechat",
    "dingtalk_openapi": "dingtalk",
}
"""Our provider for each ``authProvider``."""

_DEFAULT_PROVIDER = "alipay_openapi"


async def authorize_anonymously(call: Call) -> dict[str, Any]:
    """A new user at every call (USR-5)."""
    session = call.services.identity.open_session(call.space, "anonymous", _app_id(call), None, sync=False)
    return await _told(call, session)


async def authorize(call: Call) -> dict[str, Any]:
    """The user whom the platform vouches for. Its refusal has a code of its own: the two token codes would make the
    SDK authorize again for ever.
    """
    name = call.text("authProvider", _DEFAULT_PROVIDER)
    provider = PROVIDERS.get(name)
    if provider is None:
        raise GatewayError(
            "InvalidParameter.AuthProvider",
            f"unknown authProvider `{name}`; use one of {', '.join(PROVIDERS)} / 不支持的 authProvider `{name}`",
        )
    app_id, identity = _app_id(call), call.services.identity
    try:
        person = await identity.platform_user(call.space, provider, app_id, call.text("authCode", ""))
    except (Unauthenticated, InvalidRequest) as error:
        raise GatewayError("InvalidParameter.AuthCode", error.message) from None
    session = identity.open_session(
        call.space, provider, app_id, person.external_id, openid=person.openid, unionid=person.unionid, sync=False
    )
    return await _told(call, session)


async def profile(call: Call) -> dict[str, Any]:
    """Who calls. The fields stand under ``user``, where every SDK looks, and flat, as the guide shows them."""
    user = _user(call)
    return {"user": user, **user}


METHODS: dict[str, Method] = {
    "serverless.auth.user.anonymousAuthorize": authorize_anonymously,
    "serverless.auth.user.authorize": authorize,
    "serverless.auth.user.getProfileInfo": profile,
}

OPEN_METHODS = ("serverless.auth.user.anonymousAuthorize", "serverless.auth.user.authorize")


def _app_id(call: Call) -> str:
    return call.text("clientIdentifier", "")


async def _told(call: Call, session: Session) -> dict[str, Any]:
    """The answer of an authorize call, once the session is safe; the event loop does not wait for the disk."""
    await call.services.identity.synced(call.space)
    return {"accessToken": session.access_token, "expiresInSecond": session.expires_in}


def _user(call: Call) -> dict[str, Any]:
    caller = call.caller
    known: dict[str, Any] = {"spaceId": call.space.id}
    if caller.user_id is None:
        return known
    known["userId"] = caller.user_id
    try:
        user = call.services.identity.user(call.space, caller.user_id)
    except NotFound:
        return known
    if oauth_id := _oauth_id(user, caller.provider):
        known["oAuthUserId"] = oauth_id
    return {**known, "createdAt": user.created_at, "lastSeenAt": user.last_seen_at}


def _oauth_id(user: User, provider: str | None) -> str | None:
    """The platform's id of the user, when the session came from a platform."""
    if provider == "anonymous":
        return None
    return (user.external_id(provider) if provider else None) or user.openid
