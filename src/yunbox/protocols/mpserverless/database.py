"""``serverless.db.default.execute``: one handler per database command, found by the command's name (aliyun-wire.md §5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO
from yunbox.documents.query import ejson
from yunbox.documents.rules.permit import OWNER
from yunbox.protocols.mpserverless import values
from yunbox.protocols.mpserverless.arguments import Arguments, Document, invalid
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.envelope import spliced

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One database command on its way to the document service."""

    call: Call
    arguments: Arguments

    async def run(self, command: c.Command) -> Any:
        """What the service answers for ``command``, inside the operation's transaction if it names one."""
        documents = self.call.services.documents
        return await documents.run(self.call.caller, MONGO, command, transaction=self.arguments.transaction)


async def execute(call: Call) -> Result:
    """Run the command that the parameters name."""
    name = call.text("command", "")
    command = COMMANDS.get(name)
    if command is None:
        raise invalid(
            f"unknown database command `{name}`; use one of {', '.join(COMMANDS)} / 不支持的数据库操作 `{name}`"
        )
    return await command(Operation(call, Arguments(call.params)))


async def find(operation: Operation) -> Result:
    arguments = operation.arguments
    found: list[bytes] = await operation.run(_find(arguments, limit=arguments.count("limit")))
    return _answer(len(found), [_spliced_document(text) for text in found])


async def find_one(operation: Operation) -> Result:
    found: list[bytes] = await operation.run(_find(operation.arguments, limit=1))
    return _answer(len(found), _spliced_document(found[0]) if found else None)


async def count(operation: Operation) -> Result:
    arguments = operation.arguments
    command = c.Count(
        arguments.collection,
        arguments.filter("query"),
        skip=arguments.count("skip"),
        limit=arguments.count("limit"),
        hint=arguments.hint(),
        collation=arguments.collation(),
        max_time_ms=arguments.max_time_ms(),
    )
    total: int = await operation.run(command)
    return _answer(total, total)


async def distinct(operation: Operation) -> Result:
    arguments = operation.arguments
    command = c.Distinct(
        arguments.collection,
        arguments.key(),
        arguments.filter("query"),
        collation=arguments.collation(),
        max_time_ms=arguments.max_time_ms(),
    )
    found: list[Any] = await operation.run(command)
    return _answer(len(found), values.encode(found))


async def aggregate(operation: Operation) -> Result:
    """Owner marks that are hidden are left out at every depth: ``$lookup`` nests whole documents."""
    arguments = operation.arguments
    command: c.Command = c.Aggregate(
        arguments.collection,
        arguments.pipeline(),
        let=arguments.let(),
        collation=arguments.collation(),
        hint=arguments.hint(),
        allow_disk_use=arguments.flag("allowDiskUse"),
        max_time_ms=arguments.max_time_ms(),
    )
    if arguments.flag("explain"):
        return _answer(1, [values.encode(await operation.run(c.Explain(command)))])
    found: list[Document] = await operation.run(command)
    call = operation.call
    shown = call.services.documents.shows_owner(call.space.id, MONGO, command)
    return _answer(len(found), values.encode(found, hide=() if shown else (OWNER,)))


async def insert_one(operation: Operation) -> Result:
    ids = await _insert(operation, [operation.arguments.document("doc")])
    return _answer(1, {"insertedId": ids[0], "ok": 1, "n": 1})


async def insert_many(operation: Operation) -> Result:
    ids = await _insert(operation, operation.arguments.documents())
    return _answer(len(ids), {str(position): inserted for position, inserted in enumerate(ids)})


async def update_one(operation: Operation) -> Result:
    return await _update(operation, operation.arguments.update(), multi=False)


async def update_many(operation: Operation) -> Result:
    return await _update(operation, operation.arguments.update(), multi=True)


async def replace_one(operation: Operation) -> Result:
    return await _update(operation, operation.arguments.document("doc"), multi=False)


async def delete_one(operation: Operation) -> Result:
    """Without a filter the first document goes (DBW-14)."""
    return await _delete(operation, multi=False)


async def delete_many(operation: Operation) -> Result:
    return await _delete(operation, multi=True)


async def find_one_and_update(operation: Operation) -> Result:
    return await _find_and_modify(operation, operation.arguments.update())


async def find_one_and_replace(operation: Operation) -> Result:
    return await _find_and_modify(operation, operation.arguments.document("replacement"))


async def find_one_and_delete(operation: Operation) -> Result:
    return await _find_and_modify(operation, None)


async def start_transaction(operation: Operation) -> Result:
    """The id goes beside ``affectedDocs``, not into ``result``."""
    transaction = await operation.call.services.documents.begin(operation.call.caller)
    return {"affectedDocs": 0, "transactionId": transaction}


async def commit_transaction(operation: Operation) -> Result:
    await operation.call.services.documents.commit(operation.call.caller, _transaction(operation))
    return {"affectedDocs": 0}


async def abort_transaction(operation: Operation) -> Result:
    await operation.call.services.documents.abort(operation.call.caller, _transaction(operation))
    return {"affectedDocs": 0}


COMMANDS: dict[str, Callable[[Operation], Awaitable[Result]]] = {
    "find": find,
    "findOne": find_one,
    "count": count,
    "distinct": distinct,
    "aggregate": aggregate,
    "insertOne": insert_one,
    "insertMany": insert_many,
    "updateOne": update_one,
    "updateMany": update_many,
    "replaceOne": replace_one,
    "deleteOne": delete_one,
    "deleteMany": delete_many,
    "findOneAndUpdate": find_one_and_update,
    "findOneAndReplace": find_one_and_replace,
    "findOneAndDelete": find_one_and_delete,
    "startTransaction": start_transaction,
    "commitTransaction": commit_transaction,
    "abortTransaction": abort_transaction,
}

METHODS: dict[str, Method] = {
    "serverless.db.default.execute": execute,
    "serverless.db.isv.execute": execute,
}


def _answer(affected: int, result: Any) -> Result:
    return {"affectedDocs": affected, "result": result}


def _find(arguments: Arguments, limit: int) -> c.Find:
    return c.Find(
        arguments.collection,
        arguments.filter("query"),
        projection=arguments.projection(),
        sort=arguments.sort(),
        skip=arguments.count("skip"),
        limit=limit,
        hint=arguments.hint(),
        collation=arguments.collation(),
        let=arguments.let(),
        max_time_ms=arguments.max_time_ms(),
        raw=True,
    )


def _spliced_document(text: bytes) -> Any:
    """A stored document as JSON; its text as it stands unless it holds a wrapper such as ``{"$date": …}``."""
    return values.encode(ejson.loads(text)) if b'"$' in text else spliced(text)


async def _insert(operation: Operation, documents: list[Document]) -> list[Any]:
    for document in documents:
        _check_id(document)
    ordered = operation.arguments.option("ordered") is not False
    inserted: c.InsertResult = await operation.run(c.Insert(operation.arguments.collection, documents, ordered=ordered))
    return [values.encode(identifier) for identifier in inserted.ids]


def _check_id(document: Document) -> None:
    """A null id is left to the server; an array cannot be one."""
    if "_id" in document and document["_id"] is None:
        del document["_id"]
    if isinstance(document.get("_id"), list):
        raise invalid("`_id` cannot be an array / `_id` 不能是数组")


async def _update(operation: Operation, update: Any, *, multi: bool) -> Result:
    arguments = operation.arguments
    command = c.Update(
        arguments.collection,
        arguments.filter("filter"),
        update,
        multi=multi,
        upsert=arguments.flag("upsert"),
        array_filters=_array_filters(arguments),
        collation=arguments.collation(),
        hint=arguments.hint(),
        let=arguments.let(),
        max_time_ms=arguments.max_time_ms(),
    )
    done: c.UpdateResult = await operation.run(command)
    result: Result = {"ok": 1, "n": done.matched + done.upserted, "nModified": done.modified}
    if done.upserted:
        result["upserted"] = [{"index": 0, "_id": values.encode(done.upserted_id)}]
    return _answer(done.modified + done.upserted, result)


async def _delete(operation: Operation, *, multi: bool) -> Result:
    arguments = operation.arguments
    command = c.Delete(
        arguments.collection,
        arguments.filter("filter"),
        multi=multi,
        collation=arguments.collation(),
        hint=arguments.hint(),
        let=arguments.let(),
        max_time_ms=arguments.max_time_ms(),
    )
    deleted: int = await operation.run(command)
    return _answer(deleted, {"ok": 1, "n": deleted})


async def _find_and_modify(operation: Operation, update: Any) -> Result:
    arguments = operation.arguments
    command = c.FindAndModify(
        arguments.collection,
        arguments.filter("filter"),
        update=update,
        remove=update is None,
        sort=arguments.sort(),
        projection=arguments.projection(),
        upsert=arguments.flag("upsert"),
        return_new=arguments.flag("returnNewDocument"),
        array_filters=_array_filters(arguments),
        collation=arguments.collation(),
        hint=arguments.hint(),
        let=arguments.let(),
        max_time_ms=arguments.max_time_ms(),
    )
    done: c.FindAndModifyResult = await operation.run(command)
    last: Result = {"n": done.count}
    if update is not None:
        last["updatedExisting"] = done.updated_existing
    if done.upserted_id is not None:
        last["upserted"] = values.encode(done.upserted_id)
    return _answer(done.count, {"value": values.encode(done.document), "lastErrorObject": last, "ok": 1})


def _array_filters(arguments: Arguments) -> list[Document] | None:
    filters = arguments.option("arrayFilters")
    if filters is not None and not isinstance(filters, list):
        raise invalid("`arrayFilters` must be an array / 参数 `arrayFilters` 应为数组")
    return values.decode(filters) if filters else None


def _transaction(operation: Operation) -> str:
    transaction = operation.arguments.transaction
    if not transaction:
        raise invalid("`transactionId` is missing / 缺少参数 `transactionId`")
    return transaction
