"""Actions that move documents: export to a file, import from one, and restore from a backup (DBA-3, DBA-5).

A task's file is an object whose name cannot be guessed; an import's goes once it has been read, an export's after a day.
"""

from __future__ import annotations

import asyncio
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents import open_database
from yunbox.documents.dialects import MONGO
from yunbox.errors import AlreadyExists, CollectionNotFound, FileNotFound, QueryError
from yunbox.protocols.manage.interchange import read_csv, read_json, write_csv, write_json
from yunbox.protocols.mpserverless import addresses, oss
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal
from yunbox.tools.backup import BackupInfo, list_backups

_TASKS = "openapi tasks"
_EXPORT_S = 24 * 3600
_BATCH = 500
_FORMATS = ("JSON", "CSV")
_MODES = ("INSERT", "UPSERT")
_MAX_MESSAGES = 20

Document = dict[str, Any]


async def create_export(action: Action) -> dict[str, Any]:
    """Write a collection's documents, or the named fields of them, into a file."""
    collection, file_type = action.text("Collection"), _choice(action, "FileType", _FORMATS)
    fields = [field.strip() for field in action.text("Fields", "").split(",") if field.strip()]
    if file_type == "CSV" and not fields:
        raise Refusal(400, "MissingFields", "CSV needs Fields. / 导出 CSV 需要指定 Fields")
    await _drop_old_exports(action)
    projection = dict.fromkeys(fields, 1) or None
    documents = await _engine(action).run(c.Find(collection, {}, projection=projection, sort={"_id": 1}))
    if file_type == "CSV":
        content = (",".join(fields) + "\n").encode() + await asyncio.to_thread(write_csv, documents, fields)
    else:
        content = await asyncio.to_thread(write_json, documents)
    task = str(uuid.uuid4())
    key = f"exports/{task}.{file_type.lower()}"
    await action.services.files.put(action.caller, key, content, "application/octet-stream")
    _keep(action, task, {"kind": "export", "key": key, "count": len(documents), "status": "SUCCESS"})
    return {"TaskId": task}


async def query_export(action: Action) -> dict[str, Any]:
    task = _task(action, "export")
    url = addresses.file_url(action.services, action.origin, action.space, task["key"], _EXPORT_S)
    return {"Status": task["status"], "DownloadUrl": url, "ExportedCount": str(task["count"]), "DetailMessage": ""}


async def create_import(action: Action) -> dict[str, Any]:
    """Where the file may be posted; the import begins when its status is asked for."""
    collection, file_type = action.text("Collection"), _choice(action, "FileType", _FORMATS)
    mode = _choice(action, "Mode", _MODES, "INSERT")
    task = str(uuid.uuid4())
    ticket = action.services.files.prepare_upload(action.caller, f"imports/{task}.{file_type.lower()}")
    form = oss.sign(action.services, action.space, ticket)
    _keep(
        action, task, {"kind": "import", "key": ticket.key, "collection": collection, "mode": mode, "status": "CREATED"}
    )
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
    """Run the import once its file is there, and say what became of it."""
    name, task = action.text("TaskId"), _task(action, "import")
    if task["status"] == "CREATED":
        task = await _import_file(action, name, task)
    return {
        "Status": task["status"],
        "SuccessCount": str(task.get("succeeded", 0)),
        "FailedCount": str(task.get("failed", 0)),
        "DetailMessage": task.get("message", ""),
    }


async def backup_times(action: Action) -> dict[str, Any]:
    """The server's backups, the newest first."""
    backups = await asyncio.to_thread(list_backups, action.services.settings.data)
    rows = [{"BackupId": info.name, "DumpTime": str(info.created_at)} for info in backups]
    return {"BackupDumpTimes": rows}


async def backup_collections(action: Action) -> dict[str, Any]:
    """The collections of this space in one backup."""
    backup = await _backup(action)
    return {"Collections": await asyncio.to_thread(_names_in, backup, action.space.id)}


async def create_restore(action: Action) -> dict[str, Any]:
    """Copy collections out of a backup into new ones (``<name>_bak`` by default), which must not exist."""
    backup, origins = await _backup(action), action.texts("OriginCollections")
    names = action.texts("NewCollections") or [f"{origin}_bak" for origin in origins]
    if not origins or len(origins) != len(names):
        raise Refusal(400, "InvalidNewCollections", "OriginCollections and NewCollections must be of one length.")
    engine, copied = _engine(action), 0
    for origin, name in zip(origins, names, strict=True):
        documents = await asyncio.to_thread(_documents_in, backup, action.space.id, origin)
        try:
            await engine.run(c.CreateCollection(name))
        except AlreadyExists:
            raise Refusal(409, "EntityAlreadyExists", f"collection `{name}` exists already / 集合已存在") from None
        for start in range(0, len(documents), _BATCH):
            await engine.run(c.Insert(name, documents[start : start + _BATCH]))
        copied += len(documents)
    task = str(uuid.uuid4())
    _keep(action, task, {"kind": "restore", "status": "SUCCESS", "succeeded": copied})
    return {"TaskId": task}


async def query_restore(action: Action) -> dict[str, Any]:
    task = _task(action, "restore")
    return {"Status": task["status"], "SuccessCount": task["succeeded"], "FailedCount": 0, "DetailMessage": ""}


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


def _engine(action: Action) -> Any:
    return action.services.documents.engine(action.space.id)


def _choice(action: Action, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
    value = action.text(name, default).upper()
    if value not in choices:
        raise Refusal(400, f"Invalid{name}", f"{name} must be one of {', '.join(choices)}.")
    return value


def _keep(action: Action, task: str, row: dict[str, Any]) -> None:
    action.services.spaces.set_rule(action.space.id, _TASKS, task, {**row, "at": time.time()})


def _task(action: Action, kind: str) -> dict[str, Any]:
    name = action.text("TaskId")
    row: dict[str, Any] | None = action.services.spaces.rule(action.space.id, _TASKS, name)
    if row is None or row["kind"] != kind:
        raise Refusal(404, "InvalidTaskId.NotFound", f"task `{name}` does not exist / 任务不存在")
    return row


async def _drop_old_exports(action: Action) -> None:
    files, now = action.services.files, time.time()
    page = files.list(action.space.id, "exports/")
    old = [file.key for file in page.files if file.modified_at / 1000 < now - _EXPORT_S]
    await files.delete(action.caller, old)


async def _import_file(action: Action, name: str, task: dict[str, Any]) -> dict[str, Any]:
    files, key = action.services.files, task["key"]
    try:
        text = (await files.read(action.space.id, key)).decode("utf-8-sig")
    except FileNotFound:
        return task
    except UnicodeDecodeError:
        text, task = "", {**task, "message": "the file is not UTF-8 / 文件必须是 UTF-8 编码"}
    # From here on another query finds the import running and does not begin it again.
    _keep(action, name, {**task, "status": "PROCESSING"})
    records = read_csv(text) if key.endswith(".csv") else read_json(text)
    result = await _import_records(action, task, records)
    await files.delete(action.caller, [key])
    failed = bool(result["failed"] or task.get("message"))
    done = {**task, **result, "status": "FAILED" if failed and not result["succeeded"] else "SUCCESS"}
    _keep(action, name, done)
    return done


async def _import_records(action: Action, task: dict[str, Any], records: Iterator[Any]) -> dict[str, Any]:
    succeeded, problems = 0, list[str]()
    failed = 0
    for line, record in records:
        try:
            if isinstance(record, str):
                raise QueryError(record)
            await _import_one(action, task, record)
            succeeded += 1
        except QueryError as error:
            failed += 1
            problems.append(f"line {line}: {error.message}")
    message = "; ".join([*([task["message"]] if task.get("message") else []), *problems[:_MAX_MESSAGES]])
    return {"succeeded": succeeded, "failed": failed, "message": message}


async def _import_one(action: Action, task: dict[str, Any], document: Document) -> None:
    documents, collection = action.services.documents, task["collection"]
    command: c.Command = c.Insert(collection, [document])
    if task["mode"] == "UPSERT" and "_id" in document:
        command = c.Update(collection, {"_id": document["_id"]}, document, upsert=True)
    await documents.run(action.caller, MONGO, command)


async def _backup(action: Action) -> BackupInfo:
    wanted = action.text("BackupId")
    for info in await asyncio.to_thread(list_backups, action.services.settings.data):
        if info.name == wanted:
            return info
    raise Refusal(404, "InvalidBackupId.NotFound", f"backup `{wanted}` does not exist / 备份不存在")


def _names_in(backup: BackupInfo, space_id: str) -> list[str]:
    return [info.name for info in _ask_backup(backup, space_id, c.ListCollections())]


def _documents_in(backup: BackupInfo, space_id: str, collection: str) -> list[Document]:
    try:
        found: list[Document] = _ask_backup(backup, space_id, c.Find(collection))
    except CollectionNotFound:
        raise Refusal(404, "InvalidCollection.NotFound", f"the backup has no collection `{collection}`") from None
    return found


def _ask_backup(backup: BackupInfo, space_id: str, command: c.Command) -> Any:
    """Run a command on this space's documents as they were backed up."""
    member = f"spaces/{space_id}/documents.sqlite"
    with tempfile.TemporaryDirectory(prefix="yunbox-backup-") as folder, tarfile.open(backup.path) as archive:
        try:
            archive.extract(member, folder, filter="data")
        except KeyError:
            return []
        with open_database(Path(folder) / member) as database:
            return database.engine.run_sync(command)
