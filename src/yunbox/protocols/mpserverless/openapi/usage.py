"""Actions on quotas and usage. Nothing is billed here; figures are counted where they are kept anyway."""

from __future__ import annotations

import shutil
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO
from yunbox.protocols.mpserverless.openapi.action import Action, Handler
from yunbox.protocols.mpserverless.openapi.spaces import unsupported


async def resource_quota(action: Action) -> dict[str, Any]:
    """The disk is the only quota: its size in bytes, shared by all spaces."""
    total = float(shutil.disk_usage(action.space.directory).total)
    return {"CloudStorageDataSizeQuota": total, "StaticWebDataSizeQuota": total}


async def space_consumption(action: Action) -> dict[str, Any]:
    """What the space holds now."""
    collections: list[c.CollectionInfo] = await action.services.documents.run(action.caller, MONGO, c.ListCollections())
    _, stored = action.services.files.usage(action.space.id)
    return {
        "SpaceId": action.space.id,
        "SpecCode": "SELF_HOSTED",
        "DbUsage": {"StorageSize": sum(info.size for info in collections)},
        "CsUsage": {"StorageSize": stored},
    }


async def unmetered(action: Action) -> dict[str, Any]:
    raise unsupported(f"{action.name}: this server does not bill / 自建服务不计费，无套餐与用量账单")


ACTIONS: dict[str, Handler] = {
    "DescribeResourceQuota": resource_quota,
    "QuerySpaceConsumption": space_consumption,
    "QuerySpaceSpecDetail": unmetered,
    "QuerySpaceUsage": unmetered,
    "DescribeResourceUsage": unmetered,
}
