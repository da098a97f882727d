"""``serverless.function.runtime.invoke``: calls a cloud function and splices its result (aliyun-wire.md §4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.envelope import NOTHING, spliced


async def invoke(call: Call) -> Any:
    """The function's return value as JSON text; nothing at all when it returned ``undefined``.

    An object with a numeric ``affectedDocs`` is taken for a database result by every SDK; the cloud has the same trap.
    """
    caller = replace(call.caller, source=call.caller.source or "client")
    arguments = call.params.get("functionArgs")
    invocation = await call.services.functions.invoke(
        caller, call.text("functionTarget"), {} if arguments is None else arguments
    )
    return spliced(invocation.result_json) if invocation.result_json else NOTHING


METHODS: dict[str, Method] = {
    "serverless.function.runtime.invoke": invoke,
    "serverless.function.isv.runtime.invoke": invoke,
}
