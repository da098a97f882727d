"""``tcb`` (and ``flexdb``): collections, which the API calls tables, and their indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.errors import AlreadyExists
from yunbox.protocols.tencentcloud.addresses import instance_of
from yunbox.protocols.tencentcloud.call import Call, Handler, missing, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError

_DIRECTIONS: dict[str, Any] = {"1": 1, "-1": -1, "2d": "2d", "2dsphere": "2dsphere", "text": "text", "hashed": "hashed"}


async def create(call: Call) -> dict[str, Any]:
    """Make a collection, whose rules are ``PRIVATE`` until they are set."""
    try:
        check_instance(call)
        await call.services.documents.run(call.caller, TCB, c.CreateCollection(call.text("TableName")))
    except AlreadyExists as error:
        raise ApiError("ResourceUnavailable.ResourceExist", error.message) from None
    return {}


async def delete(call: Call) -> dict[str, Any]:
    """Remove a collection with its documents and rules."""
    name = call.text("TableName")
    await _check_exists(call, name)
    await call.services.documents.drop_collection(call.space.id, name)
    return {}


async def update(call: Call) -> dict[str, Any]:
    """Drop and make indexes, in this order."""
    name, engine = call.text("TableName"), _engine(call)
    await _check_exists(call, name)
    made = [_index(name, row) for row in call.objects("CreateIndexes")]
    known = {row["name"] for row in await engine.run(c.ListIndexes(name))}
    for row in call.objects("DropIndexes"):
        index = _text(row, "IndexName")
        if index not in known:
            raise ApiError("ResourceNotFound", f"the collection has no index `{index[:64]}` / 索引不存在")
        await engine.run(c.DropIndex(name, index))
    for command in made:
        await engine.run(command)
    return {}


async def describe(call: Call) -> dict[str, Any]:
    """A collection's indexes."""
    name = call.text("TableName")
    await _check_exists(call, name)
    rows: list[dict[str, Any]] = await _engine(call).run(c.ListIndexes(name))
    return {"Indexes": [_shown_index(call, row) for row in rows], "IndexNum": len(rows)}


async def list_tables(call: Call) -> dict[str, Any]:
    """Collections by name; ``Filters.TableName`` or ``TableNames`` choose some."""
    found: list[c.CollectionInfo] = await _engine(call).run(c.ListCollections())
    if names := call.texts("TableNames"):
        found = [info for info in found if info.name in names]
    offset, limit = call.number("MgoOffset", 0), call.number("MgoLimit", 100, 1000)
    rows = [_shown_table(info) for info in found[offset : offset + limit]]
    return {"Tables": rows, "Pager": {"Offset": offset, "Limit": limit, "Total": len(found)}}


async def distribution(call: Call) -> dict[str, Any]:
    """How many documents each collection holds."""
    found: list[c.CollectionInfo] = await _engine(call).run(c.ListCollections())
    rows = [{"CollectionName": info.name, "DocCount": info.count} for info in found]
    return {"Collections": rows, "Count": len(rows), "Total": len(rows)}


ACTIONS: dict[str, Handler] = {
    f"{service}.{name}": handler
    for service in ("tcb", "flexdb")
    for name, handler in {
        "CreateTable": create,
        "DeleteTable": delete,
        "DescribeTable": describe,
        "DescribeTables": list_tables,
        "ListTables": list_tables,
        "UpdateTable": update,
    }.items()
} | {"tcb.DescribeDbDistribution": distribution}


def check_instance(call: Call) -> None:
    """
    Raises:
        ApiError: when a request names another database than the space's.
    """
    connector = call.values.get("MongoConnector")
    named = [connector.get("DatabaseName")] if isinstance(connector, dict) else []
    for name in [*named, call.values.get("Tag")]:
        if name and name != instance_of(call.space):
            raise ApiError(
                "ResourceNotFound.InstanceNotFound",
                f"there is no database instance `{str(name)[:64]}` / 数据库实例不存在",
            )


def _engine(call: Call) -> Any:
    check_instance(call)
    return call.services.documents.engine(call.space.id)


async def _check_exists(call: Call, name: str) -> None:
    await _engine(call).run(c.Count(name, {}, limit=1))


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise missing(name)
    return value


def _index(collection: str, row: Mapping[str, Any]) -> c.CreateIndex:
    schema = row.get("MgoKeySchema")
    keys = schema.get("MgoIndexKeys") if isinstance(schema, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise missing("MgoKeySchema.MgoIndexKeys")
    fields = [(_text(key, "Name"), _direction(key.get("Direction"))) for key in keys]
    unique = str(schema.get("MgoIsUnique", False)).lower() == "true" if isinstance(schema, dict) else False
    sparse = isinstance(schema, dict) and str(schema.get("MgoIsSparse", False)).lower() == "true"
    return c.CreateIndex(collection, fields, name=_text(row, "IndexName"), unique=unique, sparse=sparse)


def _direction(direction: Any) -> Any:
    if str(direction) not in _DIRECTIONS:
        raise ApiError(
            "InvalidParameterValue", f"Direction must be one of {', '.join(_DIRECTIONS)}, not `{str(direction)[:20]}`"
        )
    return _DIRECTIONS[str(direction)]


def _shown_index(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    keys = [{"Name": name, "Direction": str(direction)} for name, direction in row["key"].items()]
    since = shown_time(call.space.created_at)
    return {
        "Name": row["name"],
        "Size": 0,
        "Keys": keys,
        "Unique": bool(row.get("unique", row["name"] == "_id_")),
        "Accesses": {"Ops": 0, "Since": since},
    }


def _shown_table(info: c.CollectionInfo) -> dict[str, Any]:
    return {
        "TableName": info.name,
        "Count": info.count,
        "Size": info.size,
        "IndexCount": info.indexes + 1,
        "IndexSize": 0,
    }
