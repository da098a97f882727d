"""The embedded document engine: one SQLite file per space."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from yunbox.documents import commands as c
from yunbox.documents.query.effort import watched
from yunbox.documents.query.sort import natural_direction
from yunbox.errors import AlreadyExists, QueryError, WriteConflict
from yunbox.tools.clock import MACHINE, Clock

from . import building, pipelines, reads, schema, sweeping, writes
from .catalog import Collection
from .changes import Change, Hub
from .connection import Deadline, limited, open_writer
from .encoding import decode
from .explain import explain
from .housekeeping import Housekeeper
from .keys import key_of
from .log import last_sequence, logged_changes, was_written
from .lookups import size_of
from .readers import Readers
from .slow import SlowQueries, SlowQuery
from .store import Store
from .transactions import Session, Sessions, missing_targets, overlay_of_now
from .turns import MORE, Turns, turns_of
from .view import Selection, View, is_point, selection_of, visible
from .writer import Writer

T = TypeVar("T")

MAX_ATTEMPTS = 100
COMMIT_SECONDS = 0.001
"""How long to wait for what a commit changed to be known."""
BOUNDED_DOCUMENTS = 100
"""Reads that look at no more documents than this are done at once, without another thread."""

_SYNCHRONOUS = {"full": "FULL", "normal": "NORMAL", "off": "OFF"}

_READS: dict[type, Callable[[View, Any], Any]] = {
    c.Find: reads.find,
    c.Count: reads.count,
    c.Distinct: reads.distinct,
    c.Aggregate: reads.aggregate,
}

_SHORT: dict[type, Callable[[View, Collection, Any, Selection], Any]] = {
    c.Find: reads.find_selected,
    c.Count: reads.count_selected,
    c.Distinct: reads.distinct_selected,
}
"""Commands that may be answered at once."""

_WRITES = writes.HANDLERS
_END = object()


def _create_collection(store: Store, command: c.CreateCollection) -> None:
    store.create_collection(command.name)


_DEFINITIONS: dict[type, Callable[[Store, Any], Any]] = {
    c.CreateCollection: _create_collection,
    c.DropCollection: lambda store, command: store.drop_collection(command.name),
    c.RenameCollection: lambda store, command: store.rename_collection(command.name, command.new_name),
    c.DropIndex: lambda store, command: building.drop_index(store, command.collection, command.name),
}


class Engine:
    """The documents of one space. Safe to use from any thread and any event loop."""

    def __init__(self, path: Path, space: str, durability: str, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self.space = space
        self._hub = Hub()
        self._sessions = Sessions()
        self._slow = SlowQueries(self._known_indexes)
        self._readers = Readers(path)
        connection = open_writer(path, _SYNCHRONOUS[durability])
        schema.create_tables(connection)
        catalog = schema.load_catalog(connection)
        self._housekeeper = Housekeeper(path, self._sweep)
        self._writer = Writer(space, connection, catalog, self._hub, clock)
        self._housekeeper.watch(connection, self._writer.paused)
        self._closed = False
        self._remove: weakref.finalize[Any, Any] | None = None
        self._resumption = building.Resumption(self._writer)
        if sweeping.has_expiry(catalog.values()):
            self._housekeeper.start_sweeping()

    @classmethod
    def open(
        cls, path: Path | None, *, durability: str = "full", space: str | None = None, clock: Clock = MACHINE
    ) -> Engine:
        """Open a document file, which is made when it does not exist; without a path one that ends with the engine.

        ``durability``: ``full`` survives a power cut, ``normal`` may then lose the last commits, ``off`` more.

        Raises:
            InvalidRequest: when the file is not one of ours.
        """
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(path, space or path.parent.name, durability, clock)
        memory = Path("/dev/shm")
        directory = tempfile.mkdtemp(prefix="yunbox-", dir=memory if memory.is_dir() else None)
        engine = cls(Path(directory) / "documents.sqlite", space or "memory", "off", clock)
        engine._remove = weakref.finalize(engine, shutil.rmtree, directory, ignore_errors=True)
        return engine

    def close(self) -> None:
        """Finish what runs and close the file."""
        if self._closed:
            return
        self._closed = True
        for session in self._sessions.all():
            session.overlay.connection.close()
        self._resumption.close()
        self._housekeeper.close()
        self._readers.close()
        self._writer.close()
        if self._remove is not None:
            self._remove()

    # Commands

    async def run(self, command: c.Command, *, transaction: str | None = None) -> Any:
        """The result of a command, as its class describes it. Short reads are answered without leaving the thread.

        Raises:
            CollectionNotFound, AlreadyExists, DuplicateKey, QueryError, InvalidRequest.
        """
        if transaction is None:
            kind = type(command)
            if kind in _SHORT:
                found = self._at_once(command)
                if found is not None:
                    return found
            elif kind in _WRITES:
                turns = turns_of(command)
                if turns is not None:
                    return await self._take_turns(turns, command)
                return await self._writer.run_async(self._writing(command), _deadline(command))
            elif kind in _DEFINITIONS:
                define = _DEFINITIONS[kind]
                return await self._writer.run_async(lambda store: define(store, command))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers.pool, self._run_anywhere, command, transaction)

    def run_sync(self, command: c.Command, *, transaction: str | None = None) -> Any:
        """The same as `run`, for callers without an event loop."""
        if transaction is None and type(command) in _SHORT:
            found = self._at_once(command)
            if found is not None:
                return found
        return self._run_anywhere(command, transaction)

    def _run_anywhere(self, command: c.Command, transaction: str | None) -> Any:
        if transaction is not None:
            return self._in_transaction(transaction, command)
        kind = type(command)
        if kind in _WRITES:
            turns = turns_of(command)
            if turns is not None:
                return self._take_turns_sync(turns, command)
            return self._writer.run(self._writing(command), _deadline(command))
        if kind in _DEFINITIONS:
            define = _DEFINITIONS[kind]
            return self._writer.run(lambda store: define(store, command))
        if kind not in _READS:
            return self._other_command(command)
        with self._slow.noting(self.space, command):
            return self._read_command(command)

    async def _take_turns(self, turns: Turns, command: c.Command) -> Any:
        deadline = _deadline(command)
        with self._slow.noting(self.space, command), turns.counted():
            while (result := await self._writer.run_async(turns.take, deadline)) is MORE:
                pass
        return result

    def _take_turns_sync(self, turns: Turns, command: c.Command) -> Any:
        deadline = _deadline(command)
        with self._slow.noting(self.space, command), turns.counted():
            while (result := self._writer.run(turns.take, deadline)) is MORE:
                pass
        return result

    def _writing(self, command: c.Command) -> Callable[[Store], Any]:
        """The unit of work of a writing command."""
        handler = _WRITES[type(command)]

        def work(store: Store) -> Any:
            with self._slow.noting(self.space, command):
                return handler(store, command)

        return work

    def _read_command(self, command: c.Command) -> Any:
        deadline = _deadline(command)
        if isinstance(command, c.Aggregate):
            # Constant parts are evaluated while the pipeline is compiled.
            with watched(None if deadline is None else deadline.check):
                pipeline = reads.compile_command(command, self._clock)
            if pipeline.writes:
                return self._writer.run(lambda store: pipelines.aggregate_and_write(store, command, pipeline), deadline)
        handler = _READS[type(command)]
        return self._read(lambda view: handler(view, command), deadline)

    def _other_command(self, command: c.Command) -> Any:
        match command:
            case c.ListCollections():
                return self._read(_list_collections)
            case c.ListIndexes():
                return building.list_indexes(self._read(lambda view: view.collection(command.collection)))
            case c.CreateIndex():
                return self.create_index(command)
            case c.Explain():
                return self._read(lambda view: explain(view, command.command))
            case c.Backup():
                return self.backup(Path(command.path))
        raise QueryError(f"this engine cannot run {type(command).__name__}", number=59, name="CommandNotFound")

    def _at_once(self, command: Any) -> Any:
        """The result of a read that is known to be short, else ``None``."""
        collection = self._writer.catalog.get(command.collection)
        if collection is None:
            return None
        kind = type(command)
        if kind is c.Find:
            if command.let:
                return None
            if not command.projection and is_point(command):
                return self._point(collection, command)
        selection = selection_of(command)
        connection = self._readers.take()
        try:
            view = View(self.space, connection, self._writer.catalog, clock=self._clock)
            if not _is_short(view, collection, command, selection):
                return None
            found = _SHORT[kind](view, collection, command, selection)
            return None if view.stale() else found
        except apsw.SQLError:
            return None
        finally:
            self._readers.give_back(connection)

    def _point(self, collection: Collection, command: c.Find) -> list[Any] | None:
        """The document with an ``_id``, or its stored text: the shortest way there is."""
        sql = _point_sql(collection.table, command.hide if command.raw else None)
        connection = self._readers.take()
        try:
            row = connection.execute(sql, key_of(command.filter["_id"])).fetchone()
        except apsw.SQLError:
            return None
        finally:
            self._readers.give_back(connection)
        if row is None:
            return []
        if command.raw:
            return [row[0]]
        document = decode(*row)
        return [reads.without(document, command.hide) if command.hide else document]

    # Reading

    def _read(self, work: Callable[[View], T], deadline: Deadline | None = None) -> T:
        """Do work on one snapshot."""
        for _ in range(MAX_ATTEMPTS):
            with self._snapshot(deadline) as view:
                try:
                    result = work(view)
                except apsw.SQLError:
                    if not self._may_be_gone(view):
                        raise
                    continue
                if not view.outdated():
                    return result
        raise QueryError("the collection changes too often to be read", number=112, name="WriteConflict")

    def stream(self, command: c.Find) -> Iterator[Any]:
        """The documents of a find one by one, all of one moment, which is kept while they are read: read on soon, and
        close what is not read to its end.

        Raises:
            CollectionNotFound, QueryError: on the first step.
        """
        for _ in range(MAX_ATTEMPTS):
            with self._snapshot(None) as view:
                try:
                    found = reads.stream(view, command)
                    first = next(found, _END)
                except apsw.SQLError:
                    if not self._may_be_gone(view):
                        raise
                    continue
                if view.outdated():
                    continue
                if first is not _END:
                    yield first
                    yield from found
                return
        raise QueryError("the collection changes too often to be read", number=112, name="WriteConflict")

    def _may_be_gone(self, view: View) -> bool:
        """Whether a collection or an index that a view knows may be missing from the state that it sees."""
        if self._writer.committing:
            time.sleep(COMMIT_SECONDS)
            return True
        return view.catalog is not self._writer.catalog

    @contextmanager
    def _snapshot(self, deadline: Deadline | None) -> Iterator[View]:
        """A view that sees one state; its catalog was read before the state was fixed, so that its indexes are there."""
        catalog = self._writer.catalog
        with self._readers.lent() as connection:
            view = View(self.space, connection, catalog, deadline, self._clock)
            view.remember_revisions()
            connection.execute("BEGIN; SELECT 1 FROM meta")
            try:
                with limited(connection, deadline):
                    yield view
            finally:
                connection.execute("ROLLBACK")

    # Transactions

    async def begin(self) -> str:
        """Start a transaction of at most 10 s; the result names it."""
        return self.begin_sync()

    async def commit(self, transaction: str) -> None:
        """Make a transaction's writes durable and visible at once.

        Raises:
            WriteConflict: when somebody wrote what it read or wrote; nothing was written.
            InvalidRequest: when it ended before.
        """
        session = self._ended(transaction)
        if session.overlay.written:
            await self._writer.run_async(session.apply)

    async def abort(self, transaction: str) -> None:
        """Forget a transaction's writes; one that ended already is no error."""
        self.abort_sync(transaction)

    def begin_sync(self) -> str:
        """The same as `begin`."""
        for session in self._sessions.expired():
            self._release(session)
        return self._sessions.add(
            Session(overlay_of_now(self.space, self._readers.take(), lambda: self._writer.catalog, self._clock))
        )

    def commit_sync(self, transaction: str) -> None:
        """The same as `commit`."""
        session = self._ended(transaction)
        if session.overlay.written:
            self._writer.run(session.apply)

    def abort_sync(self, transaction: str) -> None:
        """The same as `abort`."""
        session = self._sessions.discard(transaction)
        if session is not None:
            self._release(session)

    def _ended(self, transaction: str) -> Session:
        session = self._sessions.take(transaction)
        self._release(session)
        return session

    def _release(self, session: Session) -> None:
        with session.lock:
            session.over = True
            session.overlay.connection.execute("ROLLBACK")
            self._readers.give_back(session.overlay.connection)

    def _in_transaction(self, transaction: str, command: c.Command) -> Any:
        session = self._sessions.get(transaction)
        handler = _READS.get(type(command)) or _WRITES.get(type(command))
        if handler is None:
            raise QueryError(
                f"Cannot run {type(command).__name__} in a multi-document transaction.",
                number=263,
                name="OperationNotSupportedInTransaction",
            )
        with session.lock, limited(session.overlay.connection, _deadline(command)):
            session.check_open()
            conflict = not self._moved(session, command)
            if not conflict:
                session.overlay.forget_plans()
                result = handler(session.overlay, command)
                conflict = self._conflicts(session)
        if conflict:
            # The session is over, as in MongoDB: clients start a new one without aborting this one.
            self.abort_sync(transaction)
            raise WriteConflict()
        if isinstance(result, writes.Partly):
            raise result.error
        return result

    def _moved(self, session: Session, command: c.Command) -> bool:
        """Move the session to the present where its command needs that: its first one (MongoDB), and one that writes to a
        collection which its snapshot does not know. False when somebody wrote what the session has touched.
        """
        missing = missing_targets(command, session.overlay.catalog)
        for name in [name for name, create in missing.items() if create and name not in self._writer.catalog]:
            with contextlib.suppress(AlreadyExists):
                self._writer.run(partial(Store.create_collection, name=name))
        if session.fresh or any(name in self._writer.catalog for name in missing):
            return session.move(lambda: self._writer.catalog)
        return True

    def _conflicts(self, session: Session) -> bool:
        """Whether somebody else has written what the session has just written."""
        places = session.unchecked()
        if not places:
            return False
        if any(self._sessions.writes(place, session) for place in places):
            return True
        with self._readers.lent() as connection:
            return any(was_written(connection, session.sequence, *place) for place in places)

    # Changes

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``callback`` with every change after its commit, in order, in the writing thread; the result ends that."""
        return self._hub.subscribe(callback)

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """Committed changes with a sequence above ``after``, oldest first, for who was away.

        Raises:
            LimitExceeded: when the log no longer reaches back that far: read everything again.
        """
        return self._read(lambda view: logged_changes(view, after, limit))

    def last_sequence(self) -> int:
        """The number of the last committed change."""
        with self._readers.lent() as connection:
            return last_sequence(connection)

    # Collections

    def has_collection(self, name: str) -> bool:
        """Whether a collection exists."""
        return name in self._writer.catalog

    def count_collections(self) -> int:
        """How many collections there are."""
        return len(self._writer.catalog)

    def count_indexes(self, name: str) -> int:
        """How many indexes a collection has, beside the one on ``_id``; none when it does not exist."""
        collection = self._writer.catalog.get(name)
        return 0 if collection is None else len(collection.indexes)

    def used_bytes(self) -> int:
        """What documents and indexes take of the file; what deletions have freed does not count."""
        with self._readers.lent() as connection:
            free = int(connection.pragma("freelist_count")) * int(connection.pragma("page_size"))
            return _bytes_of(connection) - free

    def create_index(self, command: c.CreateIndex, progress: building.Progress | None = None) -> str:
        """Make an index while the collection stays in use. ``progress`` is called with (row reached, documents)."""
        name = building.create_index(self._writer, command, progress)
        if command.expire_after_seconds is not None:
            self._housekeeper.start_sweeping()
        return name

    def _known_indexes(self, name: str) -> list[dict[str, Any]]:
        collection = self._writer.catalog.get(name)
        return [] if collection is None else collection.keys()

    def slow_queries(self) -> list[SlowQuery]:
        """The last queries that took long, oldest first."""
        return self._slow.list()

    def rehearse(self, command: c.Command) -> Any:
        """What a writing command would answer now; nothing is written. Raises what the command would raise."""
        work = self._writing(command)

        def rehearsal(store: Store) -> None:
            raise writes.Rehearsed(work(store))

        try:
            self._writer.run(rehearsal, _deadline(command))
        except writes.Rehearsed as rehearsed:
            result = rehearsed.result
        if isinstance(result, writes.Partly):
            raise result.error
        return result

    # Operations

    def _sweep(self) -> None:
        self.sweep()

    def sweep(self) -> int:
        """Delete expired documents, shorten the log, end old transactions; the result is how many documents expired."""
        for session in self._sessions.expired():
            self._release(session)
        sweeping.trim_log(self._writer)
        return sweeping.expire(self._writer)

    def backup(self, path: Path) -> None:
        """Write a consistent, compact copy of the file while it is in use.

        Raises:
            QueryError: when ``path`` exists or cannot be written.
        """
        if path.exists():
            raise QueryError(f"{path} exists; choose another path", number=48, name="NamespaceExists")
        try:
            with self._readers.lent() as connection:
                connection.pragma("query_only", False)
                try:
                    connection.execute("VACUUM INTO ?", (str(path),))
                finally:
                    connection.pragma("query_only", True)
        except apsw.Error as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise QueryError(f"the backup to {path} failed: {error}", number=1, name="InternalError") from error

    def check(self) -> list[str]:
        """What is wrong with the file: SQLite's integrity check, and each index against its documents. Empty when sound."""
        with self._snapshot(None) as view:
            return building.problems(view)

    def compact(self) -> tuple[int, int]:
        """Rewrite the file without free space; its bytes before and after. Writers wait meanwhile."""
        with self._writer.paused():
            connection = apsw.Connection(str(self.path))
            try:
                connection.set_busy_timeout(5000)
                before = _bytes_of(connection)
                connection.execute("VACUUM").fetchall()
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return before, _bytes_of(connection)
            finally:
                connection.close()


def _bytes_of(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count")) * int(connection.pragma("page_size"))


@lru_cache(maxsize=256)
def _point_sql(table: str, hidden: tuple[str, ...] | None) -> str:
    """The statement that gets a document by its key: its text without what is hidden, or with ``None`` its row."""
    columns = "json(d), sp" if hidden is None else f"CAST(json({visible('d', hidden)}) AS BLOB)"
    return f"SELECT {columns} FROM {table} WHERE kt=? AND k=?"


def _is_short(view: View, collection: Collection, command: Any, selection: Selection) -> bool:
    """Whether a read looks at few documents, and at none with anything that may take long, such as a regular expression."""
    if not selection.filter and type(command) is c.Count:
        return True
    if natural_direction(selection.sort):
        return False
    plan = view.query(collection, selection, counting=type(command) is c.Count).plan
    if not plan.in_sql_alone:
        return False
    if collection.count <= BOUNDED_DOCUMENTS:
        return True
    if not 0 < selection.limit <= BOUNDED_DOCUMENTS or selection.skip > BOUNDED_DOCUMENTS:
        return False
    if not plan.by_index_alone:
        return not selection.filter and not selection.sort
    return plan.in_index_order or not selection.sort


def _deadline(command: Any) -> Deadline | None:
    milliseconds = getattr(command, "max_time_ms", None)
    return Deadline(milliseconds) if milliseconds else None


def _list_collections(view: View) -> list[c.CollectionInfo]:
    return [
        c.CollectionInfo(name, collection.count, size_of(view, collection), len(collection.indexes))
        for name, collection in sorted(view.catalog.items())
    ]
