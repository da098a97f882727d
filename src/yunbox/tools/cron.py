"""Cron texts with seconds, in China's time zone.

Seven fields ``second minute hour day month week year`` (FN-15) or six without the year (FA-8). ``*`` any, ``a-b`` range,
``a,b`` list, ``*/n`` ``a/n`` ``a-b/n`` step, ``?`` any (day or week), month and week names in English. Week 0 and 7 are
Sunday. When both day and week are limited, a date needs to match only one of them.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "UTC+8")

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


class CronError(ValueError):
    """A text that is not a cron expression; the message says what is wrong with which field."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("second", 0, 59, {}),
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("week", 0, 7, _WEEKDAYS),
    _Field("year", 1970, 2099, {}),
)


class Cron:
    """When to run. ``Cron("0 30 8 * * MON-FRI *").next(datetime.now(UTC))`` is the first moment after the given one."""

    def __init__(self, text: str) -> None:
        parts = text.split()
        if len(parts) not in (6, 7):
            raise CronError(
                f"`{text}` has {len(parts)} fields; a timer has 7 (second minute hour day month week year) or 6 (no year) / "
                f"定时触发器需要 7 段或 6 段"
            )
        if len(parts) == 6:
            parts.append("*")
        self.text = text
        sets = [_parse(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
        self._seconds, self._minutes, self._hours, self._days, self._months, week, self._years = sets
        self._weekdays = frozenset(number % 7 for number in week)
        self._any_day = parts[3] in ("*", "?")
        self._any_weekday = parts[5] in ("*", "?")

    def __repr__(self) -> str:
        return f"Cron({self.text!r})"

    def next(self, after: datetime) -> datetime | None:
        """The first moment later than ``after`` (aware) that matches; ``None`` when there is none until 2099."""
        moment = after.astimezone(CHINA).replace(microsecond=0) + timedelta(seconds=1)
        while moment.year <= 2099:
            jump = self._jump(moment)
            if jump is None:
                return moment.astimezone(after.tzinfo)
            moment = jump
        return None

    def _jump(self, moment: datetime) -> datetime | None:
        """``None`` when ``moment`` matches, else a later one with everything between them known not to."""
        if moment.year not in self._years:
            return datetime(moment.year + 1, 1, 1, tzinfo=CHINA)
        midnight = moment.replace(hour=0, minute=0, second=0)
        if moment.month not in self._months:
            first = midnight.replace(day=1)
            return (first + timedelta(days=32)).replace(day=1)
        if not self._date_matches(moment):
            return midnight + timedelta(days=1)
        if moment.hour not in self._hours:
            return moment.replace(minute=0, second=0) + timedelta(hours=1)
        if moment.minute not in self._minutes:
            return moment.replace(second=0) + timedelta(minutes=1)
        if moment.second not in self._seconds:
            later = [second for second in self._seconds if second > moment.second]
            return moment.replace(second=min(later)) if later else moment.replace(second=0) + timedelta(minutes=1)
        return None

    def _date_matches(self, moment: datetime) -> bool:
        day = moment.day in self._days
        weekday = moment.isoweekday() % 7 in self._weekdays
        if self._any_day or self._any_weekday:
            return day and weekday
        return day or weekday


def _parse(text: str, field: _Field) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        numbers.update(_range(part, field))
    return frozenset(numbers)


def _range(part: str, field: _Field) -> range:
    span, slash, step_text = part.partition("/")
    if slash and not (step_text.isdigit() and int(step_text) > 0):
        raise CronError(f"`{part}`: the step of the {field.name} field must be a number above 0")
    step = int(step_text) if slash else 1
    if span in ("*", "?"):
        return range(field.low, field.high + 1, step)
    low_text, dash, high_text = span.partition("-")
    low = _number(low_text, field)
    high = _number(high_text, field) if dash else field.high if slash else low
    if high < low:
        raise CronError(f"`{part}`: the {field.name} field's range runs backwards")
    return range(low, high + 1, step)


def _number(text: str, field: _Field) -> int:
    number = field.names.get(text.upper())
    if number is None:
        if not text.isdigit():
            raise CronError(f"`{text}` is not a {field.name}")
        number = int(text)
    if not field.low <= number <= field.high:
        raise CronError(f"{number} is not a {field.name}: it must be {field.low} to {field.high}")
    return number
