"""The limits of a space: its settings over its package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yunbox.quotas.items import COUNTERS, DEFAULT_STEP_MS, PERIODS, PREFIX, STANDING, STEP_SETTING, Period, item_of
from yunbox.quotas.packages import PACKAGES

UNLIMITED = "unlimited"


@dataclass(frozen=True, slots=True)
class Limits:
    """``rates``: counter -> its limits by period; ``standing``: item -> limit. What is missing is not limited."""

    package: str = ""
    rates: Mapping[str, Mapping[Period, float]] = field(default_factory=dict)
    standing: Mapping[str, float] = field(default_factory=dict)
    step_ms: int = DEFAULT_STEP_MS

    def __bool__(self) -> bool:
        return bool(self.rates or self.standing)

    def of(self, item: str) -> float | None:
        """The limit of an item by its full name (``db_reads_per_day``), or ``None``."""
        name, _, period = item.rpartition("_per_")
        found = self.rates.get(name, {}) if name else {}
        return next((limit for known, limit in found.items() if known == period), self.standing.get(item))


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """The limits in a space's settings; ``unlimited`` lifts one of its package's."""
    package = str(settings.get("quotas") or "")
    given = {name.removeprefix(PREFIX): value for name, value in settings.items() if name.startswith(PREFIX)}
    wanted: dict[str, Any] = {**PACKAGES.get(package, {}), **given}
    step = int(settings.get(STEP_SETTING) or PACKAGES.get(package, {}).get(STEP_SETTING) or DEFAULT_STEP_MS)
    limits = {name: float(value) for name, value in wanted.items() if isinstance(value, int | float)}
    rates: dict[str, dict[Period, float]] = {}
    for counter in COUNTERS:
        for period in PERIODS:
            if (limit := limits.get(item_of(counter, period))) is not None:
                rates.setdefault(counter.name, {})[period] = limit
    standing = {item.name: limits[item.name] for item in STANDING if item.name in limits}
    return Limits(package, rates, standing, step)
