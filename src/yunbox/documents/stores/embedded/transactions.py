"""Transactions: optimistic sessions over a snapshot.

A session reads one snapshot, fixed by its first command, and its own writes, which it keeps to itself. A write to a document
that somebody else has written since, or that another open session has written, ends the session at once (TX-3). The commit
checks that nobody wrote what it read or wrote since the snapshot, and then writes everything at once. No lock is held in
between.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apsw

from yunbox.documents import commands as c
from yunbox.documents.query.match import compile_filter
from yunbox.errors import InvalidRequest, QueryError, WriteConflict
from yunbox.tools.clock import Clock

from . import building
from .catalog import Collection
from .keys import Key, key_of
from .log import last_sequence, written_since
from .store import Store, check_same_id, duplicate_id, with_id
from .view import Document, Found, Selection, View, ordered

TIME_LIMIT_SECONDS = 10.0
MAX_SESSIONS = 500

MAX_ATTEMPTS = 100

Place = tuple[int, Key]
"""Collection id and key of a document."""
Catalog = Callable[[], Mapping[str, Collection]]
"""The collections as the writer knows them now."""


class Overlay(View):
    """A snapshot with a session's own writes over it."""

    def __init__(
        self, space: str, connection: apsw.Connection, catalog: Mapping[str, Collection], clock: Clock
    ) -> None:
        super().__init__(space, connection, catalog, clock=clock)
        self.sequence = last_sequence(connection)
        self.written: dict[Place, Document | None] = {}
        self.replaced: set[Place] = set()
        self.read: set[Place] = set()

    def stale(self) -> bool:
        return False

    def overlaid(self, collection: Collection) -> bool:
        return True

    def for_writing(self, name: str, create: bool) -> Collection:
        """Collections are made beside the transaction (`missing_targets`). Raises `CollectionNotFound`."""
        return self.collection(name)

    def found(self, collection: Collection, selection: Selection) -> Iterator[Found]:
        """Documents of the snapshot and the session, as if the session's writes were stored."""
        everything = selection._replace(sort=None, skip=0, limit=0)
        found = list(self._merged(collection, everything))
        chosen = ordered(found, selection) if selection.sort or selection.skip or selection.limit else found
        for one in chosen:
            self.read.add((collection.id, key_of(one.document["_id"])))
        yield from chosen

    def _merged(self, collection: Collection, selection: Selection) -> Iterator[Found]:
        if set(selection.filter) == {"_id"} and not isinstance(selection.filter["_id"], dict):
            self.read.add((collection.id, key_of(selection.filter["_id"])))
        for found in super().found(collection, selection):
            if (collection.id, key_of(found.document["_id"])) not in self.written:
                yield found
        matches = compile_filter(dict(selection.filter), collation=selection.collation)
        for (owner, _), document in self.written.items():
            if owner == collection.id and document is not None and matches(document):
                yield Found(None, document)

    def matching(self, collection: Collection, selection: Selection) -> Iterator[Found]:
        return iter(list(self.found(collection, selection)))

    def count(self, collection: Collection, selection: Selection) -> int:
        return sum(1 for _ in self.found(collection, selection))

    def insert(self, collection: Collection, document: Document) -> Any:
        """Raises `DuplicateKey` when the ``_id`` is taken; other unique keys are checked by the commit."""
        document = with_id(document)
        place = (collection.id, key_of(document["_id"]))
        taken = self.written[place] if place in self.written else self.get(collection, place[1])
        if taken is not None:
            raise duplicate_id(collection.name, document["_id"])
        if place in self.written:
            self.replaced.add(place)
        self.written[place] = document
        return document["_id"]

    def insert_many(self, collection: Collection, documents: Sequence[Document]) -> list[Any] | None:
        """Always ``None``: one by one is fast enough here."""
        return None

    def replace(self, collection: Collection, found: Found, document: Document, whole: bool = False) -> None:
        check_same_id(found.document, document)
        place = collection.id, key_of(document["_id"])
        self.written[place] = document
        if whole:
            self.replaced.add(place)

    def remove(self, collection: Collection, found: Found) -> None:
        self.written[collection.id, key_of(found.document["_id"])] = None


def overlay_of_now(space: str, connection: apsw.Connection, catalog: Catalog, clock: Clock) -> Overlay:
    """The present, on a connection that shows no moment yet; indexes are as they are in it."""
    for _ in range(MAX_ATTEMPTS):
        known = {name: building.as_of_now(collection) for name, collection in catalog().items()}
        connection.execute("BEGIN")
        overlay = Overlay(space, connection, known, clock)
        if all(building.is_current(catalog().get(name), one) for name, one in known.items()):
            return overlay
        connection.execute("ROLLBACK")
    raise QueryError("the collections change too often", number=112, name="WriteConflict")


def missing_targets(command: c.Command, known: Mapping[str, Collection]) -> dict[str, bool]:
    """The unknown collections that a command inserts into, and whether it may make them."""
    commands = command.commands if isinstance(command, c.Bulk) else [command]
    return {
        one.collection: one.create
        for one in commands
        if isinstance(one, c.Insert | c.Update | c.FindAndModify)
        and (isinstance(one, c.Insert) or one.upsert)
        and one.collection not in known
    }


class Session:
    """One open transaction."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay
        self.fresh = True
        self.checked: set[Place] = set()
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.over = False

    @property
    def expired(self) -> bool:
        return time.monotonic() - self.started > TIME_LIMIT_SECONDS

    def check_open(self) -> None:
        """Raises `InvalidRequest` when the session ended meanwhile."""
        if self.over:
            raise ended()

    @property
    def sequence(self) -> int:
        """The last change that the session sees."""
        return self.overlay.sequence

    def move(self, catalog: Catalog) -> bool:
        """See the present from now on, and what the session has written. False when somebody wrote what it has touched."""
        before = self.overlay
        before.connection.execute("ROLLBACK")
        now = self.overlay = overlay_of_now(before.space, before.connection, catalog, before.clock)
        now.written, now.replaced, now.read = before.written, before.replaced, before.read
        self.fresh = False
        touched = now.read | now.written.keys()
        return not touched or touched.isdisjoint(written_since(now.connection, before.sequence))

    def unchecked(self) -> set[Place]:
        """What this session has written since this was asked before."""
        places = self.overlay.written.keys() - self.checked
        self.checked |= places
        return places

    def apply(self, store: Store) -> None:
        """Write everything, as one unit of the writer's work.

        Raises:
            WriteConflict: when somebody wrote what this session read or wrote.
            DuplicateKey: when a unique key is taken.
        """
        overlay = self.overlay
        self._check_conflicts(store)
        collections = {collection.id: collection for collection in store.batch.catalog.values()}
        store.in_one_transaction()
        for (owner, key), document in overlay.written.items():
            collection = collections.get(owner)
            if collection is None:
                raise WriteConflict("the collection was dropped; retry the transaction")
            row = store.get(collection, key, "rid, json(d), sp")
            self._write(store, collection, row, document, (owner, key) in overlay.replaced)

    def _write(self, store: Store, collection: Collection, row: Any, document: Document | None, replaced: bool) -> None:
        found = None if row is None else store.decoded(row)
        if document is None:
            if found is not None:
                store.remove(collection, found)
        elif found is None:
            store.insert(collection, document)
        else:
            store.replace(collection, found, document, replaced)

    def _check_conflicts(self, store: Store) -> None:
        touched = self.overlay.read | self.overlay.written.keys()
        if not self.overlay.written:
            return
        if any(place in touched for place in written_since(store.connection, self.sequence)):
            raise WriteConflict()
        if any((one.collection.id, key) in touched for one in store.batch.written for key in one.keys):
            raise WriteConflict()


def ended() -> InvalidRequest:
    """The error for a transaction that is no longer, or never was."""
    return InvalidRequest(
        f"the transaction does not exist or has ended; it may take {TIME_LIMIT_SECONDS:g} s at most",
        reason="transaction",
    )


class Sessions:
    """The open transactions of a file."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def add(self, session: Session) -> str:
        """Keep a session; the result is its name.

        Raises:
            InvalidRequest: when too many are open.
        """
        if len(self._open) >= MAX_SESSIONS:
            raise InvalidRequest(f"more than {MAX_SESSIONS} transactions are open; end some", reason="transaction")
        name = secrets.token_hex(16)
        self._open[name] = session
        return name

    def get(self, name: str) -> Session:
        """Raises `InvalidRequest` (``reason="transaction"``) when it ended or ran longer than 10 s."""
        session = self._open.get(name)
        if session is None or session.expired:
            raise ended()
        return session

    def take(self, name: str) -> Session:
        """Remove a session in order to end it. Raises `InvalidRequest` as `get` does."""
        session = self.get(name)
        del self._open[name]
        return session

    def writes(self, place: Place, besides: Session) -> bool:
        """Whether another open session has written this document."""
        others = [session for session in list(self._open.values()) if session is not besides and not session.expired]
        return any(place in session.overlay.written for session in others)

    def discard(self, name: str) -> Session | None:
        """Remove a session if it is still there."""
        return self._open.pop(name, None)

    def expired(self) -> list[Session]:
        """Remove and return the sessions whose time is over."""
        names = [name for name, session in list(self._open.items()) if session.expired]
        return [session for name in names if (session := self._open.pop(name, None)) is not None]

    def all(self) -> list[Session]:
        """Remove and return all sessions."""
        sessions = list(self._open.values())
        self._open.clear()
        return sessions
