"""``auth.*`` and ``analytics.report`` of the server SDKs (tencent-server-wire.md §6)."""

from __future__ import annotations

import logging
from typing import Any

from yunbox.errors import InvalidRequest, NotFound
from yunbox.identity import User
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.sockets import socket_ticket

_log = logging.getLogger("yunbox.tcb.analytics")

_COLUMNS = {"USERNAME": "username", "EMAIL": "email", "PHONE": "phone", "WECHAT": "openid", "WECHAT-OPENID": "openid"}
_TICKET = "CUSTOM"
_PROFILE = ("nickName", "gender", "country", "province", "city", "avatarUrl")
_OURS = {"nickName": "name", "avatarUrl": "picture"}


async def get_user_info(call: Call) -> Reply:
    """A user by ``uuid``, or by ``platform`` and ``platformId``.

    Raises:
        NotFound: when there is no such user.
    """
    space, identity = call.services.spaces.get(call.caller.space), call.services.identity
    uuid = call.optional_text("uuid")
    user = identity.user(space, uuid) if uuid else _by_platform(call)
    return {"data": _user_info(user, space.id, call.caller.app_id or "")}


def _by_platform(call: Call) -> User:
    space, identity = call.services.spaces.get(call.caller.space), call.services.identity
    platform, value = call.text("platform").upper(), call.text("platformId")
    if platform == _TICKET:
        found = next((u for u in identity.list_users(space, limit=100_000) if u.external_id("ticket") == value), None)
    elif platform in _COLUMNS:
        found = identity.find_user(space, _COLUMNS[platform], value)
    else:
        raise InvalidRequest(f"unknown platform `{platform}`; use {', '.join([*_COLUMNS, _TICKET])}")
    if found is None:
        raise NotFound(f"the space has no user {value!r} of the platform {platform} / 用户不存在")
    return found


def _user_info(user: User, env: str, app_id: str) -> dict[str, Any]:
    return {
        "uuid": user.user_id,
        "uid": user.user_id,
        "envName": env,
        "appId": app_id,
        "openId": user.openid or "",
        "wxOpenId": user.openid or "",
        "wxUnionId": user.unionid or "",
        "customUserId": user.external_id("ticket") or "",
        "isAnonymous": user.provider == "anonymous",
        "username": user.username or "",
        "email": user.email or "",
        "phone": user.phone or "",
        "hasPassword": user.has_password,
        "createTime": user.created_at,
        "updateTime": user.last_seen_at,
        **{name: user.profile.get(_OURS.get(name, name), "") for name in _PROFILE},
    }


async def report(call: Call) -> Reply:
    """Analytics are only logged: there is no consumer for them here."""
    if not isinstance(call.values.get("requestData"), dict):
        raise InvalidRequest("the parameter `requestData` must be an object / 参数 requestData 必须是对象")
    _log.info("%s analytics: %s", call.caller.space, call.values["requestData"])
    return {}


async def sign_watch(call: Call) -> Reply:
    """A ticket for the realtime socket: ``watch`` of tcb-admin-node 1.23 and node-sdk."""
    return {"data": socket_ticket(call.services, call.caller, call.request)}


ACTIONS: dict[str, Handler] = {
    "analytics.report": report,
    "auth.getUserInfoForAdmin": get_user_info,
    "auth.wsWebSign": sign_watch,
}
