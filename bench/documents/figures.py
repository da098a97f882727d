"""Ratios of the engine to hand-written SQL: ``python -m bench documents``.

``YUNBOX_BENCH_DOCUMENTS`` sets the number of documents (100,000 by default; the figures for a million are in
docs/performance.md).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import mongomock

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine

from . import floor
from .dataset import INDEXES, documents

COUNT = int(os.environ.get("YUNBOX_BENCH_DOCUMENTS", "100000"))
ROUNDS = 5


def run() -> None:
    """Measure and print everything."""
    with tempfile.TemporaryDirectory(prefix="yunbox-bench-", dir=os.environ.get("YUNBOX_BENCH_DIR")) as name:
        directory = Path(name)
        engine = _loaded(directory)
        try:
            _reads(engine)
            _writes(directory)
            _concurrency(engine)
        finally:
            engine.close()
        _reopening(directory)
        _libraries(directory)


def compare(title: str, ours: Callable[[int], Any], floor: Callable[[int], Any], times: int, gate: str) -> None:
    """Print the median ratio of interleaved rounds."""
    ratios, mine, base = [], [], []
    for _ in range(ROUNDS):
        a, b = _timed(floor, times), _timed(ours, times)
        ratios.append(b / a)
        base.append(a)
        mine.append(b)
    ratio = statistics.median(ratios)
    print(f"{title:44} {statistics.median(mine) * 1e6:12.1f} us {ratio:7.2f} x floor   (gate {gate})", flush=True)


def _timed(work: Callable[[int], Any], times: int) -> float:
    started = time.perf_counter()
    for number in range(times):
        work(number)
    return (time.perf_counter() - started) / times


def _loaded(directory: Path) -> Engine:
    engine = Engine.open(directory / "space" / "documents.sqlite")
    engine.run_sync(c.CreateCollection("u"))
    started = time.perf_counter()
    portion: list[dict[str, Any]] = []
    for one in documents(COUNT):
        portion.append(one)
        if len(portion) == 10_000:
            engine.run_sync(c.Insert("u", portion))
            portion = []
    if portion:
        engine.run_sync(c.Insert("u", portion))
    for keys in INDEXES:
        engine.run_sync(c.CreateIndex("u", keys))
    elapsed = time.perf_counter() - started
    print(
        f"{COUNT} documents loaded, {len(INDEXES)} indexes built in {elapsed:.1f} s ({COUNT / elapsed:.0f}/s)",
        flush=True,
    )
    return engine


def _reads(engine: Engine) -> None:
    raw = apsw.Connection(str(engine.path), flags=apsw.SQLITE_OPEN_READWRITE)
    raw.pragma("mmap_size", 2**31)
    ids = [f"{number * 7919 % COUNT:024x}" for number in range(2000)]
    run = engine.run_sync

    def raw_get(number: int) -> Any:
        return raw.execute(floor.GET, (ids[number],)).fetchone()

    def raw_page(number: int) -> Any:
        return [row[0] for row in raw.execute(floor.PAGE, (f"city{number % 100}", 20))]

    def page(number: int, text: bool) -> Any:
        filter = {"address.city": f"city{number % 100}", "age": {"$gte": 20}}
        return run(c.Find("u", filter, sort=[("age", 1)], limit=20, raw=text))

    group: list[dict[str, Any]] = [
        {"$match": {"age": {"$gt": 30}}},
        {"$group": {"_id": "$address.city", "n": {"$sum": 1}, "mean": {"$avg": "$score"}}},
        {"$sort": {"mean": 1}},
    ]
    compare("get by _id, text", lambda n: run(c.Find("u", {"_id": ids[n]}, raw=True)), raw_get, 2000, "<= 1.3")
    compare("get by _id, decoded", lambda n: run(c.Find("u", {"_id": ids[n]})), raw_get, 2000, "<= 2.5")
    compare("page of 20, compound index, text", lambda n: page(n, True), raw_page, 300, "<= 1.4")
    compare("page of 20, compound index, decoded", lambda n: page(n, False), raw_page, 300, "-")
    compare(
        "count, no index",
        lambda n: run(c.Count("u", {"score": {"$gt": 50}})),
        lambda n: raw.execute(floor.COUNT).get,
        1,
        "<= 1.3",
    )
    compare(
        "$match + $group + $sort",
        lambda n: run(c.Aggregate("u", group)),
        lambda n: raw.execute(floor.GROUP).fetchall(),
        1,
        "<= 2",
    )
    raw.close()


@dataclass
class _Numbers:
    """Numbers for documents that are not there yet."""

    next: int

    def take(self, count: int) -> list[dict[str, Any]]:
        self.next += count
        return list(documents(count, self.next - count))


def _writes(directory: Path) -> None:
    engine = Engine.open(directory / "writes" / "documents.sqlite")
    engine.run_sync(c.CreateCollection("u"))
    for keys in INDEXES:
        engine.run_sync(c.CreateIndex("u", keys))
    raw = floor.open_raw(directory / "floor.sqlite")
    raw.execute(floor.TABLES)
    theirs, ours = _Numbers(10**7), _Numbers(10**7)
    run = engine.run_sync
    compare(
        "insert one, durable",
        lambda n: run(c.Insert("u", ours.take(1))),
        lambda n: floor.committed(raw, theirs.take(1)),
        100,
        "<= 2",
    )
    compare(
        "insert 1000, three indexes",
        lambda n: run(c.Insert("u", ours.take(1000))),
        lambda n: floor.committed(raw, theirs.take(1000)),
        5,
        "<= 1.67",
    )
    raw.close()
    asyncio.run(_group_commit(engine, ours))
    engine.close()


async def _group_commit(engine: Engine, numbers: _Numbers) -> None:
    async def one_by_one() -> float:
        started = time.perf_counter()
        for one in numbers.take(200):
            await engine.run(c.Insert("u", [one]))
        return 200 / (time.perf_counter() - started)

    async def caller() -> None:
        for one in numbers.take(50):
            await engine.run(c.Insert("u", [one]))

    async def together() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(32)))
        return 1600 / (time.perf_counter() - started)

    rates = [(await one_by_one(), await together()) for _ in range(3)]
    single, grouped = (statistics.median(rate) for rate in zip(*rates, strict=True))
    print(
        f"durable inserts/s: one caller {single:.0f}, 32 callers {grouped:.0f}, {grouped / single:.1f} x   (gate >= 3)"
    )


def _concurrency(engine: Engine) -> None:
    """The p99 of point reads by 16 threads, alone and beside a writer."""
    idle, busy = [], []
    for _ in range(3):
        idle.append(_reader_p99(engine))
        stop = threading.Event()
        writer = threading.Thread(target=_write_until, args=(engine, stop))
        writer.start()
        busy.append(_reader_p99(engine))
        stop.set()
        writer.join()
    alone, beside = statistics.median(idle), statistics.median(busy)
    print(
        f"16 readers, p99: idle {alone * 1e6:.0f} us, beside a writer {beside * 1e6:.0f} us,"
        f" {beside / alone:.1f} x   (gate < 5)"
    )


def _write_until(engine: Engine, stop: threading.Event) -> None:
    numbers = _Numbers(2 * 10**7 + time.monotonic_ns() % 10**9)
    while not stop.is_set():
        engine.run_sync(c.Insert("u", numbers.take(1)))


def _reader_p99(engine: Engine) -> float:
    times: list[float] = []

    def read() -> None:
        for number in range(200):
            started = time.perf_counter()
            engine.run_sync(c.Find("u", {"_id": f"{number * 7919 % COUNT:024x}"}, raw=True))
            times.append(time.perf_counter() - started)

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.quantiles(times, n=100)[98]


def _reopening(directory: Path) -> None:
    path = directory / "space" / "documents.sqlite"
    subprocess.run([sys.executable, "-m", "bench.documents.reopening", str(path), str(COUNT)], check=True)


def _libraries(directory: Path) -> None:
    """Other libraries on a tenth of the documents, at most 10,000."""
    count = min(COUNT // 10, 10_000)
    engine = Engine.open(directory / "small" / "documents.sqlite", durability="normal")
    engine.run_sync(c.CreateCollection("u"))
    everything = list(documents(count))
    engine.run_sync(c.Insert("u", everything))
    other: Any = mongomock.MongoClient().db.u
    other.insert_many([dict(one) for one in everything])
    gain = _gain(
        lambda n: engine.run_sync(c.Find("u", {"_id": everything[n]["_id"]})),
        lambda n: other.find_one({"_id": everything[n]["_id"]}),
    )
    print(f"get by _id, {count} documents: {gain:.0f} x faster than mongomock")
    gain = _gain(
        lambda n: engine.run_sync(c.Count("u", {"score": {"$gt": 50}})),
        lambda n: other.count_documents({"score": {"$gt": 50}}),
    )
    print(f"count without an index, {count} documents: {gain:.0f} x faster than mongomock (gate >= 10)")
    engine.close()


def _gain(ours: Callable[[int], Any], theirs: Callable[[int], Any]) -> float:
    return _timed(theirs, 3) / _timed(ours, 20)
