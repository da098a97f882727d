"""Calendar arithmetic on milliseconds since 1970 (UTC), for any year, and time zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bson import DatetimeMS, ObjectId, Timestamp

from ..values import date_millis, from_millis, type_name
from .failures import failure
from .numbers import LONG_MAX, LONG_MIN

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MILLIS = -62135596800000 + DAY
_LAST_MILLIS = 253402300799999 - DAY
_CYCLE_MILLIS = 400 * 31556952 * SECOND


def is_date(value: Any) -> bool:
    """True for what can be used as a date: dates, timestamps and object ids."""
    return isinstance(value, datetime | DatetimeMS | ObjectId | Timestamp)


def millis_of(value: Any) -> int:
    """Milliseconds since 1970 of a date, timestamp or object id. Raises error 16006 for anything else."""
    if isinstance(value, datetime | DatetimeMS):
        return date_millis(value)
    if isinstance(value, ObjectId):
        return int(value.generation_time.timestamp()) * SECOND
    if isinstance(value, Timestamp):
        return int(value.time) * SECOND
    raise failure(16006, f"can't convert from BSON type {type_name(value)} to Date")


def date_of(millis: int, name: str) -> Any:
    """The date at ``millis``; outside a long of milliseconds ``name`` overflows."""
    if not LONG_MIN <= millis <= LONG_MAX:
        raise failure(5166406, f"{name} overflowed")
    return from_millis(millis)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date in the proleptic Gregorian calendar; ``day`` may be out of range."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468 + day - 1


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def days_in_month(year: int, month: int) -> int:
    """The number of days of a month."""
    return days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1)


def iso_weekday(days: int) -> int:
    """1 (Monday) to 7 (Sunday) of a number of days since 1970-01-01."""
    return (days + 3) % 7 + 1


def iso_week(days: int) -> tuple[int, int]:
    """ISO week-numbering year and week of a number of days since 1970-01-01."""
    thursday = days - iso_weekday(days) + 4
    year = civil_from_days(thursday)[0]
    return year, (thursday - days_from_civil(year, 1, 1)) // 7 + 1


def days_from_iso_week(year: int, week: int, weekday: int) -> int:
    """Days since 1970-01-01 of a day given by ISO year, week and weekday, each of which may be out of range."""
    fourth = days_from_civil(year, 1, 4)
    return fourth - iso_weekday(fourth) + (week - 1) * 7 + weekday


class Zone:
    """A time zone: UTC, a fixed offset, or one with daylight saving rules."""

    def __init__(self, name: str, rules: tzinfo | None = None, fixed: int = 0) -> None:
        self.name = name
        self._rules = rules
        self._fixed = fixed

    def offset(self, millis: int) -> int:
        """Milliseconds ahead of UTC at an instant."""
        if self._rules is None:
            return self._fixed
        return self._rule_offset((_EPOCH + timedelta(milliseconds=_within_range(millis))).astimezone(self._rules))

    def local(self, millis: int) -> int:
        """The wall clock at an instant, as milliseconds."""
        return millis + self.offset(millis)

    def utc(self, local: int) -> int:
        """The instant of a wall clock time; the earlier of two, and past a gap for one that does not exist."""
        if self._rules is None:
            return local - self._fixed
        wall = (_EPOCH + timedelta(milliseconds=_within_range(local))).replace(tzinfo=self._rules)
        return local - self._rule_offset(wall)

    @staticmethod
    def _rule_offset(moment: datetime) -> int:
        offset = moment.utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * SECOND)


def _within_range(millis: int) -> int:
    if _FIRST_MILLIS <= millis <= _LAST_MILLIS:
        return millis
    return millis % _CYCLE_MILLIS + 5 * _CYCLE_MILLIS - 62135596800000 if millis > 0 else _FIRST_MILLIS


UTC_ZONE = Zone("UTC")


@lru_cache(maxsize=512)
def zone(name: str) -> Zone:
    """The time zone of an Olson identifier or of an offset such as ``+08``, ``+0800`` or ``+08:00``."""
    if name in ("UTC", "GMT", "Z"):
        return UTC_ZONE
    match = _OFFSET.fullmatch(name)
    if match is not None:
        sign, hours, minutes = match.groups()
        fixed = (int(hours) * HOUR + int(minutes or 0) * MINUTE) * (-1 if sign == "-" else 1)
        return Zone(name, fixed=fixed)
    try:
        return Zone(name, ZoneInfo(name))
    except (KeyError, ValueError, OSError) as error:
        raise failure(40485, f'unrecognized time zone identifier: "{name}"') from error


def zone_argument(operator_name: str, value: Any, number: int = 40517) -> Zone:
    """The time zone given to an operator."""
    if not isinstance(value, str):
        raise failure(
            number, f"{operator_name} requires a string for the timezone argument, but was given a {type_name(value)}"
        )
    return zone(value)


def iso_text(value: Any) -> str:
    """A date as ``2017-06-19T15:13:25.713Z``."""
    days, rest = divmod(date_millis(value), DAY)
    year, month, day = civil_from_days(days)
    hour, minute, second, milli = clock(rest)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"


def clock(millis: int) -> tuple[int, int, int, int]:
    """Hour, minute, second and millisecond of a number of milliseconds since midnight."""
    hour, rest = divmod(millis, HOUR)
    minute, rest = divmod(rest, MINUTE)
    second, milli = divmod(rest, SECOND)
    return hour, minute, second, milli
