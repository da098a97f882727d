"""All processes of all functions: how many there may be, which are kept warm ahead of time, which are in the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yunbox.functions.function import LogLine
from yunbox.functions.runners.confinement import Isolation, node_program
from yunbox.functions.runners.instance import Answerer, Instance
from yunbox.functions.runners.launching import Launcher
from yunbox.functions.runners.node import Node
from yunbox.functions.runners.pool import Pool
from yunbox.functions.runners.workspace import place_code

IDLE = 600.0
"""Seconds after which an unused process ends."""
MOST = 64
"""Processes that there are at most by default, however large the machine is."""
PROCESS_MEMORY = 64 * 2**20
"""Bytes that a process with an SDK loaded is reckoned to take."""
GRACE = 5.0
"""Seconds that un-awaited work gets when a process is replaced."""
SPARES = 3
"""Kinds of processes that are kept warm; the most recently used."""
RETIRED_MEMORY = 1.25
"""A process is ended when it holds this much of what it may, beyond what it held when it was ready."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a process must have before it knows its function: processes of one kind can stand in for each other."""

    space: str
    memory: int
    trees: tuple[Path, ...] = ()
    preload: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What makes a process that of one function: its files and its configuration (see worker.js)."""

    kind: Kind
    code: Path
    tree: Path | None
    copy: bool
    configure: Callable[[Path], dict[str, Any]] = field(compare=False)


class Fleet:
    """Starts processes, keeps spares, enforces the cap over all pools."""

    def __init__(
        self, node: Node, data: Path, isolation: Isolation, host_call: Answerer, cap: int = 0, linger: float = 0.5
    ) -> None:
        cores = os.cpu_count() or 2
        self.cap = cap or default_cap(cores, _memory())
        self.parallel_starts = max(2, cores)
        self.places = 0
        self._linger = linger
        self._node = node
        self._directory = data / "run"
        self._isolation = isolation
        self._host_call = host_call
        self._launcher = Launcher()
        self._starts = asyncio.Semaphore(self.parallel_starts)
        self._demand = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._pools: dict[Pool, None] = {}
        self._owner: dict[Instance, Pool] = {}
        self._alive: dict[Instance, int] = {}
        self._hungry: deque[Pool] = deque()
        self._spares: OrderedDict[Kind, list[Instance]] = OrderedDict()
        self._warming: set[Kind] = set()
        self._warming_turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._watcher: asyncio.Task[None] | None = None
        self.on_late_line: Callable[[Instance, str, LogLine], None] = lambda instance, request_id, line: None

    async def open(self) -> None:
        """Clear what an earlier server left, and begin to watch memory and idleness."""
        await asyncio.to_thread(shutil.rmtree, self._directory, True)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End every process; work that was just left running gets a moment to finish."""
        self._closing = True
        now = time.monotonic()
        late = max((instance.finished_at for instance in self._alive), default=0.0)
        if late:
            await asyncio.sleep(max(0.0, late + self._linger - now))
        if self._watcher is not None:
            self._watcher.cancel()
        for instance in list(self._alive):
            instance.kill()
        await self._launcher.close()
        # Starts under way have failed now, each closing what it had opened.
        self._calm.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._directory, True)

    def processes(self) -> dict[str, int]:
        """How many processes there are, and calls that wait for one."""
        busy = sum(len(pool.busy) for pool in self._pools)
        idle = sum(len(pool.idle) for pool in self._pools)
        spare = sum(map(len, self._spares.values()))
        return {"busy": busy, "idle": idle, "spare": spare, "waiting": sum(pool.waiting for pool in self._pools)}

    # Pools and the cap

    def pool(self, load: Load) -> Pool:
        """A new pool for one deployment."""

        async def start() -> Instance:
            instance = await self._obtain(load)
            self._owner[instance] = pool
            return instance

        pool = Pool(self, start, lambda: bool(self._spares.get(load.kind)))
        self._pools[pool] = None
        return pool

    def drop(self, pool: Pool) -> None:
        """Close a pool; its running invocations finish."""
        pool.close()
        self._pools.pop(pool, None)

    def reserve(self, pool: Pool, nested: bool) -> bool:
        """Take a place for a process that ``pool`` is about to start; ``False``: it will be asked to grow again later.

        A call from inside a function may go beyond the cap: its caller holds a place and waits for it.
        """
        limit = 2 * self.cap if nested else self.cap
        if self.places >= limit and not self._make_room(pool):
            if pool not in self._hungry:
                self._hungry.append(pool)
            return False
        self.places += 1
        return True

    def release_place(self) -> None:
        self.places -= 1
        self.feed_hungry()

    def feed_hungry(self) -> None:
        """A process became idle or a place free: the pool that waits longest may try again."""
        if self._hungry:
            asyncio.get_running_loop().call_soon(self._hungry.popleft().grow)

    def _make_room(self, wanting: Pool) -> bool:
        others = sorted((pool for pool in self._pools if pool is not wanting and pool.idle), key=lambda p: p.last_used)
        return bool(others) and others[0].evict()

    def retire(self, instance: Instance) -> None:
        """Take a process out of use; what it left running has until `GRACE` after its last invocation."""
        self._leave(instance)
        wait = instance.finished_at + GRACE - time.monotonic() if instance.invocations else 0.0
        if wait <= 0 or instance.dead:
            instance.kill()
        else:
            asyncio.get_running_loop().call_later(wait, instance.kill)

    def _leave(self, instance: Instance) -> None:
        if self._owner.pop(instance, None) is not None:
            self.release_place()

    def _died(self, instance: Instance) -> None:
        self._alive.pop(instance, None)
        for spares in self._spares.values():
            if instance in spares:
                spares.remove(instance)
        pool = self._owner.get(instance)
        self._leave(instance)
        if pool is not None:
            pool.forget(instance)
        if not self._closing:
            self._background(asyncio.to_thread(shutil.rmtree, instance.directory, True))

    # Starting

    async def _obtain(self, load: Load) -> Instance:
        self._demand += 1
        self._calm.clear()
        try:
            spares = self._spares.get(load.kind, [])
            instance = spares.pop() if spares else await self._start(load.kind)
        finally:
            self._demand -= 1
            if not self._demand:
                self._calm.set()
            self.warm(load.kind)
        code = instance.directory / "code"
        await place_code(load.code, code, load.tree, load.copy)
        instance.limit_memory(load.kind.memory * 2**20)
        self._alive[instance] = instance.resident() + int(load.kind.memory * RETIRED_MEMORY) * 2**20
        instance.load(load.configure(code))
        return instance

    async def _start(self, kind: Kind) -> Instance:
        async with self._starts:
            place = self._directory / secrets.token_hex(8)
            for part in ("code", "tmp"):
                (place / part).mkdir(parents=True)
            # Package scopes end here: nothing above belongs to the function.
            (place / "package.json").write_text("{}")
            instance = Instance(self._launcher, self._host_call, place, kind)
            instance.on_death = self._died
            instance.on_late_line = lambda request_id, line: self.on_late_line(instance, request_id, line)
            await instance.start(node_program(self._node, place, kind.memory, kind.trees, self._isolation))
            self._alive[instance] = 0
            instance.preload(kind.space, [str(path) for path in kind.preload])
            return instance

    def warm(self, kind: Kind) -> None:
        """See that a spare process of this kind is there soon; the least recently used kind gives up its own."""
        if self._closing:
            return
        self._spares.setdefault(kind, [])
        self._spares.move_to_end(kind)
        while len(self._spares) > SPARES:
            _, unused = self._spares.popitem(last=False)
            for instance in unused:
                instance.kill()
        if not self._spares[kind] and kind not in self._warming:
            self._warming.add(kind)
            self._background(self._warm(kind))

    async def _warm(self, kind: Kind) -> None:
        try:
            # One at a time: of many functions deployed together, most have lost their claim when their turn comes.
            async with self._warming_turn:
                await self._calm.wait()
                if kind in self._spares and not self._closing:
                    await self._add_spare(kind)
        finally:
            self._warming.discard(kind)

    async def _add_spare(self, kind: Kind) -> None:
        instance = await self._start(kind)
        if kind in self._spares:
            self._spares[kind].append(instance)
        else:
            instance.kill()

    def _background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(_quiet(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Watching

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            for instance, limit in list(self._alive.items()):
                if limit and instance.resident() > limit:
                    instance.kill("memory")
            before = time.monotonic() - IDLE
            for pool in list(self._pools):
                while pool.idle and pool.idle[0].finished_at < before and pool.last_used < before:
                    pool.evict()


def default_cap(cores: int, memory: int) -> int:
    """How many processes there may be: four for each core, and more where a quarter of ``memory`` (bytes) holds more,
    because an idle process costs nothing else and a new one costs its user a cold start."""
    return max(4 * cores, min(MOST, memory // 4 // PROCESS_MEMORY))


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


async def _quiet(work: Any) -> None:
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await work
