"""``scf.Invoke``, and what functions have printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from yunbox.errors import FunctionFailed
from yunbox.functions.function import Invocation, LogLine
from yunbox.functions.logs import LogRecord
from yunbox.protocols.tencentcloud.call import Call, Handler, read_time, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported
from yunbox.protocols.tencentcloud.functions import function_of

_DAY_MS = 24 * 3600 * 1000
_MOST = 10_000
_WORD = re.compile(r'(?:(?P<field>\w+)\s*:\s*)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s":()]+))\s*')
_FIELDS = ("function_name", "request_id", "status", "log")
_ALWAYS = {"module": ("function", "scf"), "src": ("app", "scf"), "tcb_type": ("scf",)}
"""Fields that every line here has, and the values that mean them."""


async def invoke(call: Call) -> dict[str, Any]:
    """Call a function and wait. What it threw is in the answer, not an error of the request."""
    function = function_of(call)
    if call.text("InvocationType", "RequestResponse") != "RequestResponse":
        raise unsupported("asynchronous calls are not made here; call with RequestResponse / 不支持异步调用")
    event = call.text("ClientContext", "{}").encode()
    try:
        done = await call.services.functions.invoke(call.caller, function.name, event)
    except FunctionFailed as error:
        return {"Result": _failed(error)}
    return {"Result": _succeeded(done)}


def _succeeded(done: Invocation) -> dict[str, Any]:
    return {
        **_result(done.request_id, done.duration_ms, done.logs, done.memory),
        "RetMsg": (done.result_json or b"null").decode(),
        "ErrMsg": "",
        "InvokeResult": 0,
    }


def _failed(error: FunctionFailed) -> dict[str, Any]:
    told = {"errorCode": 1, "errorMessage": error.message, "requestId": error.data.get("request_id", "")}
    if error.stack:
        told["stackTrace"] = error.stack
    return {
        **_result(told["requestId"], error.data.get("duration_ms", 0.0), error.data.get("logs", ())),
        "RetMsg": orjson.dumps(told).decode(),
        "ErrMsg": error.message,
        "InvokeResult": -1 if error.reason == "timeout" else 1,
    }


def _result(request_id: str, duration_ms: float, lines: Sequence[LogLine], memory: int = 0) -> dict[str, Any]:
    return {
        "FunctionRequestId": request_id,
        "Duration": round(duration_ms, 2),
        "BillDuration": round(duration_ms),
        "MemUsage": memory,
        "Log": "\n".join(line.text for line in lines),
    }


async def function_logs(call: Call) -> dict[str, Any]:
    """Calls with what they printed, the newest first."""
    records = await _records(call)
    rows = [_log_row(record) for record in call.page(records, 10_000)]
    return {"Data": rows, "TotalCount": len(records), "SearchContext": {"Offset": "", "Limit": 0}}


async def call_list(call: Call) -> dict[str, Any]:
    """Calls without what they printed (``tcb``, @cloudbase/manager-node 4)."""
    records = await _records(call)
    rows = [{name: row for name, row in _log_row(record).items() if name != "Log"} for record in call.page(records)]
    return {"LogList": rows, "TotalCount": len(records)}


async def call_detail(call: Call) -> dict[str, Any]:
    """One call with what it printed."""
    wanted = call.text("LogRequestId")
    records = await call.services.functions.logs(call.space.id, request_id=wanted, limit=1)
    if not records:
        raise ApiError("ResourceNotFound", f"there is no log of the request `{wanted[:64]}` / 日志不存在")
    row = _log_row(records[0])
    return {**row, "LogJson": orjson.dumps({"Log": row["Log"]}).decode(), "FunctionRequestId": row["RequestId"]}


async def search(call: Call) -> dict[str, Any]:
    """Printed lines that match ``QueryString``: words, and ``function_name:``, ``request_id:``, joined by AND.

    Raises:
        ApiError: ``FailedOperation.SyntaxError`` for the rest of the vendor's query language.
    """
    conditions = _conditions(call.text("QueryString", "*"))
    since, until = read_time(call.text("StartTime")), read_time(call.text("EndTime"))
    wanted = {name: conditions[name] for name in ("request_id",) if name in conditions}
    if "function_name" in conditions:
        wanted["function"] = conditions["function_name"]
    records = await call.services.functions.logs(call.space.id, after=since, before=until, limit=_MOST, **wanted)
    lines = [(record, line) for record in records for line in record.lines if _matches(record, line, conditions)]
    lines.sort(key=lambda pair: pair[1].at, reverse=call.text("Sort", "desc") != "asc")
    start, size = call.number("Context", 0), call.number("Limit", 20, 100)
    page = lines[start : start + size]
    over = start + size >= len(lines)
    results = [_line_row(record, line) for record, line in page]
    context = "" if over else str(start + size)
    return {"LogResults": {"Context": context, "ListOver": over, "Results": results, "AnalysisRecords": []}}


ACTIONS: dict[str, Handler] = {
    "scf.GetFunctionLogs": function_logs,
    "scf.Invoke": invoke,
    "tcb.GetFunctionLogDetail": call_detail,
    "tcb.GetFunctionLogs": call_list,
    "tcb.SearchClsLog": search,
}


async def _records(call: Call) -> list[LogRecord]:
    """The calls that a request asks for, of the last day unless it says otherwise."""
    now = call.services.clock.now_ms()
    since = read_time(call.text("StartTime")) if call.values.get("StartTime") else now - _DAY_MS
    until = read_time(call.text("EndTime")) if call.values.get("EndTime") else now + 1000
    wanted: dict[str, Any] = {"after": since, "before": until, "limit": _MOST}
    for parameter, name in (
        ("FunctionName", "function"),
        ("FunctionRequestId", "request_id"),
        ("RequestId", "request_id"),
    ):
        if value := call.text(parameter, ""):
            wanted[name] = value
    records = list(await call.services.functions.logs(call.space.id, **wanted))
    return records[::-1] if call.text("Order", "desc").lower() == "asc" else records


def _log_row(record: LogRecord) -> dict[str, Any]:
    return {
        "FunctionName": record.function,
        "RequestId": record.request_id,
        "StartTime": shown_time(record.started_at),
        "Duration": round(record.duration_ms, 2),
        "BillDuration": round(record.duration_ms),
        "MemUsage": 0,
        "RetCode": 0 if record.status == "success" else 1,
        "RetMsg": record.status,
        "InvokeFinished": 1,
        "Level": "",
        "Source": "",
        "RetryNum": 0,
        "Log": "\n".join(line.text for line in record.lines),
    }


def _conditions(query: str) -> dict[str, Any]:
    """The fields and words of a search.

    Raises:
        ApiError: for what cannot be searched for.
    """
    found: dict[str, Any] = {"words": []}
    position, text = 0, query.strip()
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise _unreadable(text[position:])
        position = match.end()
        field, value = match["field"], match["quoted"] if match["quoted"] is not None else match["plain"]
        if field is None and value.upper() in ("AND", "*"):
            continue
        if (field is None and value.upper() in ("OR", "NOT")) or value == "|":
            raise _unreadable(value)
        _add_condition(found, field, value)
    return found


def _add_condition(found: dict[str, Any], field: str | None, value: str) -> None:
    if field is None or field == "log":
        found["words"].append(value)
    elif field in _FIELDS:
        found[field] = value
    elif value.lower() not in _ALWAYS.get(field, ()):
        raise _unreadable(f"{field}:{value}")


def _unreadable(part: str) -> ApiError:
    return ApiError(
        "FailedOperation.SyntaxError",
        f"cannot search for `{part[:60]}`: use words, function_name: and request_id:, joined by AND"
        " / 仅支持关键词、function_name: 与 request_id:，用 AND 连接",
    )


def _matches(record: LogRecord, line: LogLine, conditions: Mapping[str, Any]) -> bool:
    if "status" in conditions and conditions["status"] not in (
        record.status,
        "0" if record.status == "success" else "1",
    ):
        return False
    return all(word in line.text for word in conditions["words"])


def _line_row(record: LogRecord, line: LogLine) -> dict[str, Any]:
    content = {
        "function_name": record.function,
        "request_id": record.request_id,
        "level": line.level,
        "log": line.text,
        "start_time": shown_time(record.started_at),
        "duration": round(record.duration_ms, 2),
        "status": record.status,
        "module": "function",
    }
    return {
        "TopicId": "functions",
        "TopicName": "functions",
        "Timestamp": str(line.at),
        "Content": orjson.dumps(content).decode(),
        "FileName": "",
        "Source": "",
    }
