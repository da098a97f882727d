"""The engine against PostgreSQL with JSONB: equal indexes, equal durability."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine

from . import postgres, queries
from .dataset import INDEXES
from .floor import encoded
from .loading import Numbers, empty, portions
from .measuring import Times, Work, interleaved, now, shown, times_of
from .sizes import LARGE, MIDDLE, repeats
from .table import Gate, Table

GEO: list[list[tuple[str, Any]]] = [*INDEXES, [("loc", "2dsphere")]]


def run(table: Table, engine: Engine, directory: Path) -> None:
    """All comparisons; ``engine`` holds the middle collection."""
    try:
        with postgres.server(os.environ.get("YUNBOX_BENCH_DIR")) as database:
            _Comparison(table, engine, database).run(directory)
    except postgres.Unavailable as error:
        table.not_run("against PostgreSQL", f"postgresql: {error}")


def _repeated(work: Callable[..., Any], *values: Any) -> Any:
    """Call ``work`` with all values but the last, which is the number of the call."""
    return work(*values[:-1])


def _rows(database: postgres.Database, sql: str) -> list[Any]:
    return database.run(sql).fetchall()


class _Comparison:
    def __init__(self, table: Table, engine: Engine, database: postgres.Database) -> None:
        self._table = table
        self._engine = engine
        self._database = database
        self._name = f"PostgreSQL {database.version}"

    def run(self, directory: Path) -> None:
        self._database.create("u")
        for portion in portions(MIDDLE):
            self._database.copy("u", portion)
        self._database.settle("u")
        self._reads()
        self._scans()
        self._writes()
        self._loads(directory)

    def _reads(self) -> None:
        ids, ours, database = queries.ids(repeats(500), MIDDLE), self._engine.run_sync, self._database
        self._compare(
            "get by _id, decoded",
            lambda n: ours(queries.get(ids[n])),
            lambda n: database.run(postgres.GET, (ids[n],)).fetchone(),
            len(ids),
            faster=8,
        )
        self._compare(
            "page of 20 by a range, decoded",
            lambda n: ours(queries.page(n)),
            lambda n: database.run(postgres.PAGE, (f"city{n % 100}", 20)).fetchall(),
            repeats(100),
            faster=2,
        )

    def _scans(self) -> None:
        ours, database = self._engine.run_sync, self._database
        scans = [
            ("count without an index", queries.COUNT, postgres.COUNT, 1.0),
            ("count by a regular expression", queries.REGEX, postgres.REGEX, 1.5),
            ("$match + $group + $sort", queries.AGGREGATE, postgres.GROUP, 1.5),
        ]
        for what, command, sql, limit in scans:
            times = interleaved(partial(_repeated, ours, command), partial(_repeated, _rows, database, sql), 1)
            self._row(f"{what}, {MIDDLE:,}", times, times.ratio, "x its time", Gate("<=", limit))

    def _writes(self) -> None:
        ours, database, rounds, times = self._engine.run_sync, self._database, 5, repeats(100)
        single = Numbers(4 * 10**7).single(rounds * times)
        mine, theirs = iter(single), iter(single)

        def insert(number: int) -> None:
            (document,) = next(theirs)
            database.run(postgres.INSERT, (document["_id"], encoded(document)))

        self._compare("insert one, durable", lambda n: ours(c.Insert("u", next(mine))), insert, times, faster=1)
        ids = queries.ids(times, MIDDLE)
        self._compare(
            "update one, durable, 2 indexed fields",
            lambda n: ours(queries.update(ids[n], f"city{n % 100}")),
            lambda n: database.run(postgres.UPDATE, (orjson.dumps(f"city{n % 100}").decode(), ids[n])),
            times,
            faster=1,
        )
        many = interleaved(lambda n: ours(queries.UPDATE_MANY), lambda n: database.run(postgres.UPDATE_MANY), 1, 3)
        self._row("updateMany, a tenth", many, many.gain, "x faster", Gate(">=", 1.5))

    def _loads(self, directory: Path) -> None:
        """Bulk loads with four indexes, one of them for places."""
        self._load(directory, MIDDLE, 1.0)
        if LARGE > MIDDLE:
            self._load(directory, LARGE, 0.6)

    def _load(self, directory: Path, count: int, limit: float) -> None:
        name = f"load{count}"
        engine = empty(directory / name, GEO)
        self._database.create(name, geo=True)
        seconds = [0.0, 0.0]
        for portion in portions(count):
            started = now()
            self._database.copy(name, portion)
            between = now()
            engine.run_sync(c.Insert("u", portion))
            seconds[0] += between - started
            seconds[1] += now() - between
        times = times_of([(seconds[0], seconds[1])])
        self._row(f"load {count:,}, 4 indexes, against COPY", times, times.gain, "x its rate", Gate(">=", limit))
        engine.close()
        self._database.drop(name)

    def _compare(self, what: str, ours: Work, theirs: Work, times: int, *, faster: float) -> None:
        measured = interleaved(ours, theirs, times)
        self._row(what, measured, measured.gain, "x faster", Gate(">=" if faster > 1 else ">", faster))

    def _row(self, what: str, times: Times, figure: float, unit: str, gate: Gate) -> None:
        self._table.add(what, shown(times.ours), f"{self._name} {shown(times.others)}", figure, unit, gate)
