"""Writes to many documents, done in turns: between two of them others write, as MongoDB yields.

Each document is changed as a whole. Which documents there are to change is decided at the start; one that does not match any
more when its turn comes is left alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from yunbox.documents import commands as c
from yunbox.documents.query.match import Matcher, compile_filter
from yunbox.errors import QueryError, YunboxError

from .catalog import Collection
from .store import MAX_KEPT, Store
from .view import Found, selection_of, with_let
from .writes import Change, Partly, collection_for

PORTION = 256
"""Documents after which a turn ends when somebody waits."""
MOST = 10_240
"""Documents of one turn when nobody waits: each turn is a commit, which has to reach the disk."""

MORE: Final = object()
"""The result of a turn that was not the last."""


def turns_of(command: c.Command) -> Turns | None:
    """The turns of a command that writes to many documents, else ``None``."""
    if isinstance(command, c.Update) and command.multi:
        return _Updates(command)
    if isinstance(command, c.Delete) and command.multi:
        return _Deletes(command)
    return None


class Turns(ABC):
    """A command under way. ``matched`` and ``modified`` count what was committed."""

    def __init__(self, command: c.Update | c.Delete) -> None:
        self._command = with_let(command)
        self._owner = 0
        self._rows: list[int] | None = None
        self._place = 0
        self._many = False
        self._matcher: Matcher | None = None
        self.matched = 0
        self.modified = 0

    def take(self, store: Store) -> Any:
        """Do the next turn, as one unit of the writer's work; the command's result, `MORE`, or `Partly`."""
        collection = self._collection(store)
        if collection is None:
            return self._result(store, None)
        first = self._rows is None
        rows = store.row_ids(collection, selection_of(self._command)) if self._rows is None else self._rows
        self._many = len(rows) > MAX_KEPT
        matched, modified, place = self.matched, self.modified, self._place
        end = place + MOST
        try:
            while place < len(rows) and place < end:
                store.check()
                for changed in self._portion(store, collection, rows[place : place + PORTION], first):
                    modified += changed
                    matched += 1
                place = min(place + PORTION, len(rows))
                if store.others_wait():
                    break
        except YunboxError as error:
            if not modified:
                raise
            return Partly(self.told(error, matched, modified))
        store.after_commit(partial(self._advance, collection.id, rows, place, matched, modified))
        if place < len(rows):
            return MORE
        self.matched, self.modified = matched, modified
        return self._result(store, collection)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Let an error that ends the command say how many documents were done."""
        try:
            yield
        except YunboxError as error:
            self.told(error)
            raise

    def told(self, error: YunboxError, matched: int | None = None, modified: int | None = None) -> YunboxError:
        """An error with how many documents had been done before it."""
        counts = self._counts(
            self.matched if matched is None else matched, self.modified if modified is None else modified
        )
        if any(counts.values()):
            error.data = {**counts, **error.data}
        return error

    def _advance(self, owner: int, rows: list[int], place: int, matched: int, modified: int) -> None:
        self._owner, self._rows, self._place = owner, rows, place
        self.matched, self.modified = matched, modified

    def _collection(self, store: Store) -> Collection | None:
        if self._rows is None:
            return collection_for(store, self._command)
        collection = store.batch.catalog.get(self._command.collection)
        if collection is None or collection.id != self._owner:
            raise QueryError(f"collection dropped: {self._command.collection}", number=175, name="QueryPlanKilled")
        return collection

    def _portion(self, store: Store, collection: Collection, row_ids: list[int], sure: bool) -> Iterator[bool]:
        """Write to documents, unless ``sure`` of those that still match; each tells whether it changed."""
        for found in store.by_row_ids(collection, row_ids):
            store.check()
            if sure or self._still_matches(store, found):
                yield self._write(store, collection, found)

    def _still_matches(self, store: Store, found: Found) -> bool:
        if self._matcher is None:
            selection = selection_of(self._command)
            variables = {"NOW": store.clock.now()}
            self._matcher = compile_filter(dict(selection.filter), collation=selection.collation, variables=variables)
        return bool(self._matcher(found.document))

    @abstractmethod
    def _counts(self, matched: int, modified: int) -> dict[str, int]: ...

    @abstractmethod
    def _write(self, store: Store, collection: Collection, found: Found) -> bool: ...

    @abstractmethod
    def _result(self, store: Store, collection: Collection | None) -> Any: ...


class _Updates(Turns):
    def __init__(self, command: c.Update) -> None:
        super().__init__(command)
        self._change: Change | None = None

    def take(self, store: Store) -> Any:
        if self._change is None:
            change = Change(self._command, store.clock.now())
            change.require_operators()
            self._change = change
        return super().take(store)

    def _portion(self, store: Store, collection: Collection, row_ids: list[int], sure: bool) -> Iterator[bool]:
        assert self._change is not None
        pruned = self._change.pruned(collection) if self._many and store.may_prune else None
        if pruned is None:
            return super()._portion(store, collection, row_ids, sure)
        selection = None if sure else selection_of(self._command)
        return pruned.run(store, row_ids, selection, partial(self._write_one, store, collection))

    def _write_one(self, store: Store, collection: Collection, row_id: int) -> bool:
        return any(self._write(store, collection, found) for found in store.by_row_ids(collection, [row_id]))

    def _write(self, store: Store, collection: Collection, found: Found) -> bool:
        assert self._change is not None
        return self._change.apply(store, collection, found) is not found.document

    def _result(self, store: Store, collection: Collection | None) -> Any:
        assert self._change is not None
        if collection is not None and not self.matched and self._command.upsert:
            return c.UpdateResult(0, 0, store.insert(collection, self._change.upserted()), True)
        return c.UpdateResult(self.matched, self.modified)

    def _counts(self, matched: int, modified: int) -> dict[str, int]:
        return {"matched": matched, "modified": modified}


class _Deletes(Turns):
    def _write(self, store: Store, collection: Collection, found: Found) -> bool:
        store.remove(collection, found)
        return True

    def _result(self, store: Store, collection: Collection | None) -> Any:
        return self.modified

    def _counts(self, matched: int, modified: int) -> dict[str, int]:
        return {"deleted": modified}
