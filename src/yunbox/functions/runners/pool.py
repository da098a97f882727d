"""Processes of one deployment: an idle stack, a queue of waiting calls, and the rule for starting another (runtime.md §2.5)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from yunbox.errors import FunctionFailed, LimitExceeded
from yunbox.functions.runners.instance import Instance

if TYPE_CHECKING:
    from yunbox.functions.runners.fleet import Fleet

QUEUE = 1000
"""Calls that may wait for one function."""
SPARE_WAIT = 0.010
"""Seconds of estimated waiting above which a spare process is used."""
RECYCLE_AFTER = 10_000
"""Invocations after which a process is replaced."""


class Pool:
    """All processes of one deployment. One invocation at a time each; the last used is used first, the others idle out.

    Counters change synchronously, before anything is awaited: a burst in one tick must not start a hundred processes.
    """

    def __init__(self, fleet: Fleet, start: Callable[[], Awaitable[Instance]], has_spare: Callable[[], bool]) -> None:
        self.idle: list[Instance] = []
        self.busy: set[Instance] = set()
        self.starting = 0
        self.closed = False
        self.last_used = time.monotonic()
        self._fleet = fleet
        self._start = start
        self._has_spare = has_spare
        self._waiters: deque[asyncio.Future[Instance]] = deque()
        self._duration = 0.05
        self._cold = 0.3
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return sum(not waiter.done() for waiter in self._waiters)

    @property
    def size(self) -> int:
        return len(self.idle) + len(self.busy) + self.starting

    async def acquire(self, timeout: float, nested: bool) -> Instance:
        """A process for one invocation, to be given back with `release`.

        Raises:
            LimitExceeded: when too many calls wait, or none became free within ``timeout`` seconds.
            FunctionFailed: when no process can be started.
        """
        self.last_used = time.monotonic()
        while self.idle:
            instance = self.idle.pop()
            if not instance.dead:
                self.busy.add(instance)
                return instance
        if len(self._waiters) >= QUEUE:
            raise LimitExceeded(f"{QUEUE} calls of this function are waiting already", limit=QUEUE)
        waiter: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.grow(nested)
        try:
            async with asyncio.timeout(timeout):
                return await waiter
        except TimeoutError:
            raise LimitExceeded("no process of this function became free in time", limit=self._fleet.cap) from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result(), 0.0)
            raise

    def release(self, instance: Instance, duration: float) -> None:
        """Give a process back after an invocation of ``duration`` seconds."""
        self.busy.discard(instance)
        self._duration += (duration - self._duration) * 0.2
        if instance.dead or self.closed or instance.invocations >= RECYCLE_AFTER:
            self._fleet.retire(instance)
            self.grow()
        else:
            self._offer(instance)

    def close(self) -> None:
        """Take no more calls into these processes; running ones finish."""
        self.closed = True
        for instance in self.idle:
            self._fleet.retire(instance)
        self.idle.clear()

    def evict(self) -> bool:
        """Give up the longest idle process, so that another function can have one."""
        if not self.idle:
            return False
        self._fleet.retire(self.idle.pop(0))
        return True

    def forget(self, instance: Instance) -> None:
        """A process has ended by itself or was killed."""
        self.busy.discard(instance)
        if instance in self.idle:
            self.idle.remove(instance)
        self.grow()

    def _offer(self, instance: Instance) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.busy.add(instance)
                waiter.set_result(instance)
                return
        self.idle.append(instance)
        self._fleet.feed_hungry()

    def grow(self, nested: bool = False) -> None:
        """Start processes for those who wait, as far as the rule and the cap allow."""
        while self._should_start() and self._fleet.reserve(self, nested):
            self.starting += 1
            task = asyncio.get_running_loop().create_task(self._add())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self.waiting > self.starting and self._again is None:
            self._again = asyncio.get_running_loop().call_later(self._patience(), self._grow_again, nested)

    def _grow_again(self, nested: bool) -> None:
        self._again = None
        self.grow(nested)

    def _should_start(self) -> bool:
        waiting = self.waiting
        if waiting <= self.starting or self.starting >= self._fleet.parallel_starts:
            return False
        if self.size == 0:
            return True
        patience = self._patience()
        estimate = waiting * self._duration / (len(self.busy) + self.starting)
        # Processes that have not answered for longer than a start takes say more than the average does.
        now = time.monotonic()
        return estimate > patience or all(now - instance.started_at > patience for instance in self.busy)

    def _patience(self) -> float:
        return SPARE_WAIT if self._has_spare() else self._cold

    async def _add(self) -> None:
        began = time.monotonic()
        try:
            instance = await self._start()
        except Exception as error:
            self.starting -= 1
            self._fleet.release_place()
            self._refuse(error)
            return
        self.starting -= 1
        self._cold += (time.monotonic() - began - self._cold) * 0.3
        if self.closed and not self.waiting:
            self._fleet.retire(instance)
        else:
            self._offer(instance)

    def _refuse(self, error: Exception) -> None:
        """No process can be started: tell those who wait, unless other processes will serve them."""
        if self.busy or self.starting:
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                failure = error if isinstance(error, FunctionFailed) else FunctionFailed(str(error), reason="load")
                waiter.set_exception(failure)
