"""Times: interleaved rounds and their medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

Work = Callable[[int], Any]

PROCESSOR_TIME = os.environ.get("YUNBOX_BENCH_CLOCK") == "cpu"
others: list[Callable[[], float]] = []
"""The processor time of servers that are measured, too."""


class Times(NamedTuple):
    """Medians over rounds, in seconds for each call; ``ratio`` is the median of the rounds' own ratios."""

    ours: float
    others: float
    ratio: float

    @property
    def gain(self) -> float:
        """How many times faster ours is."""
        return 1 / self.ratio


def interleaved(ours: Work, others: Work, times: int, rounds: int = 5) -> Times:
    """Do both ``times`` times in each round. Who comes second finds the memory warm, so they take turns at it."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            mine, theirs = timed(ours, times), timed(others, times)
        else:
            theirs, mine = timed(others, times), timed(ours, times)
        pairs.append((theirs, mine))
    return times_of(pairs)


def times_of(pairs: list[tuple[float, float]]) -> Times:
    """The medians of rounds of (other, ours)."""
    return Times(
        statistics.median(mine for _, mine in pairs),
        statistics.median(theirs for theirs, _ in pairs),
        statistics.median(mine / theirs for theirs, mine in pairs),
    )


def timed(work: Work, times: int) -> float:
    """Seconds for each call; ``work`` gets the number of the call."""
    started = now()
    for number in range(times):
        work(number)
    return (now() - started) / times


def now() -> float:
    """The time that is measured: the clock's, or with ``YUNBOX_BENCH_CLOCK=cpu`` what this process and `others` took of the
    processors, which says more than the clock on a machine that others use.
    """
    return time.process_time() + sum(other() for other in others) if PROCESSOR_TIME else time.perf_counter()


def shown(seconds: float) -> str:
    """A time for people."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"
