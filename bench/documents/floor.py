"""The same work by hand: SQL over the same tables, with nothing around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import orjson

from yunbox.documents.query.values import date_millis

TABLES = """
CREATE TABLE d1(rid INTEGER PRIMARY KEY, kt INTEGER NOT NULL, k NOT NULL, d BLOB NOT NULL, sp TEXT, UNIQUE(kt, k));
CREATE TABLE x1(t0, k0, rid, PRIMARY KEY(t0, k0, rid)) WITHOUT ROWID;
CREATE TABLE x2(t0, k0, t1, k1, rid, PRIMARY KEY(t0, k0, t1, k1, rid)) WITHOUT ROWID;
CREATE TABLE x3(t0, k0, rid, PRIMARY KEY(t0, k0, rid)) WITHOUT ROWID;
"""


def open_raw(path: Path, *, synchronous: str = "FULL") -> apsw.Connection:
    """A connection with the engine's settings."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", synchronous)
    connection.pragma("mmap_size", 2**31)
    connection.pragma("cache_size", -65536)
    return connection


def encoded(document: dict[str, Any]) -> str:
    """The JSON text of a document."""
    return orjson.dumps(document, _date, orjson.OPT_PASSTHROUGH_DATETIME).decode()


def insert(connection: apsw.Connection, document: dict[str, Any]) -> None:
    """One document with the keys of three indexes."""
    connection.execute("INSERT INTO d1(kt, k, d) VALUES(4, ?, jsonb(?))", (document["_id"], encoded(document)))
    rid = connection.last_insert_rowid()
    connection.execute("INSERT INTO x1 VALUES(3, ?, ?)", (document["age"], rid))
    connection.execute("INSERT INTO x2 VALUES(4, ?, 3, ?, ?)", (document["address"]["city"], document["age"], rid))
    for tag in set(document["tags"]):
        connection.execute("INSERT INTO x3 VALUES(4, ?, ?)", (tag, rid))


def _date(value: Any) -> dict[str, int]:
    return {"$date": date_millis(value)}


def committed(connection: apsw.Connection, documents: list[dict[str, Any]]) -> None:
    """Documents in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for document in documents:
        insert(connection, document)
    connection.execute("COMMIT")


GET = "SELECT json(d) FROM d1 WHERE kt=4 AND k=?"
PAGE = (
    "SELECT json(t.d) FROM x2 x CROSS JOIN d1 t ON t.rid=x.rid"
    " WHERE x.t0=4 AND x.k0=? AND x.t1=3 AND x.k1>=? ORDER BY x.t1, x.k1 LIMIT 20"
)
COUNT = "SELECT count(*) FROM d1 WHERE d->>'$.score' > 50"
GROUP = (
    "SELECT d->>'$.address.city' AS city, count(*), avg(d->>'$.score') AS mean FROM d1"
    " WHERE d->>'$.age' > 30 GROUP BY city ORDER BY mean"
)
