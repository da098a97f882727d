"""What time it is for one server."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The machine's time. Every service reads the time here, so that a test's cloud can be given another clock."""

    def __call__(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def now_ms(self) -> int:
        return int(self() * 1000)

    def now(self) -> datetime:
        """The time as an aware UTC datetime."""
        return datetime.fromtimestamp(self(), UTC)

    def near(self, moment: float) -> float:
        """What time it is for whoever wrote ``moment``: callers sign requests by clocks of their own."""
        return self()

    @property
    def ahead_ms(self) -> int | None:
        """How far functions have to move their own clocks; ``None`` where the clock is the machine's."""
        return None


class MovableClock(Clock):
    """A clock for tests: it runs on from wherever it is put. Clients outside keep the machine's time."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def move_to(self, moment: float) -> None:
        """Make it ``moment`` (seconds since 1970) now; the clock never goes back."""
        self._ahead = max(self._ahead, moment - time.time())

    def near(self, moment: float) -> float:
        return min(self(), time.time(), key=lambda now: abs(now - moment))

    @property
    def ahead_ms(self) -> int | None:
        return int(self._ahead * 1000)


MACHINE = Clock()
"""The clock of every server that is not a test's."""
