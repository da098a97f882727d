"""``getqcloudtoken``: a temporary key pair that opens one space to the server SDKs."""

from __future__ import annotations

from typing import Any

from yunbox.caller import Caller
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.errors import ApiError

LIFESPAN_S = 7200
PER_HOUR = 10
_RATE_EXCEEDED = 45009
_RESOURCE = "credentials"
_NAME = "issued"


async def temporary_keys(call: Call) -> dict[str, Any]:
    """Keys that end ``lifespan`` seconds from now (7200 at most, and by default); ten in an hour."""
    lifespan = call.number("lifespan", LIFESPAN_S)
    if not 0 < lifespan <= LIFESPAN_S:
        raise ApiError(40097, f"`lifespan` must be between 1 and {LIFESPAN_S} seconds")
    _count(call)
    caller = Caller("function", call.space.id, source="server", client_ip=call.caller.client_ip)
    issued = call.services.functions.capabilities.issue(caller, lifespan)
    return {
        "secretid": issued.secret_id,
        "secretkey": issued.secret_key,
        "token": issued.token,
        "expired_time": int(call.services.clock()) + lifespan,
    }


def _count(call: Call) -> None:
    """Raises `ApiError` 45009 when ten were issued within the hour."""
    spaces, now = call.services.spaces, call.services.clock()
    recent = [at for at in spaces.rule(call.space.id, _RESOURCE, _NAME) or () if at > now - 3600]
    if len(recent) >= PER_HOUR:
        raise ApiError(
            _RATE_EXCEEDED, f"reach max api limit: {PER_HOUR} keys in an hour / 每小时最多获取 {PER_HOUR} 次"
        )
    spaces.set_rule(call.space.id, _RESOURCE, _NAME, [*recent, now])


ACTIONS: dict[str, Handler] = {"getqcloudtoken": temporary_keys}
