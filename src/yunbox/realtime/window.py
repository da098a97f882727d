"""The result of one query, kept up to date by the changes that are committed after it was read."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from yunbox.documents.changes import Change
from yunbox.documents.query.values import equal, sort_key
from yunbox.errors import LimitExceeded

MAX_DOCUMENTS = 5000
"""Documents that a query without a limit may watch (WATCH-1)."""

SPARE = 200
"""Documents held beyond a window's end, so that most that leave it are replaced without asking the store."""

Document = dict[str, Any]
DataType = Literal["add", "update", "replace", "remove", "limit"]
QueueType = Literal["enqueue", "dequeue", "update"]


@dataclass(frozen=True, slots=True)
class Event:
    """How one document's part in the result changed (WATCH-3).

    ``updated`` are dotted paths and new values, ``removed`` dotted paths; both are known for updates only.
    """

    data_type: DataType
    queue_type: QueueType
    id: Any
    document: Document | None = None
    updated: Mapping[str, Any] | None = None
    removed: tuple[str, ...] | None = None


class Window:
    """The documents that match, in order, and how many of them are visible (``limit`` 0: all).

    ``key`` orders documents totally, as the store does.
    """

    def __init__(self, matches: Callable[[Document], bool], key: Callable[[Document], Any], limit: int = 0) -> None:
        self._matches = matches
        self._key = key
        self._limit = limit
        self._capacity = limit + SPARE if limit else MAX_DOCUMENTS
        self._held: list[Document] = []
        self._known: dict[Any, Document] = {}
        self._more = False

    @property
    def reads(self) -> int:
        """How many documents to read to fill the window."""
        return self._capacity + 1

    def fill(self, documents: Iterable[Document]) -> None:
        """Start from what the store found, in order.

        Raises:
            LimitExceeded: when there are too many without a limit.
        """
        self._held = list(documents)
        self._more = len(self._held) > self._capacity
        if self._more:
            self._check_room()
            del self._held[self._capacity :]
        self._known = {_name(document["_id"]): document for document in self._held}

    def _check_room(self) -> None:
        if not self._limit:
            raise LimitExceeded(
                f"a watched query may match at most {MAX_DOCUMENTS} documents; narrow it or set a limit"
                f" / 监听的记录数不能超过 {MAX_DOCUMENTS} 条"
            )

    @property
    def visible(self) -> list[Document]:
        return self._held[: self._limit] if self._limit else self._held

    @property
    def is_short(self) -> bool:
        """Whether documents are missing that the store has: fill the window again."""
        return self._more and len(self._held) < self._limit

    def refill(self, documents: Iterable[Document]) -> list[Event]:
        """Replace what is held by what the store has now; the difference, as changes of the window alone."""
        before = list(self.visible)
        self.fill(documents)
        names = {_name(document["_id"]) for document in self.visible}
        had = {_name(document["_id"]) for document in before}
        gone = [Event("limit", "dequeue", one["_id"]) for one in before if _name(one["_id"]) not in names]
        fresh = [Event("limit", "enqueue", one["_id"], one) for one in self.visible if _name(one["_id"]) not in had]
        return gone + fresh

    def apply(self, change: Change) -> list[Event]:
        """Bring the window up to a change; how the visible documents changed.

        Raises:
            LimitExceeded: when there are too many documents without a limit.
        """
        if change.operation == "drop":
            return self._clear()
        name = _name(change.id)
        old = self._known.get(name)
        new = change.after if change.after is not None and self._matches(change.after) else None
        if old is None and new is None:
            return []
        if not self._limit:
            return self._apply_unlimited(change, name, old, new)
        before = list(self.visible)
        self._move(name, old, new)
        return self._difference(change, before, name, old)

    def _clear(self) -> list[Event]:
        events = [Event("remove", "dequeue", document["_id"]) for document in self.visible]
        self._held, self._known, self._more = [], {}, False
        return events

    def _apply_unlimited(self, change: Change, name: Any, old: Document | None, new: Document | None) -> list[Event]:
        self._move(name, old, new)
        if old is not None and new is not None:
            return _updated(change, old, new)
        return [_entered(change, new)] if new is not None else [_left(change)]

    def _move(self, name: Any, old: Document | None, new: Document | None) -> None:
        if old is not None:
            del self._held[self._index(old)]
            del self._known[name]
        if new is None or (self._more and self._is_beyond(new)):
            return
        bisect.insort(self._held, new, key=self._key)
        self._known[name] = new
        if len(self._held) > self._capacity:
            self._check_room()
            self._known.pop(_name(self._held.pop()["_id"]))
            self._more = True

    def _index(self, document: Document) -> int:
        index = bisect.bisect_left(self._held, self._key(document), key=self._key)
        while self._held[index] is not document:
            index += 1
        return index

    def _is_beyond(self, document: Document) -> bool:
        return not self._held or bool(self._key(document) > self._key(self._held[-1]))

    def _difference(self, change: Change, before: list[Document], name: Any, old: Document | None) -> list[Event]:
        after = {_name(one["_id"]): one for one in self.visible}
        had = {_name(one["_id"]): one for one in before}
        events = [
            _left(change) if gone == name else Event("limit", "dequeue", document["_id"])
            for gone, document in had.items()
            if gone not in after
        ]
        if name in after and name in had and old is not None:
            events += _updated(change, old, after[name])
        for fresh, document in after.items():
            if fresh not in had:
                by_limit = Event("limit", "enqueue", document["_id"], document)
                events.append(_entered(change, document) if fresh == name else by_limit)
        return events


@dataclass(frozen=True, slots=True)
class _Odd:
    """A dictionary key for an id that is no string."""

    key: Any


def _name(id: Any) -> Any:
    return id if isinstance(id, str) else _Odd(sort_key(id))


def _entered(change: Change, document: Document | None) -> Event:
    return Event(_data_type(change), "enqueue", change.id, document)


def _left(change: Change) -> Event:
    return Event(_data_type(change), "dequeue", change.id)


def _data_type(change: Change) -> DataType:
    if change.operation == "insert":
        return "add"
    if change.after is None:
        return "remove"
    return "replace" if change.operation == "replace" else "update"


def _updated(change: Change, old: Document, new: Document) -> list[Event]:
    updated: dict[str, Any] = {}
    removed: list[str] = []
    compare(old, new, "", updated, removed)
    if not updated and not removed:
        return []
    if change.operation == "replace":
        return [Event("replace", "update", change.id, new)]
    return [Event("update", "update", change.id, new, updated, tuple(removed))]


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str, updated: dict[str, Any], removed: list[str]
) -> None:
    """Collect what changed from ``old`` to ``new``: dotted paths with new values, and dotted paths that are gone."""
    for name, value in new.items():
        before = old.get(name, updated)
        if isinstance(value, Mapping) and isinstance(before, Mapping) and before is not updated:
            compare(before, value, f"{prefix}{name}.", updated, removed)
        elif before is updated or type(before) is not type(value) or not equal(before, value):
            updated[f"{prefix}{name}"] = value
    removed += [f"{prefix}{name}" for name in old if name not in new]
