"""``databasemigrateimport``, ``databasemigrateexport``, ``databasemigratequeryinfo``: files in the space's storage (DBA-1…3)."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.transfer import Format, Import, Mode
from yunbox.documents.transfer.jobs import Work
from yunbox.errors import InvalidRequest
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.database import filter_of, operation_of
from yunbox.protocols.wechat_http.errors import ApiError

_KIND = "migration"
_PATIENCE_S = 1.0
_LINK_S = 24 * 3600
_FORMATS: dict[int, Format] = {1: "json", 2: "csv"}
_MODES: dict[int, Mode] = {1: "insert", 2: "upsert"}
_STATUS = {"waiting": "waiting", "running": "processing", "done": "success", "failed": "fail"}
_MAX_MESSAGES = 20


async def import_file(call: Call) -> dict[str, Any]:
    """Add the documents of a stored file to a collection."""
    collection, key = call.text("collection_name"), _key(call)
    format = _choice(call, "file_type", _FORMATS)
    mode = _choice(call, "conflict_mode", _MODES)
    stop = bool(call.values.get("stop_on_error", False))
    space_id, files = call.space.id, call.services.files
    files.stat(space_id, key)
    await call.services.documents.engine(space_id).run(c.Count(collection, limit=1))

    async def work() -> dict[str, Any]:
        wanted = Import(collection, mode, stop_on_error=stop, new_id=TCB.new_id)
        with files.open_file(space_id, key) as file:
            report = await call.services.transfers.import_file(space_id, file, format, wanted)
        problems = [f"line {error['line']}: {error['message']}" for error in report.errors[:_MAX_MESSAGES]]
        message = "; ".join(problems) or "导入完成."
        failed = report.stopped or (report.failed and not report.succeeded)
        counts = {"succeeded": report.succeeded, "failed": report.failed}
        return {**counts, "message": message, "status": "failed" if failed else "done"}

    return await _started(call, work)


async def export_file(call: Call) -> dict[str, Any]:
    """Write what a script finds into a file of the space's storage."""
    key, format = _key(call), _choice(call, "file_type", _FORMATS)
    operation = operation_of(call, "get")
    fields = [name for name, shown in (operation.fields or {}).items() if shown]
    if format == "csv" and not fields:
        raise ApiError(40097, "CSV needs the fields to export: add .field({name: true}) / 导出 CSV 需要指定字段")
    find = c.Find(
        operation.collection,
        filter_of(operation),
        projection=operation.fields,
        sort=list(operation.order) or None,
        skip=operation.skip,
        limit=operation.limit or 0,
    )
    space_id = call.space.id
    await call.services.documents.engine(space_id).run(c.Count(find.collection, find.filter, limit=1))

    async def work() -> dict[str, Any]:
        with cast(BinaryIO, tempfile.TemporaryFile(dir=call.space.directory)) as file:
            columns = fields if format == "csv" else ()
            count = await call.services.transfers.export_file(space_id, find, file, format, columns)
            file.seek(0)
            await call.services.files.put_file(call.caller, key, file)
        return {"succeeded": count, "message": "导出完成."}

    return await _started(call, work, key=key)


async def query_info(call: Call) -> dict[str, Any]:
    """What has become of a job."""
    row = call.services.transfers.jobs.get(call.space.id, str(_job_id(call)), _KIND)
    link = ""
    if row["status"] == "done" and "key" in row:
        files = call.services.files
        link = call.services.address.public + files.temporary_url(call.space.id, row["key"], _LINK_S)
    return {
        "status": _STATUS[row["status"]],
        "record_success": row.get("succeeded", 0),
        "record_fail": row.get("failed", 0),
        # The vendor's table and example disagree on the key (semantics.md §14.1).
        "err_msg": row["message"],
        "error_msg": row["message"],
        "file_url": link,
    }


async def _started(call: Call, work: Work, **content: Any) -> dict[str, Any]:
    jobs, job = call.services.transfers.jobs, 10**8 + secrets.randbelow(9 * 10**8)
    jobs.add(call.space.id, str(job), _KIND, **content)
    await jobs.start(call.space.id, str(job), work, _PATIENCE_S)
    return {"job_id": job}


def _job_id(call: Call) -> Any:
    job = call.values.get("job_id")
    if job is None:
        raise ApiError(40101, "missing parameter `job_id`")
    return job


def _key(call: Call) -> str:
    return call.text("file_path").removeprefix("/")


def _choice(call: Call, name: str, choices: Mapping[int, Any]) -> Any:
    if call.values.get(name) is None:
        raise ApiError(40101, f"missing parameter `{name}`")
    chosen = choices.get(call.number(name, 0))
    if chosen is None:
        raise InvalidRequest(f"`{name}` must be one of {', '.join(map(str, choices))}")
    return chosen


ACTIONS: dict[str, Handler] = {
    "databasemigrateexport": export_file,
    "databasemigrateimport": import_file,
    "databasemigratequeryinfo": query_info,
}
