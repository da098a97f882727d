"""The engine against itself: committing together, readers beside a writer, growth, opening, memory."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine

from . import queries
from .loading import Numbers, empty, filled
from .measuring import interleaved, shown
from .sizes import LARGE, SMALL, repeats
from .table import Gate, Table

CALLERS = 32
READERS = 16


def group_commit(table: Table, directory: Path) -> None:
    """Durable inserts by many callers against one, and against commits that a power cut may lose."""
    names = ("full", "normal")
    engines = [empty(directory / name, durability=name) for name in names]
    numbers = Numbers(10**7)
    rounds = [[asyncio.run(_rates(engine, numbers)) for engine in engines] for _ in range(3)]
    alone, together = (statistics.median(full[place] for full, _ in rounds) for place in (0, 1))
    gain = statistics.median(full.together / full.alone for full, _ in rounds)
    share = statistics.median(full.together / normal.together for full, normal in rounds)
    fast = statistics.median(normal.together for _, normal in rounds)
    what = f"durable inserts/s, {CALLERS} callers"
    table.add(what, f"{together:.0f}/s", f"one caller {alone:.0f}/s", gain, "x", Gate(">=", 3))
    table.add(what, f"{together:.0f}/s", f"not durable {fast:.0f}/s", share, "x", Gate(">=", 0.8))
    for engine in engines:
        engine.close()


class _Rates(NamedTuple):
    alone: float
    together: float


async def _rates(engine: Engine, numbers: Numbers) -> _Rates:
    return _Rates(await _one_by_one(engine, numbers), await _together(engine, numbers))


async def _one_by_one(engine: Engine, numbers: Numbers) -> float:
    batches = numbers.single(repeats(200))
    started = time.perf_counter()
    for batch in batches:
        await engine.run(c.Insert("u", batch))
    return len(batches) / (time.perf_counter() - started)


async def _together(engine: Engine, numbers: Numbers) -> float:
    shares = [numbers.single(repeats(50)) for _ in range(CALLERS)]

    async def caller(batches: list[list[dict[str, object]]]) -> None:
        for batch in batches:
            await engine.run(c.Insert("u", batch))

    started = time.perf_counter()
    await asyncio.gather(*(caller(share) for share in shares))
    return repeats(50) * CALLERS / (time.perf_counter() - started)


def concurrency(table: Table, engine: Engine) -> None:
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
    what = f"{READERS} readers beside a writer, p99, {LARGE:,}"
    table.add(what, shown(beside), f"no writer {shown(alone)}", beside / alone, "x", Gate("<", 5))


def _write_until(engine: Engine, stop: threading.Event) -> None:
    numbers = Numbers(2 * 10**7 + time.monotonic_ns() % 10**9)
    while not stop.is_set():
        engine.run_sync(c.Insert("u", numbers.take(1)))


def _reader_p99(engine: Engine) -> float:
    times: list[float] = []
    ids = queries.ids(repeats(200), LARGE)

    def read() -> None:
        for id in ids:
            started = time.perf_counter()
            engine.run_sync(queries.get(id, text=True))
            times.append(time.perf_counter() - started)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.quantiles(times, n=100)[98]


def growth(table: Table, engine: Engine, directory: Path) -> None:
    """How much longer a get takes in the large collection than in a small one."""
    little = filled(directory / "little", SMALL)
    large_ids, small_ids = queries.ids(repeats(2000), LARGE), queries.ids(repeats(2000), SMALL)
    times = interleaved(
        lambda n: engine.run_sync(queries.get(large_ids[n], text=True)),
        lambda n: little.run_sync(queries.get(small_ids[n], text=True)),
        len(small_ids),
    )
    what = f"get by _id, growth from {SMALL:,} to {LARGE:,}"
    table.add(what, shown(times.ours), shown(times.others), times.ratio, "x", Gate("<", 2))
    little.close()


def reopening(table: Table, path: Path) -> None:
    """Opening the large file in a fresh process, and the memory that reading needs there."""
    command = [sys.executable, "-m", "bench.documents.reopening", str(path), str(LARGE)]
    opened, memory = (
        float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    )
    table.add(f"open, {LARGE:,}", shown(opened), "", opened * 1000, "ms", Gate("<", 50))
    table.add(f"anonymous memory, point reads, {LARGE:,}", "", "", memory, "MB", Gate("<", 150))
