"""Building and dropping indexes while the collection is in use."""

from __future__ import annotations

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
from .upkeep import fill_index
from .view import View
from .writer import Writer

PORTION = 5000

Progress = Callable[[int, int], None]


def create_index(writer: Writer, command: CreateIndex, progress: Progress | None = None) -> str:
    """Make an index and fill it in portions, so that other writes go on in between; the result is its name.

    Raises:
        QueryError: for a definition that cannot be, or that an index of the same name or keys contradicts.
        DuplicateKey: when existing documents break a unique index; no index remains.
    """
    document = definition(command)
    started = writer.run(lambda store: _start(store, command.collection, document))
    if started is None:
        return str(document["name"])
    collection, index = started
    done = 0
    try:
        while (last := writer.run(partial(_fill, collection=collection, index=index, after=done))) is not None:
            done = last
            if progress is not None:
                progress(done, collection.count)
        writer.run(lambda store: _finish(store, collection, index))
    except YunboxError:
        writer.run(lambda store: _remove(store, collection, index))
        raise
    return str(index.name)


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


def _fill(store: Store, collection: Collection, index: Index, after: int) -> int | None:
    """Enter the next portion of documents; the result is the last row id, ``None`` at the end."""
    sql = f"SELECT rid, json(d), sp FROM {collection.table} WHERE rid > ? ORDER BY rid LIMIT {PORTION}"
    rows: list[Any] = store.connection.execute(sql, (after,)).fetchall()
    for rid, text, wrapped in rows:
        fill_index(store.connection, collection, index, rid, decode(text, wrapped))
    if collection.flags_changed:
        schema.save_flags(store.connection, index)
    return rows[-1][0] if rows else None


def _finish(store: Store, collection: Collection, index: Index) -> None:
    schema.save_ready(store.connection, index)
    store.after_commit(lambda: _ready(collection, index))


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
    """The definitions of a collection's indexes, ``_id_`` first."""
    own: dict[str, Any] = {"v": 2, "key": {"_id": 1}, "name": "_id_"}
    return [own, *(dict(index.document) for index in collection.indexes)]


def discard_unfinished(writer: Writer) -> None:
    """Remove indexes whose building was interrupted."""
    for collection in writer.catalog.values():
        for index in [one for one in collection.indexes if not one.ready]:
            writer.run(partial(_remove, collection=collection, index=index))


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
            if index.ready and index.holds_keys:
                found += _index_problems(view, collection, index)
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
