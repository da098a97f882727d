"""``invokecloudfunction``: the raw body is the event, and there is no user behind the call."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.errors import ApiError


async def invoke(call: Call) -> dict[str, Any]:
    name = call.query.get("name", "")
    if not name:
        raise ApiError(40101, "missing parameter `name` in the URL")
    try:
        event = orjson.loads(call.body) if call.body.strip() else {}
    except orjson.JSONDecodeError:
        raise ApiError(47001, "data format error: the body is not JSON") from None
    invocation = await call.services.functions.invoke(replace(call.caller, source="wx_http"), name, event)
    return {"resp_data": invocation.result_json.decode()}


ACTIONS: dict[str, Handler] = {"invokecloudfunction": invoke}
