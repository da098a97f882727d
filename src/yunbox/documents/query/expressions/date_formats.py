"""The format language of $dateToString."""

from __future__ import annotations

import re
from collections.abc import Callable

from .calendar import (
    DAY,
    MINUTE,
    Zone,
    civil_from_days,
    clock,
    days_from_civil,
    iso_week,
    iso_weekday,
)
from .failures import failure

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


_FIELD = re.compile("%(.)", re.DOTALL)


def check_format(template: str) -> None:
    """Raise unless every ``%`` begins a known field."""
    characters = iter(template)
    for character in characters:
        if character == "%":
            field = next(characters, "")
            if field not in _FIELDS:
                raise failure(18536 if field else 18535, f"Invalid format character '%{field}' in format string")


def format_date(template: str, millis: int, zone: Zone) -> str:
    """A checked ``template`` with its ``%`` fields filled in for an instant seen in ``zone``."""
    offset = zone.offset(millis)
    days, rest = divmod(millis + offset, DAY)
    return _FIELD.sub(lambda match: _FIELDS[match[1]](days, rest, offset), template)


def _four_digits(year: int) -> str:
    if not 0 <= year <= 9999:
        raise failure(
            18537, f"Could not convert date to string: date component was outside the supported range of 0-9999: {year}"
        )
    return f"{year:04}"


def _offset_text(offset: int) -> str:
    hours, minutes = divmod(abs(offset) // MINUTE, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}{minutes:02}"


def _day_of_year(days: int) -> int:
    return days - days_from_civil(civil_from_days(days)[0], 1, 1) + 1


_FIELDS: dict[str, Callable[[int, int, int], str]] = {
    "%": lambda days, rest, offset: "%",
    "Y": lambda days, rest, offset: _four_digits(civil_from_days(days)[0]),
    "m": lambda days, rest, offset: f"{civil_from_days(days)[1]:02}",
    "d": lambda days, rest, offset: f"{civil_from_days(days)[2]:02}",
    "b": lambda days, rest, offset: MONTHS[civil_from_days(days)[1] - 1][:3],
    "B": lambda days, rest, offset: MONTHS[civil_from_days(days)[1] - 1],
    "H": lambda days, rest, offset: f"{clock(rest)[0]:02}",
    "M": lambda days, rest, offset: f"{clock(rest)[1]:02}",
    "S": lambda days, rest, offset: f"{clock(rest)[2]:02}",
    "L": lambda days, rest, offset: f"{clock(rest)[3]:03}",
    "j": lambda days, rest, offset: f"{_day_of_year(days):03}",
    "w": lambda days, rest, offset: str(iso_weekday(days) % 7 + 1),
    "u": lambda days, rest, offset: str(iso_weekday(days)),
    "U": lambda days, rest, offset: f"{(_day_of_year(days) + 6 - iso_weekday(days) % 7) // 7:02}",
    "V": lambda days, rest, offset: f"{iso_week(days)[1]:02}",
    "G": lambda days, rest, offset: _four_digits(iso_week(days)[0]),
    "z": lambda days, rest, offset: _offset_text(offset),
    "Z": lambda days, rest, offset: str(int(offset / MINUTE)),
}
