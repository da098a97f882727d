"""Developer mode keeps every call to WeChat's API, simulated or relayed, for inspection: ``yunbox openapi calls``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin.call import Call
from yunbox.protocols.tcb.admin.wechat import Answer
from yunbox.protocols.tcb.values import parse
from yunbox.statistics import PlatformCall


async def keep(call: Call, api: str, arguments: Mapping[str, Any], answer: Any, *, simulated: bool = True) -> None:
    """Keep a call and what it was answered, ``answer`` being an API's answer, the number of a refusal, or JSON."""
    if call.services.settings.mode != "dev":
        return
    shown = _shown(answer)
    kept = PlatformCall(
        at=call.services.clock.now_ms(),
        api=api,
        function=call.caller.function or "",
        caller=call.caller.openid or "",
        simulated=simulated,
        error=_error(shown),
        arguments={name: _short(value) for name, value in arguments.items()},
        answer=shown,
    )
    await asyncio.to_thread(call.services.platform_calls.add, call.caller.space, kept)


def _shown(answer: Any) -> Any:
    if isinstance(answer, int):
        return {"errcode": answer}
    if not isinstance(answer, Answer):
        return answer
    if "json" not in answer.content_type and "text" not in answer.content_type:
        return f"<{len(answer.body)} bytes of {answer.content_type}>"
    try:
        return parse(answer.body)
    except InvalidRequest:
        return answer.body.decode("utf-8", "replace")


def _error(answer: Any) -> int:
    number = answer.get("errcode", 0) if isinstance(answer, dict) else 0
    return number if isinstance(number, int) else 0


def _short(value: Any) -> Any:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value
