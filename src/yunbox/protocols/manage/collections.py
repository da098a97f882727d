"""Collections and their indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.transfer import indexes_of
from yunbox.errors import InvalidRequest
from yunbox.protocols.manage.routing import Call, Row


async def list_collections(call: Call) -> Any:
    """Collections by name, with their mode."""
    infos: list[c.CollectionInfo] = await call.services.documents.engine(call.space.id).run(c.ListCollections())
    return [
        {**asdict(info), "mode": call.services.documents.rules(call.space.id, info.name).mode or "CUSTOM"}
        for info in infos
    ]


async def create_collection(call: Call) -> Any:
    name = call.names["collection"]
    await call.services.documents.engine(call.space.id).run(c.CreateCollection(name))
    return {"created": name}


async def rename_collection(call: Call) -> Any:
    """Rename; the rules go along."""
    name, new_name = call.names["collection"], (await call.body()).get("name")
    if not isinstance(new_name, str):
        raise InvalidRequest("`name` is missing")
    await call.services.documents.rename_collection(call.space.id, name, new_name)
    return {"renamed": name, "name": new_name}


async def drop_collection(call: Call) -> Any:
    await call.services.documents.drop_collection(call.space.id, call.names["collection"])
    return {"deleted": call.names["collection"]}


async def list_indexes(call: Call) -> Any:
    return await call.services.documents.engine(call.space.id).run(c.ListIndexes(call.names["collection"]))


async def create_index(call: Call) -> Any:
    """Make an index from ``keys`` (``{path: 1 | -1 | "2dsphere" …}``) and its options, or from MongoDB's description of it
    (``key`` and the options beside it, in Extended JSON).
    """
    content = await call.body()
    name = call.names["collection"]
    if isinstance(content.get("key"), Mapping):
        (described,) = indexes_of({"indexes": [content]}) or [{}]
        if not described:
            raise InvalidRequest("the index of `_id` is always there / `_id` 索引已存在")
        command = c.create_index(name, described["key"], described)
    else:
        command = _index(name, content)
    return {"name": await call.services.documents.engine(call.space.id).run(command)}


def _index(name: str, content: Mapping[str, Any]) -> c.CreateIndex:
    keys = content.get("keys")
    if not isinstance(keys, Mapping) or not keys:
        raise InvalidRequest('`keys` must be an object such as {"name": 1}')
    return c.CreateIndex(
        name,
        list(keys.items()),
        name=content.get("name"),
        unique=bool(content.get("unique", False)),
        sparse=bool(content.get("sparse", False)),
        partial=content.get("partial"),
        expire_after_seconds=content.get("expire_after_seconds"),
        collation=content.get("collation"),
        wildcard_projection=content.get("wildcard_projection"),
    )


async def drop_index(call: Call) -> Any:
    command = c.DropIndex(call.names["collection"], call.names["index"])
    await call.services.documents.engine(call.space.id).run(command)
    return {"deleted": call.names["index"]}


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/collections", list_collections),
    ("POST", "spaces/{space}/collections/{collection}", create_collection),
    ("PATCH", "spaces/{space}/collections/{collection}", rename_collection),
    ("DELETE", "spaces/{space}/collections/{collection}", drop_collection),
    ("GET", "spaces/{space}/collections/{collection}/indexes", list_indexes),
    ("POST", "spaces/{space}/collections/{collection}/indexes", create_index),
    ("DELETE", "spaces/{space}/collections/{collection}/indexes/{index}", drop_index),
)
