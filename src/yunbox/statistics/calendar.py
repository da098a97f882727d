"""Days and months of the figures: those of Asia/Shanghai, where both clouds bill (UTC+8, no summer time)."""

from __future__ import annotations

import time
from calendar import timegm
from functools import lru_cache

TIME_ZONE = "Asia/Shanghai"
DAY_S = 86_400
_OFFSET_S = 8 * 3600


def day_of(moment: float) -> str:
    """The day (``2026-11-21``) of a moment in seconds since 1970."""
    return _date(int((moment + _OFFSET_S) // DAY_S))


def month_begin(moment: float) -> str:
    """The first day of the moment's month."""
    return day_of(moment)[:8] + "01"


def next_day(moment: float) -> str:
    """When the counters of a day start again, ``2026-11-22 00:00``."""
    return day_of(moment + DAY_S) + " 00:00"


def next_month(moment: float) -> str:
    """When the counters of a month start again, ``2026-12-01 00:00``."""
    year, month = map(int, day_of(moment).split("-")[:2])
    return f"{year + month // 12}-{month % 12 + 1:02}-01 00:00"


def begin_of(day: str) -> float:
    """The moment at which a day begins.

    Raises:
        ValueError: when it is no day.
    """
    return float(timegm(time.strptime(day, "%Y-%m-%d"))) - _OFFSET_S


@lru_cache(maxsize=16)
def _date(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S))
