"""The engine against hand-written SQL through the same SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine

from . import floor, queries
from .loading import Numbers, empty
from .measuring import Times, Work, interleaved, shown
from .sizes import LARGE, MIDDLE, repeats
from .table import Gate, Table


def reads(table: Table, engine: Engine) -> None:
    """Gets, pages and groups on the middle collection."""
    raw = _over(engine)
    ids = queries.ids(repeats(2000), MIDDLE)
    run = engine.run_sync

    def raw_get(number: int) -> Any:
        return raw.execute(floor.GET, (ids[number],)).fetchone()

    def raw_page(number: int) -> Any:
        return [row[0] for row in raw.execute(floor.PAGE, (f"city{number % 100}", 20))]

    def both(what: str, ours: Work, others: Work, times: int, limit: float | None) -> None:
        _row(table, what, interleaved(ours, others, times), limit)

    both("get by _id, text out", lambda n: run(queries.get(ids[n], text=True)), raw_get, len(ids), 1.3)
    both("get by _id, decoded", lambda n: run(queries.get(ids[n])), raw_get, len(ids), 2.5)
    both("page of 20, compound index, text", lambda n: run(queries.page(n, text=True)), raw_page, repeats(300), 1.4)
    both("page of 20, decoded", lambda n: run(queries.page(n)), raw_page, repeats(300), None)
    group = f"$match + $group + $sort, {MIDDLE:,}"
    both(group, lambda n: run(queries.AGGREGATE), lambda n: raw.execute(floor.GROUP).fetchall(), 1, 2)
    raw.close()


def scans(table: Table, engine: Engine) -> None:
    """A count without an index on the large collection."""
    raw = _over(engine)
    times = interleaved(lambda n: engine.run_sync(queries.COUNT), lambda n: raw.execute(floor.COUNT).get, 1)
    _row(table, f"count without an index, {LARGE:,}", times, 1.3)
    raw.close()


def writes(table: Table, directory: Path) -> None:
    """Durable inserts, one by one and a thousand together, with three indexes."""
    engine = empty(directory / "writes")
    raw = floor.open_raw(directory / "floor.sqlite")
    raw.execute(floor.TABLES)
    numbers = Numbers(10**7)
    for _ in range(5):
        # Both write-ahead logs reach their size.
        portion = numbers.take(repeats(1000))
        engine.run_sync(c.Insert("u", portion))
        floor.committed(raw, portion)
    rounds, times = 5, repeats(100)
    single = numbers.single(rounds * times)
    ours, theirs = iter(single), iter(single)
    one = interleaved(
        lambda n: engine.run_sync(c.Insert("u", next(ours))),
        lambda n: floor.committed(raw, next(theirs)),
        times,
        rounds,
    )
    _row(table, "insert one, durable, 3 indexes", one, 2)
    bulk = [numbers.take(repeats(1000)) for _ in range(rounds * 4)]
    more, same = iter(bulk), iter(bulk)
    thousand = interleaved(
        lambda n: engine.run_sync(c.Insert("u", next(more))), lambda n: floor.committed(raw, next(same)), 4, rounds
    )
    _row(table, "insert 1000, 3 indexes", thousand, 1 / 0.6)
    raw.close()
    engine.close()


def _over(engine: Engine) -> apsw.Connection:
    raw = apsw.Connection(str(engine.path), flags=apsw.SQLITE_OPEN_READWRITE)
    raw.pragma("mmap_size", 2**31)
    return raw


def _row(table: Table, what: str, times: Times, limit: float | None) -> None:
    gate = None if limit is None else Gate("<=", round(limit, 2))
    table.add(what, shown(times.ours), f"SQL {shown(times.others)}", times.ratio, "x", gate)
