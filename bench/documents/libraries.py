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
from .measuring import Times, interleaved, shown, timed, times_of
from .sizes import MIDDLE, repeats
from .table import Gate, Table

FILTER = {"score": {"$gt": 50}}


def run(table: Table, engine: Engine, directory: Path) -> None:
    """Gets and counts without an index; ``engine`` holds the middle collection."""
    _compare(table, engine, "mongomock", _mongomock, MIDDLE, 5000, 10)
    _compare(table, engine, "neosqlite", lambda: _neosqlite(directory), MIDDLE, 4, 2.5)
    _compare(table, engine, "montydb", _montydb, MIDDLE, 50_000, 100)


def _compare(
    table: Table, engine: Engine, name: str, open: Callable[[], Any], count: int, get_gate: float, count_gate: float
) -> None:
    collection = open()
    for first in range(0, count, 10_000):
        collection.insert_many([dict(one) for one in documents(min(10_000, count - first), first)])
    run = engine.run_sync
    get = _gets(engine, collection, count)
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


def _gets(engine: Engine, collection: Any, count: int) -> Times:
    """Ours many times, theirs a few: some look at every document, and leave nothing of ours in the processor's caches."""
    mine = queries.ids(repeats(500), count)
    # Who looks at every document finds the first ones soonest: the ids are spread evenly.
    theirs = [f"{(2 * number + 1) * count // 8:024x}" for number in range(4)]
    pairs = []
    for _ in range(3):
        others = timed(lambda n: collection.find_one({"_id": theirs[n]}), len(theirs))
        pairs.append((others, timed(lambda n: engine.run_sync(queries.get(mine[n])), len(mine))))
    return times_of(pairs)


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
