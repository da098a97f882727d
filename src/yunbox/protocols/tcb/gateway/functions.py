"""Functions on the gateway: the body is the event, the answer is the bare result."""

from __future__ import annotations

from typing import Any

import orjson

from yunbox.protocols.tcb.gateway.handler import Resources
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.call import Call

resources = Resources()


@resources.add("POST", "functions/{name}")
async def invoke(call: Call, parts: dict[str, str]) -> Any:
    body = await call.request.body()
    event = parse(body) if body.strip() else {}
    invocation = await call.services.functions.invoke(call.caller, parts["name"], event)
    return orjson.Fragment(invocation.result_json)
