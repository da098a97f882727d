"""Results of reads: sequences that take pymongo's cursor methods as well."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self, overload

import msgspec

from . import arguments as arg
from . import commands as c
from .failures import OperationFailure

Document = dict[str, Any]
Run = Callable[[c.Command], Any]

_FIRST_BATCH = 101
"""Documents that a find reads before anybody asks for them, as MongoDB's does: wrong questions are refused at once."""
_PATIENCE_MS = 20
_TIME_IS_OVER = 50
_SHOWN = 20
_EVERY_PLACE = range(sys.maxsize)


class Found(list[Document]):
    """The documents of a pipeline: a list that also answers as a cursor does."""

    _position = 0

    def __next__(self) -> Document:
        if not self.alive:
            raise StopIteration
        self._position += 1
        return self[self._position - 1]

    next = __next__

    @property
    def alive(self) -> bool:
        """Whether `next` has another document."""
        return self._position < len(self)

    def to_list(self, length: int | None = None) -> list[Document]:
        """The documents that `next` has not given yet, or at most ``length`` of them."""
        start = self._position
        self._position = len(self) if length is None else start + arg.whole("length", length)
        return self[start : self._position]

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Cursor(Sequence[Document]):
    """The documents of a find, in order: a sequence that can be read again and again, and equals a list of the same documents.

    ``sort``, ``skip``, ``limit`` and the like change the question and return the cursor. All documents beyond the first
    hundred are read together, when they are asked for. `next` and `to_list` go on where they stopped, `rewind` asks again.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, run: Run, command: c.Find) -> None:
        self._run = run
        self._command = command
        self._documents: Found | None = None
        self._complete = False
        self._ask_soon()

    # Changing the question

    def sort(self, keys: arg.Sort, direction: Any = 1) -> Self:
        """Order by one path and a direction, or by all of a mapping or list of pairs."""
        return self._asking(sort=[(keys, direction)] if isinstance(keys, str) else arg.sort(keys))

    def skip(self, skip: int) -> Self:
        """Leave out the first documents."""
        return self._asking(skip=arg.whole("skip", skip))

    def limit(self, limit: int) -> Self:
        """At most so many documents; 0 means all."""
        return self._asking(limit=abs(arg.whole("limit", limit)))

    def hint(self, index: arg.Hint | None) -> Self:
        """Use this index."""
        return self._asking(hint=arg.hint(index))

    def collation(self, collation: arg.Collation | None) -> Self:
        """Compare strings so."""
        return self._asking(collation=arg.collation(collation))

    def max_time_ms(self, max_time_ms: int | None) -> Self:
        """Give up after so many milliseconds."""
        return self._asking(max_time_ms=arg.time_limit(max_time_ms, {}))

    def batch_size(self, batch_size: int) -> Self:
        """There are no batches in one process."""
        return self

    def comment(self, comment: Any) -> Self:
        """Says nothing about the answer."""
        return self

    def allow_disk_use(self, allow_disk_use: bool) -> Self:
        """Sorts may always use the disk."""
        return self

    def clone(self) -> Cursor:
        """The same question, not asked yet."""
        return Cursor(self._run, self._command)

    def rewind(self) -> Self:
        """Ask again, from the first document on."""
        return self._asking()

    def _asking(self, **changes: Any) -> Self:
        self._command = msgspec.structs.replace(self._command, **changes)
        self._documents = None
        return self

    # Reading the answer

    def _ask_soon(self) -> None:
        """Ask for the first documents; a question that takes long is left to whoever reads, and not asked twice."""
        try:
            self._first(_PATIENCE_MS)
        except OperationFailure as error:
            if error.code != _TIME_IS_OVER or 0 < (self._command.max_time_ms or 0) <= _PATIENCE_MS:
                raise

    def _first(self, patience: int = 0) -> Found:
        """At least the first documents. ``patience``: for at most so many milliseconds."""
        if self._documents is None:
            command = self._command
            complete = 0 < command.limit <= _FIRST_BATCH
            if not complete:
                command = msgspec.structs.replace(command, limit=_FIRST_BATCH)
            if patience:
                limit = min(command.max_time_ms or patience, patience)
                command = msgspec.structs.replace(command, max_time_ms=limit)
            self._documents = Found(self._run(command))
            self._complete = complete or len(self._documents) < _FIRST_BATCH
        return self._documents

    def _all(self) -> Found:
        documents = self._documents
        if documents is None or not self._complete:
            every = self._run(self._command)
            documents = self._documents = Found() if documents is None else documents
            documents[:] = every
            self._complete = True
        return documents

    def __len__(self) -> int:
        return len(self._all())

    def __bool__(self) -> bool:
        return bool(self._first())

    @overload
    def __getitem__(self, place: int) -> Document: ...

    @overload
    def __getitem__(self, place: slice) -> list[Document]: ...

    def __getitem__(self, place: int | slice) -> Document | list[Document]:
        first = self._first()
        found = _EVERY_PLACE[place]
        places = range(found, found + 1) if isinstance(found, int) else found
        near = bool(places) and max(places[0], places[-1]) < len(first)
        return first[place] if near else self._all()[place]

    def __iter__(self) -> Iterator[Document]:
        documents = self._all()
        return islice(documents, documents._position, None)

    def __next__(self) -> Document:
        return next(self._all())

    next = __next__

    @property
    def alive(self) -> bool:
        """Whether `next` has another document."""
        return self._all().alive

    def to_list(self, length: int | None = None) -> list[Document]:
        """The documents that `next` has not given yet, or at most ``length`` of them."""
        return self._all().to_list(length)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cursor | list):
            return NotImplemented
        return self._all() == (other._all() if isinstance(other, Cursor) else other)

    def __repr__(self) -> str:
        shown = [repr(document) for document in self._first()[:_SHOWN]]
        return f"[{', '.join(shown)}{', …' if len(self._first()) > _SHOWN else ''}]"

    def distinct(self, key: str) -> list[Any]:
        """The different values of a path in the documents that match."""
        find = self._command
        result: list[Any] = self._run(
            c.Distinct(
                find.collection,
                arg.text("key", key),
                find.filter,
                collation=find.collation,
                max_time_ms=find.max_time_ms,
                missing_ok=True,
            )
        )
        return result

    def explain(self) -> Document:
        """How the find runs."""
        result: Document = self._run(c.Explain(self._command))
        return result

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
