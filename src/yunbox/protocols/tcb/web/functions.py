"""Calling functions, and what SDKs report about their use."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from yunbox.errors import FunctionNotFound, InvalidRequest, YunboxError
from yunbox.protocols.tcb.admin.simulation import simulate_open_data
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.built_in import find_built_in
from yunbox.protocols.tcb.web.call import Actions, Answer, Call
from yunbox.protocols.tcb.web.shared import server_call

actions = Actions()

_CLOUD_ID = "$cloudID"
_NO_OPEN_DATA = -601004
_log = logging.getLogger("yunbox.web")


@actions.add("functions.invokeFunction")
async def invoke(call: Call) -> Answer:
    """``response_data`` is the JSON text of the result, or the result itself when ``parse`` is asked for."""
    data = call.params.get("request_data")
    event = _event(data)
    if isinstance(data, str) and _CLOUD_ID in data:
        event = _with_open_data(call, event)
    text = await _result(call, call.text("function_name"), event)
    parsed = call.params.get("parse") in (True, "true") or call.request.query.get("parse") == "true"
    return {"data": {"response_data": orjson.Fragment(text) if parsed else text.decode()}}


async def _result(call: Call, name: str, event: Any) -> bytes:
    """The JSON text of what a function returns, one of the vendor's own where the space has none of this name."""
    try:
        return (await call.services.functions.invoke(call.caller, name, event)).result_json
    except FunctionNotFound:
        function = find_built_in(name)
        if function is None or call.caller.kind == "guest":
            raise
    return orjson.dumps(await function(call, event if isinstance(event, dict) else {}))


def _event(data: Any) -> Any:
    if data is None or data == "":
        return {}
    if not isinstance(data, str):
        raise InvalidRequest("the parameter `request_data` must be JSON text / 参数 request_data 必须是 JSON 字符串")
    return parse(data)


def _with_open_data(call: Call, value: Any) -> Any:
    """``value`` with the data behind each CloudID of our client, or with why there is none (tencent-client.md §9.2)."""
    if isinstance(value, list):
        return [_with_open_data(call, item) for item in value]
    if not isinstance(value, dict):
        return value
    cloud_id = value.get(_CLOUD_ID)
    if isinstance(cloud_id, str) and len(value) == 1:
        return _open_data(call, cloud_id)
    return {name: _with_open_data(call, item) for name, item in value.items()}


def _open_data(call: Call, cloud_id: str) -> Any:
    try:
        return parse(simulate_open_data(server_call(call), cloud_id))
    except YunboxError as error:
        return {"cloudID": cloud_id, "errCode": _NO_OPEN_DATA, "errMsg": error.message}


@actions.add("analytics.report")
async def report(call: Call) -> Answer:
    _log.debug("analytics of space %s: %s", call.space.id, call.params.get("requestData"))
    return {}
