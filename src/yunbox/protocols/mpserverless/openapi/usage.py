"""Actions on quotas and usage. Nothing is billed here; figures are counted where they are kept anyway. Days are those of
Asia/Shanghai."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal, paginate
from yunbox.protocols.mpserverless.openapi.spaces import unsupported
from yunbox.quotas.items import MB
from yunbox.quotas.limits import limits_of
from yunbox.statistics import Total, begin_of, day_of

MAX_DAYS = 366
_ZONE = timezone(timedelta(hours=8))


async def resource_quota(action: Action) -> dict[str, Any]:
    """What files may take, in bytes: the space's limit, or the size of the disk, which all spaces share."""
    total = float(shutil.disk_usage(action.space.directory).total)
    limit = limits_of(action.space.settings).of("storage_mb")
    storage = total if limit is None else limit * MB
    return {"CloudStorageDataSizeQuota": storage, "StaticWebDataSizeQuota": total}


async def space_consumption(action: Action) -> dict[str, Any]:
    """What the space holds now and used this month."""
    now = action.services.clock.now().astimezone(_ZONE)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    held = await _held(action)
    return {
        "SpaceId": action.space.id,
        "SpecCode": "SELF_HOSTED",
        "GmtCreate": str(action.space.created_at),
        "CycleStartTime": round(first.timestamp() * 1000),
        "CycleEndTime": round(following.timestamp() * 1000),
        **_usage(action.services.statistics.sums(action.space.id, _day(first), _day(now)), held),
    }


async def space_usage(action: Action) -> dict[str, Any]:
    """Usage of each day between ``StartTime`` and ``EndTime`` (milliseconds, or ``2026-11-21``)."""
    since, until = _moment(action, "StartTime"), _moment(action, "EndTime")
    rows = [
        {"Timestamp": str(round(day.timestamp() * 1000)), "EffectiveBillFlag": False, **usage}
        for day, usage in await _daily(action, since, until)
    ]
    return {
        "SpaceId": action.space.id,
        "StartTime": str(round(since.timestamp() * 1000)),
        "EndTime": str(round(until.timestamp() * 1000)),
        "SpaceUsageDataList": rows,
    }


async def resource_usage(action: Action) -> dict[str, Any]:
    """The same figures in the form of the newer action."""
    days = await _daily(action, _moment(action, "StartTime"), _moment(action, "EndTime"))
    page, paginator = paginate(action, days)
    return {"Success": True, "DataList": [_resource_row(day, usage) for day, usage in page], "Paginator": paginator}


async def unmetered(action: Action) -> dict[str, Any]:
    raise unsupported(f"{action.name}: this server does not bill / 自建服务不计费，无套餐与用量账单")


ACTIONS: dict[str, Handler] = {
    "DescribeResourceQuota": resource_quota,
    "QuerySpaceConsumption": space_consumption,
    "QuerySpaceSpecDetail": unmetered,
    "QuerySpaceUsage": space_usage,
    "DescribeResourceUsage": resource_usage,
}


async def _held(action: Action) -> dict[str, int]:
    """Bytes of documents, files and the web site."""
    collections: list[c.CollectionInfo] = await action.services.documents.run(action.caller, MONGO, c.ListCollections())
    _, stored = action.services.files.usage(action.space.id)
    sites = action.services.sites
    site = sites.files.usage(sites.owner(action.space.id).space)[1] if sites.is_open(action.space.id) else 0
    return {"documents": sum(info.size for info in collections), "files": stored, "site": site}


async def _daily(action: Action, since: datetime, until: datetime) -> list[tuple[datetime, dict[str, Any]]]:
    if until < since or until - since > timedelta(days=MAX_DAYS):
        raise Refusal(400, "InvalidEndTime", f"EndTime must be at most {MAX_DAYS} days after StartTime.")
    held, statistics = await _held(action), action.services.statistics
    days: dict[str, dict[str, Total]] = {}
    for counted, total in statistics.totals(action.space.id, _day(since), _day(until)):
        days.setdefault(counted.day, {}).setdefault(counted.kind, Total()).add(total)
    return [(datetime.fromtimestamp(begin_of(day), UTC), _usage(sums, held)) for day, sums in days.items()]


def _usage(sums: dict[str, Total], held: dict[str, int]) -> dict[str, Any]:
    """Reads and writes count calls; ``Cost`` is the functions' time in milliseconds."""
    nothing = Total()
    functions = sums.get("function", nothing)
    return {
        "FcUsage": {
            "Cost": round(functions.duration_ms),
            "RequestCount": functions.calls,
            "TxTraffic": functions.sent,
        },
        "DbUsage": {
            "ReadCount": sums.get("read", nothing).calls,
            "WriteCount": sums.get("write", nothing).calls,
            "StorageSize": held["documents"],
        },
        "CsUsage": {
            "UploadCount": sums.get("upload", nothing).calls,
            "DownloadCount": sums.get("download", nothing).calls,
            "CdnTraffic": sums.get("download", nothing).sent,
            "StorageSize": held["files"],
        },
        "WhUsage": {"CdnTraffic": sums.get("hosting", nothing).sent, "StorageSize": held["site"]},
    }


def _resource_row(day: datetime, usage: dict[str, Any]) -> dict[str, Any]:
    functions, documents, files, site = (usage[name] for name in ("FcUsage", "DbUsage", "CsUsage", "WhUsage"))
    return {
        "StartTime": f"{day:%Y-%m-%dT%H:%M:%SZ}",
        "EndTime": f"{day + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "CloudFunction": {
            "Compute": functions["Cost"],
            "Count": functions["RequestCount"],
            "Traffic": functions["TxTraffic"],
        },
        "CloudDB": {
            "DataSize": documents["StorageSize"],
            "Read": documents["ReadCount"],
            "Write": documents["WriteCount"],
        },
        "CloudStorage": {
            "DataSize": files["StorageSize"],
            "Download": files["DownloadCount"],
            "Upload": files["UploadCount"],
            "Traffic": files["CdnTraffic"],
        },
        "StaticWeb": {"DataSize": site["StorageSize"], "Traffic": site["CdnTraffic"]},
    }


def _moment(action: Action, name: str) -> datetime:
    text = action.text(name)
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise Refusal(400, f"Invalid{name}", f"{name} must be a time in milliseconds or ISO form.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(moment: datetime) -> str:
    return day_of(moment.timestamp())
