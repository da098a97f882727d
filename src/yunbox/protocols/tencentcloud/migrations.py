"""``tcb``: collections from and to files in the space's storage."""

from __future__ import annotations

import secrets
import tempfile
from typing import Any, BinaryIO, cast

import orjson

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.transfer import Format, Import, Mode
from yunbox.documents.transfer.jobs import Work
from yunbox.protocols.tcb.values import Decoder
from yunbox.protocols.tencentcloud.call import Call, Handler
from yunbox.protocols.tencentcloud.errors import ApiError

_KIND = "migration"
_PATIENCE_S = 1.0
_LINK_S = 24 * 3600
_FORMATS: dict[str, Format] = {"json": "json", "csv": "csv"}
_MODES: dict[str, Mode] = {"insert": "insert", "upsert": "upsert"}
_STATUS = {"waiting": "waiting", "running": "processing", "done": "success", "failed": "fail"}
_MAX_MESSAGES = 20


async def import_file(call: Call) -> dict[str, Any]:
    """Add the documents of a stored file to a collection, which must exist."""
    collection, key = call.text("CollectionName"), call.text("FilePath").removeprefix("/")
    format, mode = _choice(call, "FileType", _FORMATS, "json"), _choice(call, "ConflictMode", _MODES, "insert")
    stop = str(call.values.get("StopOnError", False)).lower() == "true"
    space_id, files = call.space.id, call.services.files
    files.stat(space_id, key)
    await call.services.documents.engine(space_id).run(c.Count(collection, limit=1))

    async def work() -> dict[str, Any]:
        wanted = Import(collection, mode, stop_on_error=stop, new_id=TCB.new_id)
        with files.open_file(space_id, key) as file:
            report = await call.services.transfers.import_file(space_id, file, format, wanted)
        problems = [f"line {error['line']}: {error['message']}" for error in report.errors[:_MAX_MESSAGES]]
        failed = report.stopped or (report.failed and not report.succeeded)
        counts = {"succeeded": report.succeeded, "failed": report.failed, "message": "; ".join(problems)}
        return {**counts, "status": "failed" if failed else "done"}

    return await _started(call, work)


async def export_file(call: Call) -> dict[str, Any]:
    """Write a collection, or what ``Query``, ``Fields``, ``Sort``, ``Skip``, ``Limit`` choose of it, into a stored file."""
    key, format = call.text("FilePath").removeprefix("/"), _choice(call, "FileType", _FORMATS, "json")
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
    await call.services.documents.engine(call.space.id).run(c.Count(find.collection, find.filter, limit=1))

    async def work() -> dict[str, Any]:
        with cast(BinaryIO, tempfile.TemporaryFile(dir=call.space.directory)) as file:
            count = await call.services.transfers.export_file(call.space.id, find, file, format, fields)
            file.seek(0)
            await call.services.files.put_file(call.caller, key, file)
        return {"succeeded": count}

    return await _started(call, work, key=key)


async def query_info(call: Call) -> dict[str, Any]:
    """What has become of a job."""
    row = call.services.transfers.jobs.get(call.space.id, str(call.number("JobId", 0)), _KIND)
    link = ""
    if row["status"] == "done" and "key" in row:
        link = call.origin + call.services.files.temporary_url(call.space.id, row["key"], _LINK_S)
    return {
        "Status": _STATUS[row["status"]],
        "RecordSuccess": row.get("succeeded", 0),
        "RecordFail": row.get("failed", 0),
        "ErrorMsg": row["message"],
        "FileUrl": link,
    }


ACTIONS: dict[str, Handler] = {
    "tcb.DatabaseMigrateExport": export_file,
    "tcb.DatabaseMigrateImport": import_file,
    "tcb.DatabaseMigrateQueryInfo": query_info,
}


async def _started(call: Call, work: Work, **content: Any) -> dict[str, Any]:
    jobs, job = call.services.transfers.jobs, 10**8 + secrets.randbelow(9 * 10**8)
    jobs.add(call.space.id, str(job), _KIND, **content)
    await jobs.start(call.space.id, str(job), work, _PATIENCE_S)
    return {"JobId": job}


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
