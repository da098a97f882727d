"""``databaseadd`` … ``updateindex``: documents through database scripts, collections and indexes."""

from __future__ import annotations

from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.query import ejson
from yunbox.protocols.tcb.values import encode_id
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.errors import SCRIPT_NOT_PARSEABLE, ApiError
from yunbox.protocols.wechat_http.evaluate import Operation, evaluate
from yunbox.protocols.wechat_http.lexer import ScriptError
from yunbox.protocols.wechat_http.operators import aggregate_value, changes, condition

DEFAULT_LIMIT = 10
"""Documents of one ``databasequery`` when the script sets no limit (DBR-1)."""

_QUERY_STAGES = ("$match",)


def operation_of(call: Call, *kinds: str) -> Operation:
    """The operation that the script in ``query`` asks for.

    Raises:
        ApiError: when there is no script, it cannot be parsed, or it ends in none of ``kinds``.
    """
    script = call.values.get("query", call.values.get("Query"))
    if not isinstance(script, str):
        raise ApiError(40101, "missing parameter `query`")
    try:
        operation = evaluate(script, call.services.clock.now())
    except ScriptError as error:
        raise ApiError(SCRIPT_NOT_PARSEABLE, f"the query cannot be parsed: {error} / 查询语句无法解析") from None
    if operation.kind not in kinds:
        raise ApiError(40097, f"this call takes a query that ends in {' or '.join(kinds)}, not {operation.kind}")
    return operation


async def _run(call: Call, command: c.Command) -> Any:
    return await call.services.documents.run(call.caller, TCB, command)


def filter_of(operation: Operation) -> dict[str, Any]:
    """The documents that an operation is about."""
    if operation.document_id is not None:
        return {"_id": operation.document_id}
    return condition(operation.where) if operation.where else {}


async def add(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "add")
    documents = operation.data if isinstance(operation.data, list) else [operation.data]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise ApiError(40097, "`data` must be an object or an array of objects")
    result = await _run(call, c.Insert(operation.collection, documents))
    return {"id_list": [encode_id(made) for made in result.ids]}


async def delete(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "remove")
    if operation.document_id is None and not operation.has_where:
        raise ApiError(40097, "`remove` needs `doc` or `where`")
    many = operation.document_id is None
    return {"deleted": await _run(call, c.Delete(operation.collection, filter_of(operation), multi=many))}


async def update(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "update", "set")
    if operation.kind == "set":
        return await _set(call, operation)
    if operation.document_id is None and not operation.has_where:
        raise ApiError(40097, "`update` needs `doc` or `where`")
    wanted = changes(operation.data)
    if not wanted:
        return {"matched": 0, "modified": 0, "id": ""}
    many = operation.document_id is None
    result = await _run(call, c.Update(operation.collection, filter_of(operation), wanted, multi=many))
    return {"matched": result.matched, "modified": result.modified, "id": ""}


async def _set(call: Call, operation: Operation) -> dict[str, Any]:
    if operation.document_id is None or not isinstance(operation.data, dict):
        raise ApiError(40097, "`set` needs `doc` and an object as `data`")
    document = {"_id": operation.document_id, **operation.data}
    result = await _run(call, c.Update(operation.collection, filter_of(operation), document, upsert=True))
    if result.upserted:
        return {"matched": 0, "modified": 0, "id": encode_id(result.upserted_id)}
    return {"matched": result.matched, "modified": result.modified, "id": ""}


async def query(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "get")
    limit = DEFAULT_LIMIT if operation.limit is None else operation.limit
    found = await _run(
        call,
        c.Find(
            operation.collection,
            filter_of(operation),
            projection=operation.fields,
            sort=list(operation.order) or None,
            skip=operation.skip,
            limit=limit,
            raw=True,
        ),
    )
    total = await _run(call, c.Count(operation.collection, filter_of(operation)))
    pager = {"Offset": operation.skip, "Limit": limit, "Total": total}
    return {"pager": pager, "data": [text.decode() for text in found]}


async def aggregate(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "end")
    pipeline = [{stage: _stage(stage, value)} for stage, value in operation.stages or ()]
    found = await _run(call, c.Aggregate(operation.collection, pipeline))
    return {"data": [_canonical_text(document) for document in found]}


def _stage(stage: str, value: Any) -> Any:
    return condition(value) if stage in _QUERY_STAGES else aggregate_value(value)


def _canonical_text(document: dict[str, Any]) -> str:
    return orjson.dumps(ejson.to_canonical(document)).decode()


async def count(call: Call) -> dict[str, Any]:
    operation = operation_of(call, "count")
    return {"count": await _run(call, c.Count(operation.collection, filter_of(operation)))}


async def add_collection(call: Call) -> dict[str, Any]:
    await _run(call, c.CreateCollection(call.text("collection_name")))
    return {}


async def delete_collection(call: Call) -> dict[str, Any]:
    await call.services.documents.drop_collection(call.space.id, call.text("collection_name"))
    return {}


async def list_collections(call: Call) -> dict[str, Any]:
    limit, offset = call.number("limit", 10), call.number("offset", 0)
    engine = call.services.documents.engine(call.space.id)
    found = await engine.run(c.ListCollections())
    page = [
        {"name": info.name, "count": info.count, "size": info.size, "index_count": info.indexes, "index_size": 0}
        for info in found[offset : offset + limit]
    ]
    return {"pager": {"Offset": offset, "Limit": limit, "Total": len(found)}, "collections": page}


async def update_index(call: Call) -> dict[str, Any]:
    collection = call.text("collection_name")
    engine = call.services.documents.engine(call.space.id)
    for index in call.objects("drop_indexes"):
        await engine.run(c.DropIndex(collection, _name(index)))
    for index in call.objects("create_indexes"):
        await engine.run(_index(collection, index))
    return {}


def _index(collection: str, index: dict[str, Any]) -> c.CreateIndex:
    keys = index.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise ApiError(40097, "`keys` must be an array of objects with `name` and `direction`")
    pairs = [(_name(key), _direction(key.get("direction"))) for key in keys]
    return c.CreateIndex(collection, pairs, name=_name(index), unique=bool(index.get("unique")))


def _name(item: dict[str, Any]) -> str:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise ApiError(40097, "an index and each of its keys need a `name`")
    return name


def _direction(direction: Any) -> Any:
    return {"1": 1, "-1": -1}.get(str(direction), direction)


ACTIONS: dict[str, Handler] = {
    "databaseadd": add,
    "databaseaggregate": aggregate,
    "databasecollectionadd": add_collection,
    "databasecollectiondelete": delete_collection,
    "databasecollectionget": list_collections,
    "databasecount": count,
    "databasedelete": delete,
    "databasequery": query,
    "databaseupdate": update,
    "updateindex": update_index,
}
