"""Building and dropping indexes while the collection is in use."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from yunbox.documents.commands import CreateIndex
from yunbox.errors import QueryError, YunboxError

from . import schema
from .catalog import Collection, Index
from .encoding import decode
from .indexes import MAX_INDEXES, definition
from .store import Store
from .upkeep import fill_index, is_entered
from .view import View
from .writer import Writer

PORTION = 1000
"""Documents entered in one turn of the writer: other writers wait no longer than for these."""
TOLD_EVERY_SECONDS = 5.0

Progress = Callable[[int, int], None]

_log = logging.getLogger("yunbox.documents")


def create_index(writer: Writer, command: CreateIndex, progress: Progress | None = None) -> str:
    """Make an index and fill it in portions, so that other writes go on in between; the result is its name.

    What is interrupted goes on when the file is opened again; until it is whole, no query uses the index.

    Raises:
        QueryError: for a definition that cannot be, or that an index of the same name or keys contradicts; when the index or
            the collection is dropped meanwhile.
        DuplicateKey: when existing documents break a unique index; no index remains.
    """
    document = definition(command)
    started = writer.run(lambda store: _start(store, command.collection, document))
    if started is not None:
        _Build(writer, *started).run(progress)
    return str(document["name"])


class _Build:
    """One index being filled."""

    def __init__(self, writer: Writer, collection: Collection, index: Index) -> None:
        self._writer = writer
        self._owner = collection.id
        self._index = index
        self._told = time.monotonic()

    def run(self, progress: Progress | None = None, stop: threading.Event | None = None) -> None:
        """Fill the index to its end, or until ``stop`` is set. Raises what `create_index` raises."""
        try:
            while (collection := self._writer.run(self._fill)) is not None:
                self._tell(collection)
                if progress is not None:
                    progress(self._index.filled, collection.count)
                if stop is not None and stop.is_set():
                    return
            self._writer.run(self._finish)
        except YunboxError:
            self._writer.run(self._give_up)
            raise

    def _collection(self, store: Store) -> Collection:
        """The collection as it is now: it may have been renamed. Raises `QueryError` IndexBuildAborted (276)."""
        for collection in store.batch.catalog.values():
            if collection.id == self._owner and self._index in collection.indexes:
                return collection
        raise QueryError(f"Index build aborted: {self._index.name} was dropped", number=276, name="IndexBuildAborted")

    def _fill(self, store: Store) -> Collection | None:
        """Enter the next portion of documents; ``None`` at the end."""
        collection, index = self._collection(store), self._index
        sql = f"SELECT rid, json(d), sp FROM {collection.table} WHERE rid > ? ORDER BY rid LIMIT {PORTION}"
        rows: list[Any] = store.connection.execute(sql, (index.reached,)).fetchall()
        for rid, text, wrapped in rows:
            fill_index(store.connection, collection, index, rid, decode(text, wrapped))
        if not rows:
            return None
        reached, filled = rows[-1][0], index.filled + len(rows)
        schema.save_flags(store.connection, index, reached, filled)
        store.after_commit(partial(_advance, index, reached, filled))
        return collection

    def _tell(self, collection: Collection) -> None:
        if time.monotonic() - self._told >= TOLD_EVERY_SECONDS:
            self._told = time.monotonic()
            _log.info(
                "building index %s of %s: %d of %d documents",
                self._index.name,
                collection.name,
                self._index.filled,
                collection.count,
            )

    def _finish(self, store: Store) -> None:
        collection = self._collection(store)
        schema.save_ready(store.connection, self._index)
        store.after_commit(lambda: _ready(collection, self._index))

    def _give_up(self, store: Store) -> None:
        with contextlib.suppress(QueryError):
            _remove(store, self._collection(store), self._index)


def _advance(index: Index, reached: int, filled: int) -> None:
    index.reached, index.filled = reached, filled


class Resumption:
    """Goes on with indexes whose building was interrupted, in a thread of its own."""

    def __init__(self, writer: Writer) -> None:
        self._stop = threading.Event()
        self._builds = [
            (collection.name, index, _Build(writer, collection, index))
            for collection in writer.catalog.values()
            for index in collection.indexes
            if not index.ready
        ]
        self._thread = threading.Thread(target=self._run, name="document-index-builder", daemon=True)
        if self._builds:
            self._thread.start()

    def _run(self) -> None:
        for name, index, build in self._builds:
            _log.info("going on with index %s of %s at %d documents", index.name, name, index.filled)
            try:
                build.run(stop=self._stop)
            except YunboxError as error:
                _log.error("index %s of %s could not be finished: %s", index.name, name, error)
            if self._stop.is_set():
                return

    def close(self) -> None:
        """Stop after the portion at hand; the next opening goes on."""
        self._stop.set()
        if self._builds:
            self._thread.join()


def _start(store: Store, name: str, document: dict[str, Any]) -> tuple[Collection, Index] | None:
    collection = store.for_writing(name, True)
    if _exists(collection, document):
        return None
    if len(collection.indexes) >= MAX_INDEXES:
        raise QueryError(f"a collection has at most {MAX_INDEXES} indexes", number=67, name="CannotCreateIndex")
    index = schema.insert_index(store.connection, collection, document)
    collection.indexes = (*collection.indexes, index)
    return collection, index


def _exists(collection: Collection, document: dict[str, Any]) -> bool:
    for index in collection.indexes:
        same_keys = list(index.document["key"].items()) == list(document["key"].items())
        if index.name == document["name"]:
            if index.document == document:
                return True
            number, name = (85, "IndexOptionsConflict") if same_keys else (86, "IndexKeySpecsConflict")
            raise QueryError(
                f"An existing index has the same name as the requested index: {index.name}", number=number, name=name
            )
        if same_keys and index.collation == document.get("collation"):
            raise QueryError(
                f"Index already exists with a different name: {index.name}", number=85, name="IndexOptionsConflict"
            )
    return list(document["key"].items()) == [("_id", 1)]


def _ready(collection: Collection, index: Index) -> None:
    index.ready = True
    collection.changed()


def drop_index(store: Store, name: str, index_name: str) -> None:
    """Remove an index by name.

    Raises:
        QueryError: IndexNotFound (27); InvalidOptions (72) for the index of ``_id``.
    """
    collection = store.collection(name)
    if index_name == "_id_":
        raise QueryError("cannot drop _id index", number=72, name="InvalidOptions")
    index = collection.index(index_name)
    if index is None:
        raise QueryError(f"index not found with name [{index_name}]", number=27, name="IndexNotFound")
    _remove(store, collection, index)


def _remove(store: Store, collection: Collection, index: Index) -> None:
    index.ready = False
    collection.indexes = tuple(one for one in collection.indexes if one is not index)
    collection.changed()
    schema.delete_index(store.connection, index)


def list_indexes(collection: Collection) -> list[dict[str, Any]]:
    """The definitions of a collection's indexes as MongoDB lists them, ``_id_`` first; ``building`` tells how many of how many ``documents`` are
    in one that is not ready.
    """
    own: dict[str, Any] = {"v": 2, "key": {"_id": 1}, "name": "_id_"}
    return [own, *(_listed(collection, index) for index in collection.indexes)]


def _listed(collection: Collection, index: Index) -> dict[str, Any]:
    document = dict(index.document)
    if "2dsphere" in document["key"].values():
        document["2dsphereIndexVersion"] = 3
    if index.kind == "text":
        document |= {"language_override": "language", "textIndexVersion": 3}
        document["weights"] = {field.path: 1 for field in index.fields} | dict(index.document.get("weights", {}))
        document["default_language"] = index.document.get("default_language", "english")
    if index.ready:
        return document
    return {**document, "building": {"done": index.filled, "documents": collection.count}}


def as_of_now(collection: Collection) -> Collection:
    """A copy with the indexes that are ready; what it learns of shapes it shares."""
    indexes = tuple(index for index in collection.indexes if index.ready)
    return replace(collection, indexes=indexes, plans={})


def is_current(collection: Collection | None, copy: Collection) -> bool:
    """Whether a collection still has the indexes of an earlier copy."""
    return collection is not None and collection.revision == copy.revision


def problems(view: View) -> list[str]:
    """What `Engine.check` finds."""
    found = [str(row[0]) for row in view.connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    for name, collection in view.catalog.items():
        stored: int = view.connection.execute(f"SELECT count(*) FROM {collection.table}").get
        counted: int = view.connection.execute("SELECT n FROM coll WHERE id=?", (collection.id,)).get
        if stored != counted:
            found.append(f"{name}: {stored} documents are stored, {counted} are counted")
        for index in collection.indexes:
            if index.ready:
                check = _index_problems if index.holds_keys else _special_problems
                found += check(view, collection, index)
    return found


def _index_problems(view: View, collection: Collection, index: Index) -> list[str]:
    expected = 0
    missing = 0
    sql = f"SELECT 1 FROM {index.table} WHERE {index.row_is}"
    for rid, text, wrapped in view.connection.execute(f"SELECT rid, json(d), sp FROM {collection.table}"):
        document = decode(text, wrapped)
        if index.covers is not None and not index.covers(document):
            continue
        for row in index.keyer.keys(document).rows:
            expected += 1
            missing += view.connection.execute(sql, (*row, rid)).fetchone() is None
    actual: int = view.connection.execute(f"SELECT count(*) FROM {index.table}").get
    if missing or actual != expected:
        return [f"{collection.name}.{index.name}: {expected} keys expected, {actual} there, {missing} missing"]
    return []


def _special_problems(view: View, collection: Collection, index: Index) -> list[str]:
    """Of geo and text indexes SQLite itself checks the inside; here it is whether they have the right documents."""
    id = "id" if index.kind == "geo" else "rowid"
    entered = {rid for (rid,) in view.connection.execute(f"SELECT {id} FROM {index.table}")}
    rows = view.connection.execute(f"SELECT rid, json(d), sp FROM {collection.table}")
    expected = {rid for rid, text, wrapped in rows if is_entered(index, decode(text, wrapped))}
    if entered != expected:
        missing, more = len(expected - entered), len(entered - expected)
        return [f"{collection.name}.{index.name}: {missing} documents missing, {more} too many"]
    return []
