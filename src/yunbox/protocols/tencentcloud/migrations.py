"""``tcb``: collections from and to files in the space's storage."""

from __future__ import annotations

from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.transfer import Format, Import, Mode
from yunbox.protocols.migrations import Migrations
from yunbox.protocols.tcb.values import Decoder
from yunbox.protocols.tencentcloud.call import Call, Handler
from yunbox.protocols.tencentcloud.errors import ApiError

_FORMATS: dict[str, Format] = {"json": "json", "csv": "csv"}
_MODES: dict[str, Mode] = {"insert": "insert", "upsert": "upsert"}
_STATUS = {"waiting": "waiting", "running": "processing", "done": "success", "failed": "fail"}


async def import_file(call: Call) -> dict[str, Any]:
    """Add the documents of a stored file to a collection, which must exist."""
    format, mode = _choice(call, "FileType", _FORMATS, "json"), _choice(call, "ConflictMode", _MODES, "insert")
    stop = str(call.values.get("StopOnError", False)).lower() == "true"
    wanted = Import(call.text("CollectionName"), mode, stop_on_error=stop, new_id=TCB.new_id)
    return {"JobId": await _migrations(call).import_file(_key(call), format, wanted)}


async def export_file(call: Call) -> dict[str, Any]:
    """Write a collection, or what ``Query``, ``Fields``, ``Sort``, ``Skip``, ``Limit`` choose of it, into a stored file."""
    key, format = _key(call), _choice(call, "FileType", _FORMATS, "json")
    fields = [name.strip() for name in call.text("Fields", "").split(",") if name.strip()]
    if format == "csv" and not fields:
        raise ApiError("MissingParameter", "CSV needs Fields / 导出 CSV 需要指定 Fields")
    find = c.Find(
        call.text("CollectionName"),
        _document(call, "Query"),
        sort=_document(call, "Sort") or None,
        skip=call.number("Skip", 0),
        limit=call.number("Limit", 0),
    )
    return {"JobId": await _migrations(call).export_file(find, key, format, fields)}


async def query_info(call: Call) -> dict[str, Any]:
    """What has become of a job."""
    progress = _migrations(call).progress(str(call.number("JobId", 0)))
    return {
        "Status": _STATUS[progress.status],
        "RecordSuccess": progress.succeeded,
        "RecordFail": progress.failed,
        "ErrorMsg": progress.message,
        "FileUrl": progress.link and call.origin + progress.link,
    }


ACTIONS: dict[str, Handler] = {
    "tcb.DatabaseMigrateExport": export_file,
    "tcb.DatabaseMigrateImport": import_file,
    "tcb.DatabaseMigrateQueryInfo": query_info,
}


def _migrations(call: Call) -> Migrations:
    return Migrations(call.services, call.space, call.caller)


def _key(call: Call) -> str:
    return call.text("FilePath").removeprefix("/")


def _choice(call: Call, name: str, choices: dict[str, Any], default: str) -> Any:
    value = call.text(name, default).lower()
    if value not in choices:
        raise ApiError("InvalidParameterValue", f"{name} must be one of {', '.join(choices)} / {name} 取值错误")
    return choices[value]


def _document(call: Call, name: str) -> dict[str, Any]:
    """A document as Extended JSON text; absent is empty."""
    text = call.text(name, "")
    try:
        value = Decoder(call.services.clock.now_ms()).decode(orjson.loads(text)) if text else {}
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ApiError("InvalidParameterValue", f"{name} must be a JSON object as text / {name} 应为 JSON 对象字符串")
    return value
