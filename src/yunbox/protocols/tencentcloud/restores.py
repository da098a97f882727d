"""``tcb``: collections out of the server's backups, under new names."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from yunbox.errors import AlreadyExists, NotFound
from yunbox.protocols.tencentcloud.addresses import instance_of
from yunbox.protocols.tencentcloud.call import Call, Handler, read_time, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError
from yunbox.tools.backup import list_backups

_KIND = "restore"
_PATIENCE_S = 1.0
_STATUS = {"waiting": "waiting", "running": "processing", "done": "success", "failed": "fail"}
_RESOURCE = "restores"
_KEPT = 50


async def times(call: Call) -> dict[str, Any]:
    """When backups were made, the newest first. Between them nothing can be restored."""
    _check_instance(call)
    backups = await asyncio.to_thread(list_backups, call.services.settings.data)
    return {"RestoreTimes": [shown_time(info.created_at) for info in backups], "RestoreTimeRanges": []}


async def tables(call: Call) -> dict[str, Any]:
    """The space's collections in the backup of ``Time``, or in the last one before it."""
    _check_instance(call)
    found = await call.services.transfers.collections_in(call.space.id, await _backup(call))
    return {"Tables": [info.name for info in found]}


async def restore(call: Call) -> dict[str, Any]:
    """Copy collections out of that backup; the new names must be free."""
    _check_instance(call)
    backup = await _backup(call)
    names = {
        str(row.get("OldTableName") or ""): str(row.get("NewTableName") or "")
        for row in call.objects("ModifyTableNamesInfo")
    }
    known = {info.name for info in await call.services.transfers.collections_in(call.space.id, backup)}
    if not names or set(names) - known:
        raise ApiError(
            "ResourceNotFound.TableNotFound", "ModifyTableNamesInfo names a collection that the backup lacks"
        )
    try:
        call.services.transfers.check_new_names(call.space.id, names)
    except AlreadyExists as error:
        raise ApiError("ResourceUnavailable.ResourceExist", error.message) from None

    async def work() -> dict[str, Any]:
        done = await call.services.transfers.restore(call.space.id, backup, names)
        return {"succeeded": done["documents"]}

    job, jobs = str(10**8 + secrets.randbelow(9 * 10**8)), call.services.transfers.jobs
    jobs.add(call.space.id, job, _KIND)
    known_jobs = list(call.services.spaces.rule(call.space.id, _RESOURCE, "jobs") or ())
    call.services.spaces.set_rule(call.space.id, _RESOURCE, "jobs", [job, *known_jobs][:_KEPT])
    await jobs.start(call.space.id, job, work, _PATIENCE_S)
    return {"FlowId": int(job)}


async def tasks(call: Call) -> dict[str, Any]:
    """What has become of restores."""
    _check_instance(call)
    rows = []
    for job in call.services.spaces.rule(call.space.id, _RESOURCE, "jobs") or ():
        try:
            row = call.services.transfers.jobs.get(call.space.id, job, _KIND)
        except NotFound:  # forgotten after a week
            continue
        rows.append(
            {
                "TaskId": job,
                "Status": _STATUS[row["status"]],
                "Time": shown_time(int(row["at"] * 1000)),
                "EnvId": call.space.id,
                "Type": "table",
            }
        )
    return {"Tasks": rows}


ACTIONS: dict[str, Handler] = {
    "tcb.DescribeRestoreTables": tables,
    "tcb.DescribeRestoreTask": tasks,
    "tcb.DescribeRestoreTime": times,
    "tcb.RestoreTCBTables": restore,
}


def _check_instance(call: Call) -> None:
    if call.text("InstanceId") != instance_of(call.space):
        raise ApiError("ResourceNotFound.InstanceNotFound", "there is no such database instance / 数据库实例不存在")


async def _backup(call: Call) -> str:
    wanted = read_time(call.text("Time")) + 999  # times are shown without milliseconds
    backups = await asyncio.to_thread(list_backups, call.services.settings.data)
    for info in backups:
        if info.created_at <= wanted:
            return info.name
    raise ApiError("ResourceNotFound", "there is no backup of this time; see DescribeRestoreTime / 该时间没有备份")
