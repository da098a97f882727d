"""The writing commands, over whatever holds the documents: the store itself, or a transaction's overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId

from yunbox.documents import commands as c
from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.match import Matcher, compile_filter
from yunbox.documents.query.project import compile_projection
from yunbox.documents.query.update import Update, compile_update, document_from_filter
from yunbox.errors import CollectionNotFound, QueryError, YunboxError
from yunbox.tools.clock import Clock

from .catalog import Collection
from .pruned import PrunedUpdate
from .view import Document, Found, Selection, selection_of, with_let


class Target(Protocol):
    """Where documents are found and written."""

    clock: Clock

    def collection(self, name: str) -> Collection: ...

    def for_writing(self, name: str, create: bool) -> Collection: ...

    def check(self) -> None: ...

    def found(self, collection: Collection, selection: Selection) -> Iterator[Found]: ...

    def matching(self, collection: Collection, selection: Selection) -> Iterator[Found]: ...

    def insert(self, collection: Collection, document: Document) -> Any: ...

    def insert_many(self, collection: Collection, documents: Sequence[Document]) -> list[Any] | None: ...

    def replace(self, collection: Collection, found: Found, document: Document, whole: bool = False) -> None: ...

    def remove(self, collection: Collection, found: Found) -> None: ...


@dataclass(frozen=True, slots=True)
class Partly:
    """A command that failed after some of its documents were written: those stay, and ``error`` is raised."""

    error: YunboxError


def insert(target: Target, command: c.Insert) -> c.InsertResult | Partly:
    """Store new documents. A failure names the ids stored before it (``inserted``) and its place (``index``)."""
    collection = target.for_writing(command.collection, command.create)
    if len(command.documents) > 1:
        at_once = target.insert_many(collection, command.documents)
        if at_once is not None:
            return c.InsertResult(at_once)
    ids: list[Any] = []
    failure: YunboxError | None = None
    for position, document in enumerate(command.documents):
        try:
            ids.append(target.insert(collection, document))
        except YunboxError as error:
            if failure is None:
                failure = error
                error.data.update(index=position, inserted=ids)
            error.data["index"] = position
            failure.data.setdefault("failures", []).append(error)
            if command.ordered:
                break
    if failure is not None:
        return Partly(failure)
    return c.InsertResult(ids)


def update(target: Target, command: c.Update) -> c.UpdateResult | Partly:
    """Change one matching document, or with ``multi`` all of them."""
    command = with_let(command)
    collection = collection_for(target, command)
    change = Change(command, target.clock.now())
    if collection is None:
        return c.UpdateResult(0, 0)
    selection = selection_of(command)
    matched = modified = 0
    if command.multi:
        change.require_operators()
        try:
            for found in target.matching(collection, selection):
                target.check()
                matched += 1
                modified += change.apply(target, collection, found) is not found.document
        except YunboxError as error:
            if not modified:
                raise
            error.data.update(matched=matched, modified=modified)
            return Partly(error)
    else:
        first = next(iter(target.found(collection, selection._replace(limit=1))), None)
        if first is not None:
            matched = 1
            modified = int(change.apply(target, collection, first) is not first.document)
    if not matched and command.upsert:
        document = change.upserted()
        return c.UpdateResult(0, 0, target.insert(collection, document), True)
    return c.UpdateResult(matched, modified)


def delete(target: Target, command: c.Delete) -> int:
    """Remove the first matching document, or with ``multi`` all of them."""
    command = with_let(command)
    collection = collection_for(target, command)
    if collection is None:
        return 0
    selection = selection_of(command)
    if not command.multi:
        selection = selection._replace(limit=1)
    removed = 0
    for found in target.matching(collection, selection):
        target.check()
        target.remove(collection, found)
        removed += 1
    return removed


def find_and_modify(target: Target, command: c.FindAndModify) -> c.FindAndModifyResult:
    """Change or remove the first matching document and return it as it was, or with ``return_new`` as it is."""
    command = with_let(command)
    collection = collection_for(target, command)
    change = None if command.remove else Change(command, target.clock.now())
    if collection is None:
        return c.FindAndModifyResult(None)
    first = next(iter(target.found(collection, selection_of(command)._replace(limit=1))), None)
    if first is None:
        if change is None or not command.upsert:
            return c.FindAndModifyResult(None)
        document = change.upserted()
        id = target.insert(collection, document)
        shown = {"_id": id, **document} if command.return_new else None
        return c.FindAndModifyResult(_projected(command, shown), False, id, 1)
    if change is None:
        target.remove(collection, first)
        return c.FindAndModifyResult(_projected(command, first.document), False, None, 1)
    after = change.apply(target, collection, first)
    return c.FindAndModifyResult(_projected(command, after if command.return_new else first.document), True, None, 1)


def bulk(target: Target, command: c.Bulk) -> list[Any]:
    """Run commands in order; the result has an error in place of each that failed."""
    results: list[Any] = []
    for one in command.commands:
        try:
            result = HANDLERS[type(one)](target, one)
        except YunboxError as error:
            result = error
        results.append(result.error if isinstance(result, Partly) else result)
        if command.ordered and isinstance(results[-1], YunboxError):
            break
    return results


def _projected(command: c.FindAndModify, document: Document | None) -> Document | None:
    if document is None or not command.projection:
        return document
    matcher = None
    if any(path.endswith(".$") for path in command.projection):
        matcher = compile_filter(command.filter, collation=command.collation)
    project = compile_projection(
        command.projection, filter_matcher=matcher, variables=command.let, collation=command.collation
    )
    return project(document)


def collection_for(target: Target, command: Any) -> Collection | None:
    """The collection that a command writes to, made when it is to be; ``None`` for a missing one that is nothing wrong.

    Raises:
        CollectionNotFound.
    """
    create = getattr(command, "upsert", False) and command.create
    try:
        return target.for_writing(command.collection, True) if create else target.collection(command.collection)
    except CollectionNotFound:
        if command.missing_ok and not getattr(command, "upsert", False):
            return None
        raise


class Rehearsed(Exception):
    """Ends a unit of work whose writes are taken back; carries what it would have answered."""

    def __init__(self, result: Any) -> None:
        self.result = result


class Change:
    """The update of a command, ready to be applied."""

    def __init__(self, command: c.Update | c.FindAndModify, now: datetime) -> None:
        self._command = command
        collation = compile_collation(command.collation)
        self._update: Update = compile_update(
            command.update, array_filters=command.array_filters, collation=collation, variables=command.let
        )
        self._now = now
        self._matcher: Matcher | None = None
        if _is_positional(command.update):
            self._matcher = compile_filter(command.filter, collation=collation)

    def require_operators(self) -> None:
        """Raises `QueryError` when a replacement is asked of many documents."""
        update = self._command.update
        if isinstance(update, dict) and not any(name.startswith("$") for name in update):
            raise _no_multi_replacement()

    def pruned(self, collection: Collection) -> PrunedUpdate | None:
        """The same change as it is made to many documents of a collection, where they need not be read as a whole."""
        return None if self._matcher is not None else PrunedUpdate.of(collection, self._update, self._now)

    def apply(self, target: Target, collection: Collection, found: Found) -> Document:
        """Write the changed document and return it; the very same when nothing changed."""
        before = found.document
        position = self._matcher.position(before) if self._matcher is not None else None
        after = self._update.apply(before, position=position, now=self._now)
        if after is before:
            return before
        target.replace(collection, found, after, self._update.kind == "replacement")
        return after

    def upserted(self) -> Document:
        """The document to insert when none matched."""
        command = self._command
        document = self._update.apply(document_from_filter(command.filter), now=self._now, inserting=True)
        if command.on_insert:
            document = {**document, **command.on_insert}
        if "_id" not in document:
            document = {"_id": command.new_id() if command.new_id else ObjectId(), **document}
        return document


def _is_positional(update: Any) -> bool:
    if not isinstance(update, dict):
        return False
    return any(
        ".$" in path and (path.endswith(".$") or ".$." in path)
        for operand in update.values()
        if isinstance(operand, dict)
        for path in operand
    )


def _no_multi_replacement() -> QueryError:
    return QueryError("multi update is not supported for replacement-style update", number=9, name="FailedToParse")


HANDLERS: dict[type, Callable[[Any, Any], Any]] = {
    c.Insert: insert,
    c.Update: update,
    c.Delete: delete,
    c.FindAndModify: find_and_modify,
    c.Bulk: bulk,
}
"""What runs each writing command."""
