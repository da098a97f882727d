"""Querying documents as the administrator, checking and compacting what they are kept in."""

from __future__ import annotations

import asyncio
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.query.ejson import from_wire
from yunbox.documents.transfer import readable
from yunbox.errors import InvalidRequest
from yunbox.protocols.manage.routing import Call, Row


async def query(call: Call) -> Any:
    """Documents of a collection: ``filter``, ``projection``, ``sort``, ``skip``, ``limit``; or the results of ``pipeline``."""
    content = await call.body()
    name = call.names["collection"]
    run = call.services.documents.engine(call.space.id).run
    if "pipeline" in content:
        pipeline = from_wire(content["pipeline"])
        if not isinstance(pipeline, list):
            raise InvalidRequest("`pipeline` must be an array of stages")
        command: c.Command = c.Aggregate(name, pipeline, allow_disk_use=True)
    else:
        command = c.Find(
            name,
            _object(content, "filter"),
            projection=_object(content, "projection") or None,
            sort=content.get("sort"),
            skip=content.get("skip") or 0,
            limit=content.get("limit") or 0,
        )
    return [readable(document) for document in await run(command)]


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = from_wire(content.get(name) or {})
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{name}` must be a JSON object")
    return value


async def count(call: Call) -> Any:
    """How many documents match ``filter``."""
    content = await call.body()
    command = c.Count(call.names["collection"], _object(content, "filter"))
    return {"count": await call.services.documents.engine(call.space.id).run(command)}


async def check(call: Call) -> Any:
    """What is wrong with the space's documents file: ``problems`` is empty when it is sound."""
    return {"problems": await asyncio.to_thread(call.services.documents.engine(call.space.id).check)}


async def compact(call: Call) -> Any:
    """Rewrite the space's documents file without free space; writes wait meanwhile. ``before`` and ``after`` are bytes."""
    before, after = await asyncio.to_thread(call.services.documents.engine(call.space.id).compact)
    return {"before": before, "after": after}


ROUTES: tuple[Row, ...] = (
    ("POST", "spaces/{space}/collections/{collection}/query", query),
    ("POST", "spaces/{space}/collections/{collection}/count", count),
    ("POST", "spaces/{space}/check", check),
    ("POST", "spaces/{space}/compact", compact),
)
