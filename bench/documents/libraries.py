"""The engine against Python libraries with MongoDB's interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mongomock
import montydb
import neosqlite

from yunbox.documents.stores import Engine

from . import queries
from .dataset import documents
from .loading import filled
from .measuring import interleaved, shown
from .sizes import MIDDLE, SMALL
from .table import Gate, Table

FILTER = {"score": {"$gt": 50}}


def run(table: Table, engine: Engine, directory: Path) -> None:
    """Gets and counts without an index; ``engine`` holds the middle collection.

    montydb would need minutes for that: it is compared on the small one.
    """
    _compare(table, engine, "mongomock", _mongomock, MIDDLE, 5000, 10)
    _compare(table, engine, "neosqlite", lambda: _neosqlite(directory), MIDDLE, 4, 2.5)
    small = filled(directory / "small", SMALL)
    _compare(table, small, "montydb", _montydb, SMALL, 5000, 100)
    small.close()


def _compare(
    table: Table, engine: Engine, name: str, open: Callable[[], Any], count: int, get_gate: float, count_gate: float
) -> None:
    collection = open()
    for first in range(0, count, 10_000):
        collection.insert_many([dict(one) for one in documents(min(10_000, count - first), first)])
    ids = queries.ids(20, count)
    run = engine.run_sync
    times = 20 if name == "neosqlite" else 2
    get = interleaved(lambda n: run(queries.get(ids[n])), lambda n: collection.find_one({"_id": ids[n]}), times, 3)
    table.add(
        f"get by _id, {count:,}",
        shown(get.ours),
        f"{name} {shown(get.others)}",
        get.gain,
        "x faster",
        Gate(">=", get_gate),
    )
    counted = interleaved(lambda n: run(queries.COUNT), lambda n: collection.count_documents(FILTER), 1, 3)
    what = f"count without an index, {count:,}"
    table.add(
        what, shown(counted.ours), f"{name} {shown(counted.others)}", counted.gain, "x faster", Gate(">=", count_gate)
    )
    if name == "neosqlite":
        _update_many(table, engine, collection)


def _update_many(table: Table, engine: Engine, collection: Any) -> None:
    change = ({"age": {"$lt": 10}}, {"$inc": {"score": 1}})
    times = interleaved(lambda n: engine.run_sync(queries.UPDATE_MANY), lambda n: collection.update_many(*change), 1, 1)
    table.add(
        "updateMany, a tenth",
        shown(times.ours),
        f"neosqlite {shown(times.others)}",
        times.gain,
        "x faster",
        Gate(">=", 5),
    )


def _mongomock() -> Any:
    return mongomock.MongoClient().db.u


def _montydb() -> Any:
    return montydb.MontyClient(":memory:").db.u


def _neosqlite(directory: Path) -> Any:
    collection = neosqlite.Connection(str(directory / "neosqlite.db")).u
    collection.create_index("age")
    return collection
