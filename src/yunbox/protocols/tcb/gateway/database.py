"""Documents on the gateway (tencent-client.md §4)."""

from __future__ import annotations

from typing import Any

import orjson

from yunbox.documents import commands
from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin.database import required_query, run, update_of
from yunbox.protocols.tcb.gateway.errors import DocumentNotFound
from yunbox.protocols.tcb.gateway.handler import Resources
from yunbox.protocols.tcb.values import encode_id, encode_new, new_text, parse
from yunbox.protocols.tcb.web.call import Call
from yunbox.protocols.tcb.web.shared import server_call

resources = Resources()

_DATABASE = "database/instances/{instance}/databases/{database}"
_DOCUMENTS = f"{_DATABASE}/collections/{{collection}}/documents"

Parts = dict[str, str]


@resources.add("POST", f"{_DATABASE}/collections")
async def create_collection(call: Call, parts: Parts) -> Any:
    await run(server_call(call), commands.CreateCollection(call.text("collectionName")))
    return {}


@resources.add("POST", _DOCUMENTS)
async def add(call: Call, parts: Parts) -> Any:
    server = server_call(call)
    documents = [_document(server.decode_value(item, writing=True)) for item in server.items("data")]
    if not documents:
        raise InvalidRequest("there is nothing to add / 没有要添加的数据")
    result = await run(server, commands.Insert(parts["collection"], documents))
    return {"insertedIds": [encode_id(item) for item in result.ids]}


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest("a document must be an object / 文档必须是对象")
    return value


@resources.add("GET", _DOCUMENTS)
async def find(call: Call, parts: Parts) -> Any:
    """``query``, ``order`` and ``projection`` are JSON texts; ``count=true`` asks for the number alone."""
    server = server_call(call, _with_template(call))
    query = server.document("query") or {}
    if call.params.get("count") == "true":
        return {"total": await run(server, commands.Count(parts["collection"], query))}
    skip, limit = _whole(call, "offset"), _whole(call, "limit")
    command = commands.Find(
        parts["collection"],
        query,
        projection=server.document("projection") or None,
        sort=_sort(call.params.get("order")),
        skip=skip,
        limit=limit,
        raw=True,
    )
    texts: list[bytes] = await run(server, command)
    return {"list": [_fragment(text) for text in texts], "offset": skip, "limit": limit or len(texts)}


def _fragment(stored: bytes) -> orjson.Fragment:
    return orjson.Fragment(new_text(stored))


def _with_template(call: Call) -> dict[str, Any]:
    query = call.params.get("query")
    return {**call.params, "query": parse(query)} if isinstance(query, str) and query else call.params


def _whole(call: Call, name: str) -> int:
    text = str(call.params.get(name, "")) or "0"
    if not text.isascii() or not text.isdigit():
        raise InvalidRequest(f"the parameter `{name}` must be a whole number / 参数 {name} 必须是整数")
    return int(text)


def _sort(order: Any) -> list[tuple[str, int]] | None:
    if not order:
        return None
    items = parse(order) if isinstance(order, str) else order
    if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("field") for item in items):
        raise InvalidRequest("`order` must be a list of {field, direction} / order 格式错误")
    return [(str(item["field"]), -1 if item.get("direction") in ("desc", -1) else 1) for item in items]


@resources.add("GET", f"{_DOCUMENTS}/{{id}}")
async def get(call: Call, parts: Parts) -> Any:
    command = commands.Find(parts["collection"], {"_id": parts["id"]}, limit=1, raw=True)
    texts: list[bytes] = await run(server_call(call), command)
    if not texts:
        raise DocumentNotFound(f"document with _id {parts['id']} does not exist / 文档不存在")
    return _fragment(texts[0])


@resources.add("PATCH", _DOCUMENTS)
async def update(call: Call, parts: Parts) -> Any:
    """Data without operators is the whole new document, as ``doc.set`` sends it."""
    server = server_call(call)
    data = server.document("data", writing=True) or {}
    merge = any(name.startswith("$") for name in data) and call.params.get("replaceMode") is not True
    command = commands.Update(
        parts["collection"],
        required_query(server),
        update_of(data, merge=merge),
        multi=merge and server.flag("multi", False),
        upsert=server.flag("upsert", False),
    )
    result: commands.UpdateResult = await run(server, command)
    answer: dict[str, Any] = {"matched": result.matched, "updated": result.modified}
    if result.upserted:
        answer["upsert_id"] = answer["upserted_id"] = encode_id(result.upserted_id)
    return answer


@resources.add("POST", f"{_DOCUMENTS}/remove")
async def remove(call: Call, parts: Parts) -> Any:
    server = server_call(call)
    command = commands.Delete(parts["collection"], required_query(server), multi=server.flag("multi", False))
    return {"deleted": await run(server, command)}


@resources.add("POST", f"{_DOCUMENTS}/aggregations")
async def aggregate(call: Call, parts: Parts) -> Any:
    server = server_call(call)
    pipeline = [server.decode_value(stage) for stage in server.items("pipeline")]
    documents = await run(server, commands.Aggregate(parts["collection"], pipeline))
    return {"list": [orjson.Fragment(encode_new(document)) for document in documents]}


@resources.add("POST", f"{_DATABASE}/transactions")
async def start_transaction(call: Call, parts: Parts) -> Any:
    return {"transactionId": await call.services.documents.begin(call.caller)}


@resources.add("POST", f"{_DATABASE}/transactions/{{transaction}}/commit")
async def commit(call: Call, parts: Parts) -> Any:
    await call.services.documents.commit(call.caller, parts["transaction"])
    return {}


@resources.add("POST", f"{_DATABASE}/transactions/{{transaction}}/rollback")
async def rollback(call: Call, parts: Parts) -> Any:
    await call.services.documents.abort(call.caller, parts["transaction"])
    return {}
