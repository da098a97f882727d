"""``database.*``: documents, in the OLD dialect (plain JSON) and the NEW one (Extended JSON texts).

The action's name tells the dialect (tencent-server-wire.md §5.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from yunbox.documents import commands
from yunbox.documents.dialects import TCB
from yunbox.errors import InvalidRequest, QueryError
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.admin.commands import encode_commands
from yunbox.protocols.tcb.admin.spellings import common_near, common_text
from yunbox.protocols.tcb.values import encode_id, encode_new, new_text, old_text, parse

_WITH_COMMANDS = ("$match", "$geoNear")
_COMMON_SPELLING = {"$match": common_text, "$geoNear": common_near}


async def run(call: Call, command: commands.Command) -> Any:
    """Run a command for the caller, inside the transaction that the request names."""
    transaction = call.optional_text("transactionId") or None
    return await call.services.documents.run(call.caller, TCB, command, transaction=transaction)


async def add_collection(call: Call) -> Reply:
    await run(call, commands.CreateCollection(call.text("collectionName")))
    return {}


# Adding


async def add_document(call: Call) -> Reply:
    """OLD: one document with an optional ``_id`` beside it, or a list of documents."""
    data = call.decode(call.values.get("data"), writing=True)
    documents = data if isinstance(data, list) else [data]
    if not isinstance(data, list) and call.values.get("_id") is not None:
        documents = [{"_id": call.decode_value(call.values["_id"]), **_document(data)}]
    ids = await _insert(call, documents)
    if isinstance(data, list):
        return {"data": {"insertedIds": ids, "_id": ids[0] if ids else None}}
    return {"data": {"_id": ids[0], "insertedIds": ids}}


async def insert_document(call: Call) -> Reply:
    """NEW: a list of Extended JSON texts."""
    documents = [call.decode(item, writing=True) for item in call.items("data")]
    return {"data": {"insertedIds": await _insert(call, documents)}}


async def _insert(call: Call, documents: list[Any]) -> list[Any]:
    if not documents:
        raise InvalidRequest("there is nothing to add / 没有要添加的数据")
    checked = [_document(item) for item in documents]
    result = await run(call, commands.Insert(call.text("collectionName"), checked))
    return [encode_id(item) for item in result.ids]


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest("a document must be an object / 文档必须是对象")
    for name in value:
        if name.startswith("$"):
            raise QueryError(
                f"the field name '{name[:40]}' must not start with '$'", number=52, name="DollarPrefixedFieldName"
            )
    return value


# Reading


async def query_document(call: Call) -> Reply:
    """OLD reading."""
    order = call.items("order") if call.values.get("order") else []
    sort = [(_field(item), _direction(item)) for item in order]
    find = replace(_find(call), sort=sort or None)
    texts: list[bytes] = await run(call, find)
    page = {"offset": find.skip, "limit": find.limit or len(texts)}
    return {"data": {"list": [old_text(text) for text in texts], **page}, **page}


async def get_document(call: Call) -> Reply:
    """NEW reading."""
    sort = call.document("order")
    texts: list[bytes] = await run(call, replace(_find(call), sort=sort or None))
    return {"data": {"list": [new_text(text) for text in texts]}}


def _find(call: Call) -> commands.Find:
    return commands.Find(
        call.text("collectionName"),
        _query(call),
        projection=call.document("projection") or None,
        skip=call.number("offset"),
        limit=call.number("limit"),
        raw=True,
    )


def _query(call: Call) -> dict[str, Any]:
    return _filter(call) or {}


def _filter(call: Call) -> dict[str, Any] | None:
    return call.document("query", common=_common_filter)


def _common_filter(query: Any) -> Any:
    return common_text(encode_commands(query))


def _field(item: Any) -> str:
    name = item.get("field") if isinstance(item, Mapping) else None
    if not isinstance(name, str) or not name:
        raise InvalidRequest("an order needs a field / 排序缺少字段")
    return name


def _direction(item: Mapping[str, Any]) -> int:
    return -1 if str(item.get("direction", "asc")).lower() in ("desc", "-1") else 1


async def count_document(call: Call) -> Reply:
    count = commands.Count(call.text("collectionName"), _query(call))
    return {"data": {"total": await run(call, count)}}


# Changing


async def update_document(call: Call) -> Reply:
    return await _update(call, "upserted_id")


async def modify_document(call: Call) -> Reply:
    return await _update(call, "upsert_id")


async def _update(call: Call, upserted: str) -> Reply:
    result: commands.UpdateResult = await run(call, _update_command(call))
    # A replacement counts even when nothing differs (the vendor's own test suite sets a document to itself).
    updated = result.modified if call.flag("merge", True) else result.matched
    data: dict[str, Any] = {"updated": updated, "matched": result.matched}
    if result.upserted:
        data[upserted] = encode_id(result.upserted_id)
    return {"data": data}


def _update_command(call: Call) -> commands.Update:
    merge = call.flag("merge", True)
    return commands.Update(
        call.text("collectionName"),
        required_query(call),
        update_of(call.document("data", writing=True), merge=merge),
        multi=merge and call.flag("multi", call.values.get("queryType") != "DOC"),
        upsert=call.flag("upsert", False),
    )


def required_query(call: Call) -> dict[str, Any]:
    """The filter of a write, which must be there: without ``where`` the SDKs send none (DBW-8).

    Raises:
        InvalidRequest: when it is missing.
    """
    query = _filter(call)
    if query is None:
        raise InvalidRequest("param should have required property 'query' / 更新和删除必须先用 where 或 doc 指定条件")
    return query


def update_of(data: dict[str, Any] | None, *, merge: bool) -> dict[str, Any]:
    """The update that ``data`` is: operators when merging, else the whole new document.

    Raises:
        InvalidRequest: when there is none.
    """
    if data is None:
        raise InvalidRequest("param should have required property 'data' / 缺少要更新的数据")
    if not merge:
        return _document(data)
    operators = {name: value for name, value in data.items() if name.startswith("$") and value != {}}
    fields = {name: value for name, value in data.items() if not name.startswith("$")}
    return {**operators, "$set": {**operators.get("$set", {}), **fields}} if fields else operators or {"$set": {}}


async def delete_document(call: Call) -> Reply:
    multi = call.flag("multi", call.values.get("queryType") != "DOC")
    delete = commands.Delete(call.text("collectionName"), required_query(call), multi=multi)
    return {"data": {"deleted": await run(call, delete)}}


async def modify_and_return(call: Call) -> Reply:
    """NEW ``updateAndReturn``: the first match, changed."""
    update = commands.FindAndModify(
        call.text("collectionName"),
        required_query(call),
        update_of(call.document("data", writing=True), merge=True),
        return_new=True,
    )
    result: commands.FindAndModifyResult = await run(call, update)
    found = result.document
    return {"data": {"updated": int(found is not None), "doc": None if found is None else encode_new(found)}}


# Aggregation


async def aggregate(call: Call) -> Reply:
    """OLD: the list is one JSON text holding an array of Extended JSON texts."""
    texts = await _aggregate(call)
    return {"data": {"list": orjson.dumps(texts).decode()}}


async def aggregate_documents(call: Call) -> Reply:
    """NEW: the list is an array of Extended JSON texts."""
    return {"data": {"list": await _aggregate(call)}}


async def _aggregate(call: Call) -> list[str]:
    pipeline = [_stage(call, item) for item in call.items("stages")]
    documents = await run(call, commands.Aggregate(call.text("collectionName"), pipeline))
    return [encode_new(document) for document in documents]


def _stage(call: Call, item: Any) -> dict[str, Any]:
    key = item.get("stageKey") if isinstance(item, Mapping) else None
    if not isinstance(key, str):
        raise InvalidRequest("a stage needs a stageKey / 聚合阶段缺少 stageKey")
    value = item.get("stageValue")
    parsed = parse(value) if isinstance(value, str) else value
    decoded = call.decode_value(encode_commands(parsed) if key in _WITH_COMMANDS else parsed)
    return {key: _COMMON_SPELLING[key](decoded) if key in _COMMON_SPELLING else decoded}


ACTIONS: dict[str, Handler] = {
    "database.addCollection": add_collection,
    "database.addDocument": add_document,
    "database.aggregate": aggregate,
    "database.aggregateDocuments": aggregate_documents,
    "database.calculateDocument": count_document,
    "database.countDocument": count_document,
    "database.deleteDocument": delete_document,
    "database.getDocument": get_document,
    "database.insertDocument": insert_document,
    "database.modifyAndReturnDoc": modify_and_return,
    "database.modifyDocument": modify_document,
    "database.queryDocument": query_document,
    "database.removeDocument": delete_document,
    "database.updateDocument": update_document,
}
