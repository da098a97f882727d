"""``tcb.RunCommands``: database commands in MongoDB's own form, each as Extended JSON text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.query import ejson
from yunbox.errors import CollectionNotFound
from yunbox.protocols.tencentcloud.call import Call, Handler, missing
from yunbox.protocols.tencentcloud.collections import check_instance
from yunbox.protocols.tencentcloud.errors import ApiError

Body = Mapping[str, Any]
Run = Callable[[Call, str, Body], Awaitable[Any]]

_MOST = 100


async def run_commands(call: Call) -> dict[str, Any]:
    """Run commands one after the other. ``Data`` has the JSON text of each one's answer: for ``find`` an array of the
    documents' texts, for other reads an array, else MongoDB's answer.

    Raises:
        ApiError: ``ResourceNotFound.Table`` for a missing collection; commands before it have taken effect.
    """
    check_instance(call)
    rows = call.objects("MgoCommands")
    if not rows:
        raise missing("MgoCommands")
    if len(rows) > _MOST:
        raise ApiError("LimitExceeded", f"at most {_MOST} commands in one request / 单次最多 {_MOST} 条命令")
    try:
        return {"Data": [orjson.dumps(await _run(call, row)).decode() for row in rows]}
    except CollectionNotFound as error:
        raise ApiError("ResourceNotFound.Table", error.message) from None


ACTIONS: dict[str, Handler] = {"tcb.RunCommands": run_commands}


async def _run(call: Call, row: Body) -> Any:
    try:
        body = ejson.from_wire(orjson.loads(row.get("Command") or ""))
    except (orjson.JSONDecodeError, TypeError):
        body = None
    if not isinstance(body, dict) or not body:
        raise ApiError(
            "InvalidParameterValue.InvalidDoc", "Command must be a JSON object as text / Command 应为 JSON 对象字符串"
        )
    name = next(iter(body))
    run = _COMMANDS.get(name)
    if run is None:
        raise ApiError("UnsupportedOperation", f"the command `{name[:40]}` is not run here / 不支持的数据库命令")
    collection = body[name] if isinstance(body[name], str) else ""
    if collection != row.get("TableName"):
        raise ApiError(
            "InvalidParameterValue", "TableName and the collection in Command differ / TableName 与命令中的集合不一致"
        )
    return await run(call, collection, body)


async def _do(call: Call, command: c.Command) -> Any:
    return await call.services.documents.run(call.caller, TCB, command)


def _find_command(collection: str, body: Body) -> c.Find:
    return c.Find(
        collection,
        body.get("filter") or {},
        projection=body.get("projection"),
        sort=body.get("sort") or None,
        skip=int(body.get("skip") or 0),
        limit=abs(int(body.get("limit") or 0)),
        hint=body.get("hint"),
        collation=body.get("collation"),
        raw=True,
    )


async def _find(call: Call, collection: str, body: Body) -> Any:
    texts: list[bytes] = await _do(call, _find_command(collection, body))
    return [text.decode() for text in texts]


async def _aggregate(call: Call, collection: str, body: Body) -> Any:
    pipeline = body.get("pipeline")
    if not isinstance(pipeline, list):
        raise missing("pipeline")
    found = await _do(call, c.Aggregate(collection, pipeline, collation=body.get("collation")))
    return [ejson.to_plain(document) for document in found]


async def _count(call: Call, collection: str, body: Body) -> Any:
    command = c.Count(
        collection, body.get("query") or {}, skip=int(body.get("skip") or 0), limit=int(body.get("limit") or 0)
    )
    return {"n": await _do(call, command), "ok": 1}


async def _distinct(call: Call, collection: str, body: Body) -> Any:
    values = await _do(call, c.Distinct(collection, str(body.get("key", "")), body.get("query") or {}))
    return {"values": ejson.to_plain(values), "ok": 1}


async def _insert(call: Call, collection: str, body: Body) -> Any:
    documents = _list(body, "documents")
    result: c.InsertResult = await _do(call, c.Insert(collection, documents, ordered=bool(body.get("ordered", True))))
    return {"n": len(result.ids), "insertedIds": [ejson.to_plain(made) for made in result.ids], "ok": 1}


async def _update(call: Call, collection: str, body: Body) -> Any:
    matched = modified = 0
    upserted: list[dict[str, Any]] = []
    for number, row in enumerate(_list(body, "updates")):
        command = c.Update(
            collection,
            row.get("q") or {},
            row.get("u") or {},
            multi=bool(row.get("multi")),
            upsert=bool(row.get("upsert")),
            array_filters=row.get("arrayFilters"),
        )
        result: c.UpdateResult = await _do(call, command)
        matched += result.matched + result.upserted
        modified += result.modified
        if result.upserted:
            upserted.append({"index": number, "_id": ejson.to_plain(result.upserted_id)})
    return {"n": matched, "nModified": modified, **({"upserted": upserted} if upserted else {}), "ok": 1}


async def _delete(call: Call, collection: str, body: Body) -> Any:
    deleted = 0
    for row in _list(body, "deletes"):
        deleted += await _do(call, c.Delete(collection, row.get("q") or {}, multi=not row.get("limit")))
    return {"n": deleted, "ok": 1}


async def _find_and_modify(call: Call, collection: str, body: Body) -> Any:
    command = c.FindAndModify(
        collection,
        body.get("query") or {},
        body.get("update"),
        remove=bool(body.get("remove")),
        sort=body.get("sort") or None,
        projection=body.get("fields"),
        upsert=bool(body.get("upsert")),
        return_new=bool(body.get("new")),
    )
    result: c.FindAndModifyResult = await _do(call, command)
    return {"value": ejson.to_plain(result.document), "ok": 1}


async def _create(call: Call, collection: str, body: Body) -> Any:
    await _do(call, c.CreateCollection(collection))
    return {"ok": 1}


async def _drop(call: Call, collection: str, body: Body) -> Any:
    await _do(call, c.Count(collection, {}, limit=1))
    await call.services.documents.drop_collection(call.space.id, collection)
    return {"ok": 1}


async def _create_indexes(call: Call, collection: str, body: Body) -> Any:
    for row in _list(body, "indexes"):
        command = c.CreateIndex(
            collection,
            list((row.get("key") or {}).items()),
            name=row.get("name"),
            unique=bool(row.get("unique")),
            sparse=bool(row.get("sparse")),
            partial=row.get("partialFilterExpression"),
            expire_after_seconds=row.get("expireAfterSeconds"),
        )
        await _do(call, command)
    return {"ok": 1}


async def _drop_indexes(call: Call, collection: str, body: Body) -> Any:
    names = body.get("index")
    for name in names if isinstance(names, list) else [names]:
        if not isinstance(name, str):
            raise missing("index")
        await _do(call, c.DropIndex(collection, name))
    return {"ok": 1}


async def _list_indexes(call: Call, collection: str, body: Body) -> Any:
    return ejson.to_plain(await _do(call, c.ListIndexes(collection)))


_COMMANDS: dict[str, Run] = {
    "aggregate": _aggregate,
    "count": _count,
    "create": _create,
    "createIndexes": _create_indexes,
    "delete": _delete,
    "distinct": _distinct,
    "drop": _drop,
    "dropIndexes": _drop_indexes,
    "find": _find,
    "findAndModify": _find_and_modify,
    "insert": _insert,
    "listIndexes": _list_indexes,
    "update": _update,
}


def _list(body: Body, name: str) -> list[dict[str, Any]]:
    rows = body.get(name)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise missing(name)
    return rows
