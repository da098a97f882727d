"""Writes of the Python API as commands, one by one or many in one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bson import ObjectId

from yunbox.errors import YunboxError

from . import arguments as arg
from . import commands as c
from . import operations as op
from .arguments import Collation, Document, Filter, Hint
from .failures import OperationFailure, bulk_failure
from .results import BulkWriteResult

_AT_ONCE = 1000
"""Commands that are committed together: others may write in between."""


def insert(collection: str, documents: Sequence[Document], *, ordered: bool = True) -> c.Insert:
    """The command that adds documents; those without an ``_id`` get one, which the caller sees as well."""
    made = []
    for document in documents:
        one = arg.stored(document)
        if "_id" not in one:
            document["_id"] = one["_id"] = ObjectId()
        made.append(one)
    return c.Insert(collection, made, ordered=ordered, create=True)


def update(
    collection: str,
    filter: Filter,
    change: Any,
    *,
    multi: bool = False,
    upsert: bool | None = None,
    array_filters: Sequence[Mapping[str, Any]] | None = None,
    collation: Collation | None = None,
    hint: Hint | None = None,
    let: Mapping[str, Any] | None = None,
    max_time_ms: int | None = None,
    **others: Any,
) -> c.Update:
    """The command that changes documents; ``change`` has been checked."""
    return c.Update(
        collection,
        arg.document(filter),
        change,
        multi=multi,
        upsert=bool(upsert),
        array_filters=arg.filters(array_filters),
        collation=arg.collation(collation),
        hint=arg.hint(hint),
        let=arg.optional(let),
        max_time_ms=arg.time_limit(max_time_ms, others),
        create=True,
        missing_ok=True,
    )


def delete(
    collection: str,
    filter: Filter,
    *,
    multi: bool = False,
    collation: Collation | None = None,
    hint: Hint | None = None,
    let: Mapping[str, Any] | None = None,
    max_time_ms: int | None = None,
    **others: Any,
) -> c.Delete:
    """The command that removes documents."""
    return c.Delete(
        collection,
        arg.document(filter),
        multi=multi,
        collation=arg.collation(collation),
        hint=arg.hint(hint),
        let=arg.optional(let),
        max_time_ms=arg.time_limit(max_time_ms, others),
        missing_ok=True,
    )


def write(
    run: Callable[[c.Command], Any],
    collection: str,
    operations: Sequence[Any],
    *,
    ordered: bool,
    let: Mapping[str, Any] | None,
) -> BulkWriteResult:
    """Carry out operations. Raises `BulkWriteError`."""
    commands = [command_of(collection, _ours(operation), let) for operation in arg.many("requests", operations)]
    result = BulkWriteResult()
    failures: list[tuple[int, YunboxError]] = []
    for place, command, outcome in _outcomes(run, commands, ordered):
        if isinstance(outcome, YunboxError):
            failures.append((place, outcome))
        else:
            _count(result, place, command, outcome)
    if failures:
        raise bulk_failure(failures, result)
    return result


def _outcomes(
    run: Callable[[c.Command], Any], commands: Sequence[c.Command], ordered: bool
) -> Iterator[tuple[int, c.Command, Any]]:
    """The place, the command and the result or error of each command that was carried out."""
    numbered = iter(enumerate(commands))
    while batch := list(islice(numbered, _AT_ONCE)):
        outcomes = run(c.Bulk([command for _, command in batch], ordered=ordered))
        for (place, command), outcome in zip(batch, outcomes, strict=False):
            yield place, command, outcome
            if ordered and isinstance(outcome, YunboxError):
                return


def command_of(collection: str, operation: op.Operation, let: Mapping[str, Any] | None) -> c.Command:
    """The command of an operation."""
    match operation:
        case op.InsertOne():
            return insert(collection, [operation.document])
        case op.DeleteOne() | op.DeleteMany():
            options: dict[str, Any] = {"collation": operation.collation, "hint": operation.hint, "let": let}
            return delete(collection, operation.filter, multi=isinstance(operation, op.DeleteMany), **options)
        case op.ReplaceOne():
            options = {"upsert": operation.upsert, "collation": operation.collation, "hint": operation.hint, "let": let}
            return update(collection, operation.filter, arg.replacement(operation.replacement), **options)
        case op.UpdateOne() | op.UpdateMany():
            options = {"upsert": operation.upsert, "collation": operation.collation, "hint": operation.hint, "let": let}
            options.update(array_filters=operation.array_filters, multi=isinstance(operation, op.UpdateMany))
            return update(collection, operation.filter, arg.operators(operation.update), **options)


def _ours(operation: Any) -> op.Operation:
    """An operation of ours for one of pymongo's, which keeps what it was given in attributes of its own."""
    if isinstance(operation, op.Operation):
        return operation
    kind = getattr(op, type(operation).__name__, None)
    if kind is None or type(operation).__module__ != "pymongo.operations":
        raise TypeError(f"{operation!r} is not a valid request")
    if getattr(operation, "_sort", None) is not None:
        raise OperationFailure(
            "BSON field 'update.updates.sort' is an unknown field.", number=40415, name="Location40415"
        )
    given = {ours: getattr(operation, theirs, None) for theirs, ours in _DRIVERS_NAMES.items()}
    given[_SECOND.get(kind.__name__, "document")] = getattr(operation, "_doc", None)
    known = kind.__dataclass_fields__
    made: op.Operation = kind(**{name: value for name, value in given.items() if name in known})
    return made


_DRIVERS_NAMES = {
    "_filter": "filter",
    "_upsert": "upsert",
    "_collation": "collation",
    "_array_filters": "array_filters",
    "_hint": "hint",
}
_SECOND = {"ReplaceOne": "replacement", "UpdateOne": "update", "UpdateMany": "update"}


def _count(result: BulkWriteResult, place: int, command: c.Command, outcome: Any) -> None:
    if isinstance(command, c.Insert):
        result.inserted_ids[place] = outcome.ids[0]
        result.inserted_count += 1
    elif isinstance(command, c.Delete):
        result.deleted_count += outcome
    else:
        result.matched_count += outcome.matched
        result.modified_count += outcome.modified
        if outcome.upserted:
            result.upserted_count += 1
            result.upserted_ids[place] = outcome.upserted_id
