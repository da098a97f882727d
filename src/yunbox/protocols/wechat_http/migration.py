"""``databasemigrateimport``, ``databasemigrateexport``, ``databasemigratequeryinfo``: files in the space's storage (DBA-1…3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.transfer import Format, Import, Mode
from yunbox.errors import InvalidRequest
from yunbox.protocols.migrations import Migrations, Progress
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.database import filter_of, operation_of
from yunbox.protocols.wechat_http.errors import ApiError

_FORMATS: dict[int, Format] = {1: "json", 2: "csv"}
_MODES: dict[int, Mode] = {1: "insert", 2: "upsert"}
_STATUS = {"waiting": "waiting", "running": "processing", "done": "success", "failed": "fail"}


async def import_file(call: Call) -> dict[str, Any]:
    """Add the documents of a stored file to a collection."""
    collection, key = call.text("collection_name"), _key(call)
    format = _choice(call, "file_type", _FORMATS)
    mode = _choice(call, "conflict_mode", _MODES)
    stop = bool(call.values.get("stop_on_error", False))
    wanted = Import(collection, mode, stop_on_error=stop, new_id=TCB.new_id)
    return {"job_id": await _migrations(call).import_file(key, format, wanted)}


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
    columns = fields if format == "csv" else ()
    return {"job_id": await _migrations(call).export_file(find, key, format, columns)}


async def query_info(call: Call) -> dict[str, Any]:
    """What has become of a job."""
    progress = _migrations(call).progress(str(_job_id(call)))
    message = _message(progress)
    return {
        "status": _STATUS[progress.status],
        "record_success": progress.succeeded,
        "record_fail": progress.failed,
        # The vendor's table and example disagree on the key (semantics.md §14.1).
        "err_msg": message,
        "error_msg": message,
        "file_url": progress.link and call.services.address.public + progress.link,
    }


def _message(progress: Progress) -> str:
    if progress.message or progress.status != "done":
        return progress.message
    return "导出完成." if progress.exports else "导入完成."


def _migrations(call: Call) -> Migrations:
    return Migrations(call.services, call.space, call.caller)


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
