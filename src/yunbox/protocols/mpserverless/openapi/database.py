"""Actions on documents: raw commands, collections and their transfer (semantics.md §14.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO
from yunbox.protocols.mpserverless import database as gateway
from yunbox.protocols.mpserverless import envelope
from yunbox.protocols.mpserverless.arguments import Document, invalid
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal


async def run_command(action: Action) -> dict[str, Any]:
    """One command as in the gateway, or one on collections and indexes. ``Result`` is JSON text."""
    body = _body(action)
    administration = _ADMINISTRATION.get(str(body.get("command")))
    if administration is None:
        answer = await gateway.execute(action.gateway_call(action.name, body))
    else:
        answer = await administration(action, body)
    text = envelope.dumps(answer.get("result", answer.get("transactionId"))).decode()
    return {"AffectedDocs": answer.get("affectedDocs", 0), "Result": text}


async def drop_collection(action: Action) -> dict[str, Any]:
    body = _body(action)
    await action.services.documents.drop_collection(action.space.id, _name(body, "collection", "name", "Collection"))
    return {}


async def rename_collection(action: Action) -> dict[str, Any]:
    """Rename a collection; its rules go with it."""
    old, new = action.text("OriginCollection"), action.text("NewCollection")
    await action.services.documents.rename_collection(action.space.id, old, new)
    return {}


ACTIONS: dict[str, Handler] = {
    "RunDBCommand": run_command,
    "DeleteDBCollection": drop_collection,
    "RenameDBCollection": rename_collection,
}


def _body(action: Action) -> Document:
    body = action.json("Body")
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidBody", "Body must be a JSON object. / 参数 Body 应为 JSON 对象")
    return body


def _name(body: Document, *keys: str) -> str:
    for key in keys:
        if isinstance(body.get(key), str) and body[key]:
            return str(body[key])
    raise invalid(f"`{keys[0]}` must be a non-empty string / 参数 `{keys[0]}` 应为非空字符串")


async def _run(action: Action, command: c.Command) -> Any:
    return await action.services.documents.run(action.caller, MONGO, command)


async def _collections(action: Action, body: Document) -> Document:
    found: list[c.CollectionInfo] = await _run(action, c.ListCollections())
    rows = [{"name": info.name, "count": info.count, "size": info.size, "nindexes": info.indexes + 1} for info in found]
    return {"affectedDocs": len(rows), "result": rows}


async def _create_collection(action: Action, body: Document) -> Document:
    await _run(action, c.CreateCollection(_name(body, "name", "collection")))
    return {"affectedDocs": 0, "result": {"ok": 1}}


async def _list_indexes(action: Action, body: Document) -> Document:
    found = await _run(action, c.ListIndexes(_name(body, "collection")))
    return {"affectedDocs": len(found), "result": found}


async def _create_index(action: Action, body: Document) -> Document:
    """``field`` is a path or an object of paths and directions; ``options`` as in MongoDB."""
    keys = body.get("field") or body.get("keys")
    if isinstance(keys, str):
        keys = {keys: 1}
    if not isinstance(keys, dict) or not keys:
        raise invalid("`field` must be a path, or an object of paths and directions / 参数 `field` 应为字段名或对象")
    options = body.get("options") or {}
    command = c.create_index(_name(body, "collection"), keys, options)
    return {"affectedDocs": 0, "result": {"name": await _run(action, command), "ok": 1}}


async def _drop_index(action: Action, body: Document) -> Document:
    await _run(action, c.DropIndex(_name(body, "collection"), _name(body, "dropIndex", "indexName", "index", "name")))
    return {"affectedDocs": 0, "result": {"ok": 1}}


async def _drop(action: Action, body: Document) -> Document:
    await action.services.documents.drop_collection(action.space.id, _name(body, "collection", "name"))
    return {"affectedDocs": 0, "result": {"ok": 1}}


async def _rename(action: Action, body: Document) -> Document:
    documents = action.services.documents
    await documents.rename_collection(action.space.id, _name(body, "collection"), _name(body, "newName"))
    return {"affectedDocs": 0, "result": {"ok": 1}}


_ADMINISTRATION: dict[str, Callable[[Action, Document], Awaitable[Document]]] = {
    "collections": _collections,
    "createCollection": _create_collection,
    "listIndexes": _list_indexes,
    "createIndex": _create_index,
    "dropIndex": _drop_index,
    "drop": _drop,
    "rename": _rename,
}
