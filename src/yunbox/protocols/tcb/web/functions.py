"""Calling functions, and what SDKs report about their use."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()

_log = logging.getLogger("yunbox.web")


@actions.add("functions.invokeFunction")
async def invoke(call: Call) -> Answer:
    """``response_data`` is the JSON text of the result, or the result itself when ``parse`` is asked for."""
    event = _event(call.params.get("request_data"))
    invocation = await call.services.functions.invoke(call.caller, call.text("function_name"), event)
    parsed = call.params.get("parse") in (True, "true") or call.request.query.get("parse") == "true"
    text = invocation.result_json
    return {"data": {"response_data": orjson.Fragment(text) if parsed else text.decode()}}


def _event(data: Any) -> Any:
    if data is None or data == "":
        return {}
    if not isinstance(data, str):
        raise InvalidRequest("the parameter `request_data` must be JSON text / 参数 request_data 必须是 JSON 字符串")
    return parse(data)


@actions.add("analytics.report")
async def report(call: Call) -> Answer:
    _log.debug("analytics of space %s: %s", call.space.id, call.params.get("requestData"))
    return {}
