"""What one limited space has used, and what it is using just now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from yunbox.errors import QuotaExceeded
from yunbox.quotas.items import BY_KIND, COUNTERS, MB, TITLES, Counter, Period, item_of
from yunbox.quotas.limits import Limits
from yunbox.statistics import Total, next_day, next_month

LOW = 0.1
"""Below this part left, the log says so, once a day for each item."""
MEASURED_FOR_S = 5.0
"""Seconds for which a size that was below its limit is taken to be so still."""

_log = logging.getLogger("yunbox.quotas")

Used = Mapping[Period, Mapping[str, Total]]
"""Period -> kind -> what was counted."""


class Account:
    """The counters of one space that has limits. Counting itself is the statistics' work: this follows it.

    ``load()`` tells what was counted today and this month; ``today()`` is the day; ``measure(item)`` tells a size.
    """

    def __init__(
        self,
        space: str,
        limits: Limits,
        *,
        load: Callable[[], Used],
        today: Callable[[], str],
        measure: Callable[[str], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.space = space
        self.limits = limits
        self._load = load
        self._today = today
        self._measure = measure
        self._clock = clock
        self._day = ""
        self._used: dict[tuple[str, Period], float] = {}
        self._under_way: Tally[str] = Tally()
        self._running: Tally[str] = Tally()
        self._measured: dict[str, tuple[float, float]] = {}
        self._told: set[str] = set()
        operations = limits.standing.get("db_concurrency")
        self.operations = asyncio.Semaphore(max(1, int(operations))) if operations is not None else None
        """Lets so many document operations run at a time."""

    # Counting

    def counted(self, day: str, kind: str, failed: bool, sent: int, gb_seconds: float) -> None:
        """Take in what the statistics have just counted."""
        if day != self._day:
            return  # the next look at the counters begins with what the statistics hold
        total = Total(calls=1, errors=int(failed), sent=sent, gb_seconds=gb_seconds)
        for counter in BY_KIND[kind]:
            if limits := self.limits.rates.get(counter.name):
                amount = amount_of(counter, {kind: total})
                for period, limit in limits.items():
                    self._used[counter.name, period] += amount
                    self._warn(item_of(counter, period), self._used[counter.name, period], limit)

    def _follow_calendar(self) -> None:
        day = self._today()
        if day == self._day:
            return
        used = self._load()
        self._used = {
            (counter.name, period): amount_of(counter, used[period])
            for counter in COUNTERS
            for period in self.limits.rates.get(counter.name, ())
        }
        self._day = day
        self._told.clear()

    def _warn(self, item: str, used: float, limit: float) -> None:
        if limit - used < LOW * limit and item not in self._told:
            self._told.add(item)
            english, chinese = TITLES[item]
            _log.warning(
                "space %s: %s: %.15g of %.15g used, less than %d%% is left / %s剩余不足 %d%%",
                *(self.space, english, used, limit, round(LOW * 100), chinese, round(LOW * 100)),
            )

    # Asking

    def check(self, kind: str, amount: int = 1) -> None:
        """
        Raises:
            QuotaExceeded: when ``amount`` more of a kind are not allowed now.
        """
        self._follow_calendar()
        for counter in BY_KIND[kind]:
            for period, limit in self.limits.rates.get(counter.name, {}).items():
                used = self._used[counter.name, period]
                if not counter.is_volume:
                    used += sum(self._under_way[known] for known in counter.kinds) + amount
                if used > limit or (counter.is_volume and used >= limit):
                    raise self.exceeded(item_of(counter, period), limit)

    def take(self, kind: str, amount: int = 1) -> None:
        """Hold ``amount`` of a kind until they are given back, so that calls at the same time cannot take the same rest.

        Raises:
            QuotaExceeded: when they are not allowed now.
        """
        self.check(kind, amount)
        self._under_way[kind] += amount

    def give_back(self, kind: str, amount: int = 1) -> None:
        """End what :meth:`take` began; what was used has been counted meanwhile."""
        self._under_way[kind] -= amount

    @contextmanager
    def taking(self, kind: str) -> Iterator[None]:
        """:meth:`take` one while the block runs."""
        self.take(kind)
        try:
            yield
        finally:
            self.give_back(kind)

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """Hold one of the calls that a function may serve at a time.

        Raises:
            QuotaExceeded: when it serves them all already; the vendors reject such calls, too.
        """
        limit = self.limits.standing.get("function_concurrency")
        if limit is not None and self._running[function] >= limit:
            raise self.exceeded("function_concurrency", limit)
        self._running[function] += 1
        try:
            yield
        finally:
            self._running[function] -= 1

    def check_room(self, item: str, more: float = 0) -> None:
        """Look whether a capacity is left; without ``more``, a look within the last seconds will do.

        Raises:
            QuotaExceeded: when it is used up, or ``more`` would go over it.
        """
        limit = self.limits.standing.get(item)
        if limit is None:
            return
        now = self._clock()
        size, at = self._measured.get(item, (limit, 0.0))
        if more or size >= limit or abs(now - at) >= MEASURED_FOR_S:
            size = self._measure(item)
            self._measured[item] = size, now
            self._warn(item, size, limit)
        if size >= limit or size + more > limit:
            raise self.exceeded(item, limit)

    def check_number(self, item: str, number: int) -> None:
        """
        Raises:
            QuotaExceeded: when there are ``number`` of an item already, and no more may be.
        """
        limit = self.limits.standing.get(item)
        if limit is not None and number >= limit:
            raise self.exceeded(item, limit)

    def exceeded(self, item: str, limit: float) -> QuotaExceeded:
        """The error that says so, and what helps."""
        english, chinese = TITLES[item]
        _, _, period = item.rpartition("_per_")
        moment = self._clock()
        resets = {"day": next_day, "month": next_month}.get(period)
        again = resets(moment) if resets else ""
        return QuotaExceeded(self.space, item, limit, (english, chinese), again)


def amount_of(counter: Counter, totals: Mapping[str, Total]) -> float:
    """How much of a counter the sums by kind come to. Failed document and file operations cost nothing; a function that
    fails has run."""
    amount = 0.0
    for kind in counter.kinds:
        total = totals.get(kind)
        if total is None:
            continue
        if counter.name == "function_gbs":
            amount += total.gb_seconds
        elif counter.is_volume:
            amount += total.sent / MB
        else:
            amount += total.calls - (0 if kind == "function" else total.errors)
    return amount
