"""Clocks for tests of what looks at the time."""

from __future__ import annotations

from yunbox.tools.clock import Clock


class StoppedClock(Clock):
    """It is always ``moment``, in seconds since 1970."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def __call__(self) -> float:
        return self._moment
