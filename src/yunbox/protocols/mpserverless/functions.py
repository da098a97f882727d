"""``serverless.function.runtime.invoke``: calls a cloud function and splices its result (aliyun-wire.md §4)."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import replace

from yunbox.errors import FunctionNotFound, PermissionDenied, Unauthenticated
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.envelope import NOTHING, Reply, spliced
from yunbox.protocols.mpserverless.errors import GatewayError

ALIPAY_FUNCTION = "alipay-openapi"


async def invoke(call: Call) -> Any:
    """The function's return value as JSON text; nothing at all when it returned ``undefined``.

    An object with a numeric ``affectedDocs`` is taken for a database result by every SDK; the cloud has the same trap.
    """
    caller = replace(call.caller, source=call.caller.source or "client")
    name, arguments = call.text("functionTarget"), call.params.get("functionArgs")
    try:
        invocation = await call.services.functions.invoke(caller, name, {} if arguments is None else arguments)
    except FunctionNotFound:
        if name != ALIPAY_FUNCTION:
            raise
        return await _call_alipay(call, arguments)
    data = spliced(invocation.returned) if invocation.returned else NOTHING
    header = {
        "x-fc-invocation-duration": str(round(invocation.duration_ms)),
        "x-fc-max-memory-usage": str(math.ceil(invocation.memory / 2**20)),
    }
    return Reply(data, invocation.request_id, header)


async def _call_alipay(call: Call, arguments: Any) -> dict[str, Any]:
    """The cloud's own function for Alipay's open API. It uses the merchant's keys: clients may call chosen methods only."""
    if not isinstance(arguments, dict) or not isinstance(arguments.get("method"), str):
        raise GatewayError("InvalidParameter", "`functionArgs.method` must be a string / 缺少参数 method")
    if not (call.caller.is_admin or _is_for_clients(call, arguments["method"])):
        raise PermissionDenied(
            f"clients may not call `{arguments['method']}`; allow it with `yunbox space set {call.space.id}"
            f" alipay_client_methods={arguments['method']}` / 该接口未对客户端开放"
        )
    params = arguments.get("params")
    try:
        return await call.services.identity.call_alipay(
            call.space, call.caller.app_id or "", arguments["method"], params if isinstance(params, dict) else {}
        )
    except Unauthenticated as error:
        raise GatewayError("InvalidParameter.AppId", error.message) from None


def _is_for_clients(call: Call, method: str) -> bool:
    allowed = {name.strip() for name in str(call.space.settings.get("alipay_client_methods") or "").split(",")}
    return bool({"*", method} & allowed)


METHODS: dict[str, Method] = {
    "serverless.function.runtime.invoke": invoke,
    "serverless.function.isv.runtime.invoke": invoke,
}
