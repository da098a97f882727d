"""The tables of a document file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import apsw
import orjson

from yunbox.documents.query import ejson

from .catalog import Collection, Index
from .connection import FORMAT
from .indexes import index_of
from .shape import Shape

TABLES = """
CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coll(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, shape BLOB, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS idx(id INTEGER PRIMARY KEY AUTOINCREMENT, coll INTEGER NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,
  flags TEXT NOT NULL, state TEXT NOT NULL, UNIQUE(coll, name));
CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, ts INTEGER NOT NULL, coll INTEGER NOT NULL, op TEXT NOT NULL,
  kt INTEGER NOT NULL, k NOT NULL, doc BLOB, tx INTEGER);
"""


def create_tables(connection: apsw.Connection) -> None:
    """Make the tables every file has."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name='log'").fetchone() is None:
        with connection:
            connection.execute(TABLES)
    elif connection.pragma("user_version") < FORMAT:
        with connection:
            _upgrade(connection)


def _upgrade(connection: apsw.Connection) -> None:
    """From format 1 to 2: indexes with a collation have other keys and are filled again. From 2 to 3: the log may have packed
    rows, which programs that know format 2 cannot read.
    """
    if connection.pragma("user_version") == 1:
        _empty_collated(connection)
    connection.pragma("user_version", FORMAT)


def _empty_collated(connection: apsw.Connection) -> None:
    rows = connection.execute("SELECT id FROM idx WHERE spec->'$.collation' IS NOT NULL").fetchall()
    flags = _flags(frozenset(), True, 0, 0)
    for (id,) in rows:
        connection.execute(f"DELETE FROM x{id}")
        connection.execute("UPDATE idx SET state='building', flags=? WHERE id=?", (flags, id))


def load_catalog(connection: apsw.Connection) -> dict[str, Collection]:
    """All collections with their indexes, by name."""
    collections = {}
    for id, name, shape, count in connection.execute("SELECT id, name, shape, n FROM coll"):
        collection = Collection(id, name, Shape.loads(shape) if shape else Shape(), count)
        collection.saved_shape = collection.shape.version
        collections[name] = collection
    by_id = {collection.id: collection for collection in collections.values()}
    for id, owner, spec, flags, state in connection.execute("SELECT id, coll, spec, flags, state FROM idx ORDER BY id"):
        index = index_of(id, ejson.loads(spec))
        stored: dict[str, Any] = orjson.loads(flags)
        index.multikey, index.exact = frozenset(stored["multikey"]), stored["exact"]
        index.ready = state == "ready"
        index.reached, index.filled = stored.get("reached", 0), stored.get("filled", 0)
        by_id[owner].indexes += (index,)
    return collections


def insert_collection(connection: apsw.Connection, name: str) -> Collection:
    """Make the rows and the table of a new collection."""
    connection.execute("INSERT INTO coll(name, n) VALUES(?, 0)", (name,))
    collection = Collection(connection.last_insert_rowid(), name)
    connection.execute(
        f"CREATE TABLE {collection.table}(rid INTEGER PRIMARY KEY, kt INTEGER NOT NULL, k NOT NULL, d BLOB NOT NULL, sp TEXT,"
        " UNIQUE(kt, k))"
    )
    return collection


def delete_collection(connection: apsw.Connection, collection: Collection) -> None:
    """Remove a collection's tables and rows."""
    for index in collection.indexes:
        delete_index(connection, index)
    connection.execute(f"DROP TABLE {collection.table}")
    connection.execute("DELETE FROM coll WHERE id=?", (collection.id,))


def insert_index(connection: apsw.Connection, collection: Collection, document: dict[str, Any]) -> Index:
    """Make the row and the table of a new index, which is not ready yet."""
    connection.execute(
        "INSERT INTO idx(coll, name, spec, flags, state) VALUES(?, ?, ?, ?, 'building')",
        (collection.id, document["name"], ejson.dumps(document).decode(), _flags(frozenset(), True, 0, 0)),
    )
    index = index_of(connection.last_insert_rowid(), document)
    connection.execute(_table_of(index))
    return index


def _table_of(index: Index) -> str:
    if index.kind == "geo":
        return f"CREATE VIRTUAL TABLE {index.table} USING rtree(id, x0, x1, y0, y1)"
    if index.kind == "text":
        return f"CREATE VIRTUAL TABLE {index.table} USING fts5(t, content='', contentless_delete=1, detail=none, tokenize='unicode61')"
    if index.kind == "wildcard":
        return f"CREATE TABLE {index.table}(p TEXT, t0, k0, rid INTEGER, PRIMARY KEY(p, t0, k0, rid)) WITHOUT ROWID"
    columns = ", ".join(f"t{n}, k{n}" for n in range(len(index.fields)))
    key = ", ".join(
        f"t{n}{' DESC' if field.direction < 0 else ''}, k{n}{' DESC' if field.direction < 0 else ''}"
        for n, field in enumerate(index.fields)
    )
    last = "" if index.unique else ", rid"
    return f"CREATE TABLE {index.table}({columns}, rid INTEGER NOT NULL, PRIMARY KEY({key}{last})) WITHOUT ROWID"


def save_flags(connection: apsw.Connection, index: Index, reached: int | None = None, filled: int = 0) -> None:
    """Keep what an index learnt about its keys and, while it is filled, how far that came."""
    if reached is None:
        reached, filled = index.reached, index.filled
    flags = _flags(index.multikey, index.exact, reached, filled)
    connection.execute("UPDATE idx SET flags=? WHERE id=?", (flags, index.id))


def save_ready(connection: apsw.Connection, index: Index) -> None:
    connection.execute("UPDATE idx SET state='ready' WHERE id=?", (index.id,))


def _flags(multikey: frozenset[int], exact: bool, reached: int, filled: int) -> str:
    flags = {"multikey": sorted(multikey), "exact": exact, "reached": reached, "filled": filled}
    return orjson.dumps(flags).decode()


def delete_index(connection: apsw.Connection, index: Index) -> None:
    connection.execute(f"DROP TABLE {index.table}")
    connection.execute("DELETE FROM idx WHERE id=?", (index.id,))


def save_collection(connection: apsw.Connection, collection: Collection, count: int) -> None:
    """Keep the number of documents and, when they changed, the shape and what indexes learnt."""
    if collection.saved_shape == collection.shape.version:
        if count == collection.count and not collection.flags_changed:
            return
        connection.execute("UPDATE coll SET n=? WHERE id=?", (count, collection.id))
    else:
        shape = collection.shape.dumps()
        connection.execute("UPDATE coll SET n=?, shape=? WHERE id=?", (count, shape, collection.id))
    if collection.flags_changed:
        for index in collection.indexes:
            save_flags(connection, index)


def renamed(collection: Collection, name: str) -> Collection:
    """The same collection under another name."""
    return replace(collection, name=name, plans={})
