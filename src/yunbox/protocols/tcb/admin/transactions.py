"""Transactions: begin, commit, abort, and the OLD dialect's single-document actions inside one.

The OLD replies are flat, and their numbers are JSON texts (tencent-server-wire.md §5.1).
"""

from __future__ import annotations

from typing import Any

from yunbox.documents import commands
from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.admin.database import required_query, run, update_of
from yunbox.protocols.tcb.values import encode_id, encode_new, new_text


async def start(call: Call) -> Reply:
    return {"transactionId": await call.services.documents.begin(call.caller)}


async def commit(call: Call) -> Reply:
    await call.services.documents.commit(call.caller, call.text("transactionId"))
    return {}


async def abort(call: Call) -> Reply:
    await call.services.documents.abort(call.caller, call.text("transactionId"))
    return {}


def _require_transaction(call: Call) -> None:
    call.text("transactionId")


async def get(call: Call) -> Reply:
    _require_transaction(call)
    texts: list[bytes] = await run(
        call, commands.Find(call.text("collectionName"), required_query(call), limit=1, raw=True)
    )
    return {"data": new_text(texts[0]) if texts else "null"}


async def insert(call: Call) -> Reply:
    _require_transaction(call)
    document = call.document("data", writing=True)
    if document is None:
        raise InvalidRequest("param should have required property 'data' / 缺少要添加的数据")
    if call.values.get("_id") is not None:
        document = {"_id": call.decode_value(call.values["_id"]), **document}
    result: commands.InsertResult = await run(call, commands.Insert(call.text("collectionName"), [document]))
    return {"inserted": "1", "ok": "1", "id": encode_id(result.ids[0])}


async def update(call: Call) -> Reply:
    """Operators change the document; anything else replaces it."""
    _require_transaction(call)
    data = call.document("data", writing=True) or {}
    merge = any(name.startswith("$") for name in data)
    result: commands.UpdateResult = await run(
        call,
        commands.Update(
            call.text("collectionName"),
            required_query(call),
            update_of(data, merge=merge),
            upsert=call.flag("upsert", False),
        ),
    )
    reply: dict[str, Any] = {"updated": str(result.modified if merge else result.matched)}
    if result.upserted:
        reply["upserted"] = encode_new([{"_id": result.upserted_id}])
    return reply


async def delete(call: Call) -> Reply:
    _require_transaction(call)
    deleted = await run(call, commands.Delete(call.text("collectionName"), required_query(call)))
    return {"deleted": str(deleted)}


ACTIONS: dict[str, Handler] = {
    "database.abortTransaction": abort,
    "database.commitTransaction": commit,
    "database.deleteDocInTransaction": delete,
    "database.getInTransaction": get,
    "database.insertDocInTransaction": insert,
    "database.startTransaction": start,
    "database.updateDocInTransaction": update,
}
