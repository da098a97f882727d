"""Limits of all spaces."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from yunbox.quotas.account import Account, Used, amount_of
from yunbox.quotas.items import COUNTERS, DEFAULT_STEP_MS, PERIODS, STANDING, TITLES, item_of
from yunbox.quotas.limits import limits_of
from yunbox.spaces import Space, SpaceService
from yunbox.statistics import TIME_ZONE, StatisticsService, month_begin, next_day, next_month


@dataclass(frozen=True, slots=True)
class Usage:
    """One row of a space's report. ``limit`` is ``None`` without one; ``used`` is, where it cannot be told."""

    item: str
    english: str
    chinese: str
    unit: str
    used: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a space has used and may use. ``day_ends`` and ``month_ends`` are when counters start again."""

    package: str
    time_zone: str
    day_ends: str
    month_ends: str
    items: list[Usage]


class QuotaService:
    """Which spaces have limits, and their accounts. A space without limits costs a look into an empty dictionary.

    Counters are the statistics': they survive a restart, and a crash loses what was counted in their last interval
    (30 s), so that a space may use that much twice.
    """

    def __init__(
        self, spaces: SpaceService, statistics: StatisticsService, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._spaces = spaces
        self._statistics = statistics
        self._clock = clock
        self._measures: dict[str, Callable[[str], float]] = {}
        self._steps: dict[str, int] = {}
        self.limited: dict[str, Account] = {}
        for space in spaces.list():
            self._configure(space)
        spaces.on_change(self._configure)
        spaces.on_delete(self._forget)

    def account(self, space_id: str) -> Account | None:
        """The account of a space that has limits."""
        return self.limited.get(space_id)

    def measured_by(self, item: str, measure: Callable[[str], float]) -> None:
        """Let ``measure(space_id)`` tell the use of a standing item, such as ``db_mb``."""
        self._measures[item] = measure

    def gb_seconds(self, space_id: str, memory_mb: int, duration_ms: float) -> float:
        """What a function's run comes to: its memory, times the time in whole billing steps (100 ms, or as the space's
        package has it)."""
        step = self._steps.get(space_id, DEFAULT_STEP_MS)
        return memory_mb / 1024 * max(1, math.ceil(duration_ms / step)) * step / 1000

    def report(self, space_id: str) -> Report:
        """What a space uses and may use. Call it on the event loop: the measures are the services'.

        Raises:
            SpaceNotFound: when there is none.
        """
        space = self._spaces.get(space_id)
        limits, used, moment = limits_of(space.settings), self._load(space_id), self._clock()
        rows: list[tuple[str, str, float | None]] = [
            (item_of(counter, period), counter.unit, amount_of(counter, used[period]))
            for counter in COUNTERS
            for period in PERIODS
        ]
        rows += [(item.name, item.unit, self._standing(space_id, item.name)) for item in STANDING]
        items = [Usage(name, *TITLES[name], unit, amount, limits.of(name)) for name, unit, amount in rows]
        return Report(limits.package, TIME_ZONE, next_day(moment), next_month(moment), items)

    def _configure(self, space: Space) -> None:
        limits = limits_of(space.settings)
        self._steps[space.id] = limits.step_ms
        if not limits:
            self.limited.pop(space.id, None)
            self._statistics.follow(space.id, None)
            return
        account = self.limited[space.id] = Account(
            space.id,
            limits,
            load=partial(self._load, space.id),
            today=self._statistics.today,
            measure=partial(self._measure, space.id),
            clock=self._clock,
        )
        self._statistics.follow(space.id, account.counted)

    def _forget(self, space_id: str) -> None:
        self.limited.pop(space_id, None)
        self._steps.pop(space_id, None)

    def _load(self, space_id: str) -> Used:
        today = self._statistics.today()
        sums = self._statistics.sums
        return {"day": sums(space_id, today, today), "month": sums(space_id, month_begin(self._clock()), today)}

    def _measure(self, space_id: str, item: str) -> float:
        return self._measures[item](space_id)

    def _standing(self, space_id: str, item: str) -> float | None:
        return self._measure(space_id, item) if item in self._measures else None
