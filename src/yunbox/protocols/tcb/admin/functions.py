"""``functions.invokeFunction``: one function calling another, or a server calling a function."""

from __future__ import annotations

from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.values import parse


async def invoke(call: Call) -> Reply:
    """Run a function; ``response_data`` is the JSON text of its result (tencent-server-wire.md §6)."""
    result = await call.services.functions.invoke(call.caller, call.text("function_name"), _event(call))
    text = result.result_json.decode()
    return {"data": {"response_data": parse(text) if call.flag("parse", False) else text}}


def _event(call: Call) -> bytes:
    data = call.values.get("request_data")
    if data is None or data == "":
        return b"{}"
    if not isinstance(data, str):
        raise InvalidRequest("the parameter `request_data` must be JSON text / 参数 request_data 必须是 JSON 字符串")
    parse(data)
    return data.encode()


ACTIONS: dict[str, Handler] = {"functions.invokeFunction": invoke}
