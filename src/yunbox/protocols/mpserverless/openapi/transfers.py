"""Actions that move documents: export to a file, import from one, and restore from a backup (DBA-3, DBA-5).

A task's file is an object whose name cannot be guessed; an import's goes once it has been read, an export's after a day.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO
from yunbox.documents.transfer import Format, Import, Mode, Report
from yunbox.errors import AlreadyExists, FileNotFound, InvalidRequest, NotFound
from yunbox.protocols.mpserverless import addresses, oss
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal
from yunbox.tools.backup import list_backups

_EXPORT_S = 24 * 3600
_PATIENCE_S = 5.0
"""How long an answer waits for its task to end, so that small ones are seen as done."""
_FORMATS: dict[str, Format] = {"JSON": "json", "CSV": "csv"}
_MODES: dict[str, Mode] = {"INSERT": "skip", "UPSERT": "upsert"}
"""``INSERT`` leaves documents alone whose ``_id`` is there already (DBA-3)."""
_STATUS = {"waiting": "CREATED", "running": "PROCESSING", "done": "SUCCESS", "failed": "FAILED"}
_MAX_MESSAGES = 20


async def create_export(action: Action) -> dict[str, Any]:
    """Write a collection's documents, or the named fields of them, into a file."""
    collection, file_type = action.text("Collection"), _choice(action, "FileType", _FORMATS)
    fields = [field.strip() for field in action.text("Fields", "").split(",") if field.strip()]
    if file_type == "CSV" and not fields:
        raise Refusal(400, "MissingFields", "CSV needs Fields. / 导出 CSV 需要指定 Fields")
    engine = action.services.documents.engine(action.space.id)
    await engine.run(c.Count(collection, limit=1))
    await _drop_old_exports(action)
    task = str(uuid.uuid4())
    key = f"exports/{task}.{file_type.lower()}"

    async def work() -> dict[str, Any]:
        with _temporary_file(action) as file:
            transfers = action.services.transfers
            count = await transfers.export_file(action.space.id, c.Find(collection), file, _FORMATS[file_type], fields)
            file.seek(0)
            await action.services.files.put_file(action.caller, key, file, "application/octet-stream")
        return {"count": count}

    await _start(action, task, "export", work, key=key)
    return {"TaskId": task}


async def query_export(action: Action) -> dict[str, Any]:
    task = _task(action, "export")
    url = ""
    if task["status"] == "done":
        url = addresses.file_url(action.services, action.origin, action.space, task["key"], _EXPORT_S)
    return {
        "Status": _STATUS[task["status"]],
        "DownloadUrl": url,
        "ExportedCount": str(task.get("count", 0)),
        "DetailMessage": task["message"],
    }


async def create_import(action: Action) -> dict[str, Any]:
    """Where the file may be posted; the import begins when its status is asked for."""
    collection, file_type = action.text("Collection"), _choice(action, "FileType", _FORMATS)
    mode = _choice(action, "Mode", _MODES, "INSERT")
    task = str(uuid.uuid4())
    ticket = action.services.files.prepare_upload(action.caller, f"imports/{task}.{file_type.lower()}")
    form = oss.sign(action.services, action.space, ticket)
    content = {"key": ticket.key, "collection": collection, "mode": _MODES[mode], "format": _FORMATS[file_type]}
    action.services.transfers.jobs.add(action.space.id, task, "import", **content)
    return {
        "TaskId": task,
        "Host": addresses.upload_host(action.origin, action.space, with_scheme=True),
        "FileKey": ticket.key,
        "AccessKeyId": form["accessKeyId"],
        "Policy": form["policy"],
        "Signature": form["signature"],
        "ExpireTime": str(ticket.expires_at * 1000),
    }


async def query_import(action: Action) -> dict[str, Any]:
    """Begin the import once its file is there, and say what became of it."""
    task = _task(action, "import")
    if task["status"] == "waiting":
        await _begin_import(action, task)
        task = _task(action, "import")
    return {
        "Status": _STATUS[task["status"]],
        "SuccessCount": str(task.get("succeeded", 0)),
        "FailedCount": str(task.get("failed", 0)),
        "DetailMessage": task["message"],
    }


async def _begin_import(action: Action, task: Mapping[str, Any]) -> None:
    files, key = action.services.files, task["key"]
    try:
        files.stat(action.space.id, key)
    except FileNotFound:
        return

    async def work() -> dict[str, Any]:
        await action.services.documents.create_by_default(action.space.id, task["collection"])
        wanted = Import(task["collection"], task["mode"], new_id=MONGO.new_id)
        try:
            with files.open_file(action.space.id, key) as file:
                report = await action.services.transfers.import_file(action.space.id, file, task["format"], wanted)
        finally:
            await files.delete(action.caller, [key])
        return _outcome(report)

    await action.services.transfers.jobs.start(action.space.id, action.text("TaskId"), work, _PATIENCE_S)


def _outcome(report: Report) -> dict[str, Any]:
    problems = [f"line {error['line']}: {error['message']}" for error in report.errors[:_MAX_MESSAGES]]
    if report.skipped:
        problems.insert(0, f"{report.skipped} documents exist already and stay as they are / 已存在，未修改")
    message = "; ".join(problems)
    status = "failed" if report.failed and not report.succeeded else "done"
    written = report.inserted + report.updated
    return {"status": status, "succeeded": written, "failed": report.failed, "message": message}


async def backup_times(action: Action) -> dict[str, Any]:
    """The server's backups, the newest first."""
    backups = await asyncio.to_thread(list_backups, action.services.settings.data)
    rows = [{"BackupId": info.name, "DumpTime": str(info.created_at)} for info in backups]
    return {"BackupDumpTimes": rows}


async def backup_collections(action: Action) -> dict[str, Any]:
    """The collections of this space in one backup."""
    backup = action.text("BackupId")
    try:
        found = await action.services.transfers.collections_in(action.space.id, backup)
    except NotFound:
        raise _no_backup(backup) from None
    return {"Collections": [info.name for info in found]}


async def create_restore(action: Action) -> dict[str, Any]:
    """Copy collections out of a backup into new ones (``<name>_bak`` by default), which must not exist."""
    backup, origins = action.text("BackupId"), action.texts("OriginCollections")
    new_names = action.texts("NewCollections") or [f"{origin}_bak" for origin in origins]
    if not origins or len(origins) != len(new_names):
        raise Refusal(400, "InvalidNewCollections", "OriginCollections and NewCollections must be of one length.")
    names = dict(zip(origins, new_names, strict=True))
    await _check_restore(action, backup, names)
    task = str(uuid.uuid4())

    async def work() -> dict[str, Any]:
        done = await action.services.transfers.restore(action.space.id, backup, names)
        return {"succeeded": done["documents"]}

    await _start(action, task, "restore", work)
    return {"TaskId": task}


async def _check_restore(action: Action, backup: str, names: Mapping[str, str]) -> None:
    known = (await backup_collections(action))["Collections"]
    if missing := [name for name in names if name not in known]:
        raise Refusal(404, "InvalidCollection.NotFound", f"the backup has no collection `{missing[0]}`")
    try:
        action.services.transfers.check_new_names(action.space.id, names)
    except AlreadyExists as error:
        raise Refusal(409, "EntityAlreadyExists", error.message) from None
    except InvalidRequest as error:
        raise Refusal(400, "InvalidNewCollections", error.message) from None


async def query_restore(action: Action) -> dict[str, Any]:
    task = _task(action, "restore")
    return {
        "Status": _STATUS[task["status"]],
        "SuccessCount": task.get("succeeded", 0),
        "FailedCount": 0,
        "DetailMessage": task["message"],
    }


ACTIONS: dict[str, Handler] = {
    "CreateDBExportTask": create_export,
    "QueryDBExportTaskStatus": query_export,
    "CreateDBImportTask": create_import,
    "QueryDBImportTaskStatus": query_import,
    "QueryDBBackupDumpTimes": backup_times,
    "QueryDBBackupCollections": backup_collections,
    "CreateDBRestoreTask": create_restore,
    "QueryDBRestoreTaskStatus": query_restore,
}


def _choice(action: Action, name: str, choices: Mapping[str, Any], default: str | None = None) -> str:
    value = action.text(name, default).upper()
    if value not in choices:
        raise Refusal(400, f"Invalid{name}", f"{name} must be one of {', '.join(choices)}.")
    return value


async def _start(action: Action, task: str, kind: str, work: Any, **content: Any) -> None:
    jobs = action.services.transfers.jobs
    jobs.add(action.space.id, task, kind, **content)
    await jobs.start(action.space.id, task, work, _PATIENCE_S)


def _task(action: Action, kind: str) -> dict[str, Any]:
    name = action.text("TaskId")
    try:
        return action.services.transfers.jobs.get(action.space.id, name, kind)
    except NotFound as error:
        raise Refusal(404, "InvalidTaskId.NotFound", error.message) from None


def _no_backup(name: str) -> Refusal:
    return Refusal(404, "InvalidBackupId.NotFound", f"backup `{name}` does not exist / 备份不存在")


def _temporary_file(action: Action) -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile(dir=action.space.directory))


async def _drop_old_exports(action: Action) -> None:
    files, now = action.services.files, action.services.clock()
    page = files.list(action.space.id, "exports/")
    old = [file.key for file in page.files if file.modified_at / 1000 < now - _EXPORT_S]
    await files.delete(action.caller, old)
