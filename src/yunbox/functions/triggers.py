"""Timers: functions that run by the clock. Runs that were missed while the server was down are not made up for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from yunbox.functions.function import TriggerSettings
from yunbox.tools.cron import Cron


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer of one function."""

    space: str
    function: str
    settings: TriggerSettings


def timer_event(timer: Timer, at: float) -> dict[str, Any]:
    """What a function gets from its timer: both clouds' fields (FN-15, FA-8)."""
    moment = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    payload = timer.settings.payload
    return {
        "Type": "Timer",
        "TriggerName": timer.settings.name,
        "Time": moment,
        "Message": payload if isinstance(payload, str) else "",
        "triggerName": timer.settings.name,
        "triggerTime": moment,
        "userPayload": payload if payload is not None else "",
    }


class Timers:
    """Runs ``fire(timer, at)`` when a timer is due; a run that has not ended makes its timer skip the next."""

    def __init__(self, fire: Callable[[Timer, float], Awaitable[None]], clock: Callable[[], float] = time.time) -> None:
        self._fire = fire
        self._clock = clock
        self._due: dict[Timer, float] = {}
        self._crons: dict[Timer, Cron] = {}
        self._running: dict[Timer, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def set(self, space: str, function: str, triggers: Sequence[TriggerSettings]) -> None:
        """Replace a function's timers."""
        wanted = {Timer(space, function, settings) for settings in triggers}
        for timer in [item for item in self._due if (item.space, item.function) == (space, function)]:
            if timer not in wanted:
                self._drop(timer)
        for timer in wanted - self._due.keys():
            self._crons[timer] = Cron(timer.settings.config)
            self._plan(timer)
        self._changed.set()

    def forget(self, space: str) -> None:
        """Drop all timers of a space."""
        for timer in [item for item in self._due if item.space == space]:
            self._drop(timer)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop; runs that are under way are given up."""
        tasks = [*self._running.values(), *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def due(self) -> list[Timer]:
        """The timers whose moment has come, each planned for its next one."""
        now = self._clock()
        ready = [timer for timer, at in self._due.items() if at <= now]
        for timer in ready:
            self._plan(timer)
        return ready

    async def run_due(self) -> int:
        """Run the timers whose moment has come, and wait until they have ended; how many they were."""
        ready = self.due()
        for timer in ready:
            self._begin(timer)
        await asyncio.gather(*self._running.values())
        return len(ready)

    def next(self) -> float | None:
        """When the next timer is due, in seconds since 1970."""
        return min(self._due.values(), default=None)

    def _drop(self, timer: Timer) -> None:
        del self._due[timer]
        del self._crons[timer]

    def _plan(self, timer: Timer) -> None:
        following = self._crons[timer].next(datetime.fromtimestamp(self._clock(), UTC))
        self._due[timer] = following.timestamp() if following is not None else float("inf")

    async def _run(self) -> None:
        while True:
            following = self.next()
            wait = None if following is None or following == float("inf") else max(0.0, following - self._clock())
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                # Clocks may be set: look again at least each minute.
                async with asyncio.timeout(60 if wait is None else min(wait, 60)):
                    await self._changed.wait()
            for timer in self.due():
                self._begin(timer)

    def _begin(self, timer: Timer) -> None:
        if timer in self._running:
            return
        task = asyncio.get_running_loop().create_task(self._guarded(timer))
        self._running[timer] = task
        task.add_done_callback(lambda _: self._running.pop(timer, None))

    async def _guarded(self, timer: Timer) -> None:
        await self._fire(timer, self._clock())
