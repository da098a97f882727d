"""$dateAdd $dateSubtract $dateDiff $dateTrunc: calendar units in a time zone."""

from __future__ import annotations

from typing import Any

from bson import Int64

from ..values import type_name
from .building import nullish
from .calendar import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    WEEK,
    Zone,
    civil_from_days,
    date_of,
    days_from_civil,
    days_in_month,
    is_date,
    iso_weekday,
    millis_of,
)
from .dates import date_arguments, zone_of
from .failures import failure
from .numbers import LONG_MAX, as_int64
from .registry import Document, Evaluate, Variables, fold, operator
from .scope import Scope

MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}
MILLIS_IN = {"week": WEEK, "day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": 1}
_LOCAL_UNITS = frozenset({"week", "day"})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_DAYS = {name[:3]: number for number, name in enumerate(_DAYS, 1)}
WEEKDAYS = {name: number for number, name in enumerate(_DAYS, 1)} | _SHORT_DAYS


def unit_of(name: str, value: Any) -> str:
    """The validated name of a time unit."""
    if not isinstance(value, str):
        raise failure(5439013, f"{name} requires 'unit' to be a string, but got {type_name(value)}")
    if value not in MONTHS_IN and value not in MILLIS_IN:
        raise failure(9, f"unknown time unit value: {value}")
    return value


def add_units(millis: int, unit: str, amount: int, zone: Zone) -> int:
    """``millis`` moved by whole units; days and longer keep the wall clock, months end at the month's last day."""
    if unit in MONTHS_IN:
        return zone.utc(_add_months(zone.local(millis), amount * MONTHS_IN[unit]))
    if unit in _LOCAL_UNITS:
        return zone.utc(zone.local(millis) + amount * MILLIS_IN[unit])
    return millis + amount * MILLIS_IN[unit]


def _add_months(local: int, months: int) -> int:
    days, rest = divmod(local, DAY)
    year, month, day = civil_from_days(days)
    index = year * 12 + month - 1 + months
    year, month = index // 12, index % 12 + 1
    return days_from_civil(year, month, min(day, days_in_month(year, month))) * DAY + rest


def _register_shift(name: str, direction: int) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        known = ("startDate", "unit", "amount", "timezone")
        arguments = date_arguments(name, operand, known, scope, (5166400, 5166401))
        if not {"startDate", "unit", "amount"} <= arguments.keys():
            raise failure(5166402, f"{name} requires startDate, unit, and amount to be present")

        def evaluate(document: Document, variables: Variables) -> Any:
            start, unit, amount = (arguments[key](document, variables) for key in ("startDate", "unit", "amount"))
            zone = zone_of(name, arguments.get("timezone"), document, variables)
            if zone is None or nullish(start) or nullish(unit) or nullish(amount):
                return None
            return _shift(name, start, unit, amount, direction, zone)

        return fold(evaluate, arguments.values())


def _shift(name: str, start: Any, unit: Any, amount: Any, direction: int, zone: Zone) -> Any:
    if not is_date(start):
        raise failure(5166403, f"{name} requires startDate to be convertible to a date")
    if not isinstance(unit, str):
        raise failure(5166404, f"{name} expects string defining the time unit")
    its_unit = unit_of(name, unit)
    count = as_int64(amount)
    if count is None:
        raise failure(5166405, f"{name} expects integer amount of time units")
    if abs(count) * (MONTHS_IN[its_unit] * 28 * DAY if its_unit in MONTHS_IN else MILLIS_IN[its_unit]) > LONG_MAX:
        raise failure(5976500, f"invalid {name} 'amount' parameter value: {count} {its_unit}")
    return date_of(add_units(millis_of(start), its_unit, direction * count, zone), name)


_register_shift("$dateAdd", 1)
_register_shift("$dateSubtract", -1)


def _given(
    name: str, arguments: dict[str, Evaluate], document: Document, variables: Variables
) -> tuple[dict[str, Any], Zone] | None:
    """What is to be compared or cut, and the time zone; ``None`` when any of it is null, but for a week's first day that
    does not matter.
    """
    values = {key: arguments[key](document, variables) for key in arguments if key != "timezone"}
    zone = zone_of(name, arguments.get("timezone"), document, variables)
    relevant = {key: value for key, value in values.items() if key != "startOfWeek" or values["unit"] == "week"}
    if zone is None or any(nullish(value) for value in relevant.values()):
        return None
    return values, zone


@operator("$dateDiff")
def build_date_diff(operand: Any, scope: Scope) -> Evaluate:
    """The number of unit boundaries between two dates."""
    name = "$dateDiff"
    known = ("startDate", "endDate", "unit", "timezone", "startOfWeek")
    arguments = date_arguments(name, operand, known, scope, (5166301, 5166302))
    for key, number in (("startDate", 5166303), ("endDate", 5166304), ("unit", 5166305)):
        if key not in arguments:
            raise failure(number, f"Missing '{key}' parameter to {name}")

    def evaluate(document: Document, variables: Variables) -> Any:
        given = _given(name, arguments, document, variables)
        if given is None:
            return None
        values, zone = given
        for key in ("startDate", "endDate"):
            if not is_date(values[key]):
                raise failure(5166307, f"{name} requires '{key}' to be a date, but got {type_name(values[key])}")
        unit = unit_of(name, values["unit"])
        first_day = week_start(name, values.get("startOfWeek", "sunday")) if unit == "week" else 7
        return Int64(difference(millis_of(values["startDate"]), millis_of(values["endDate"]), unit, zone, first_day))

    return fold(evaluate, arguments.values())


def week_start(name: str, value: Any) -> int:
    """1 (Monday) to 7 (Sunday) for the name of a weekday."""
    if not isinstance(value, str):
        raise failure(5439015, f"{name} requires 'startOfWeek' to be a string, but got {type_name(value)}")
    number = WEEKDAYS.get(value.lower())
    if number is None:
        raise failure(9, f"{name} parameter 'startOfWeek' value cannot be recognized as a day of a week: {value}")
    return number


def difference(start: int, end: int, unit: str, zone: Zone, first_day: int) -> int:
    """Boundaries of ``unit`` crossed from ``start`` to ``end``."""
    if unit in MONTHS_IN:
        return _month_index(zone.local(end)) // MONTHS_IN[unit] - _month_index(zone.local(start)) // MONTHS_IN[unit]
    if unit == "week":
        return _week_index(zone.local(end), first_day) - _week_index(zone.local(start), first_day)
    if unit == "day":
        return zone.local(end) // DAY - zone.local(start) // DAY
    size = MILLIS_IN[unit]
    return (end + zone.offset(end) % size) // size - (start + zone.offset(start) % size) // size


def _month_index(local: int) -> int:
    year, month, _ = civil_from_days(local // DAY)
    return year * 12 + month - 1


def _week_index(local: int, first_day: int) -> int:
    return (local // DAY + 4 - first_day) // 7


@operator("$dateTrunc")
def build_date_trunc(operand: Any, scope: Scope) -> Evaluate:
    """The start of the bin of ``binSize`` units that a date falls in; bins are counted from 2000-01-01."""
    name = "$dateTrunc"
    known = ("date", "unit", "binSize", "timezone", "startOfWeek")
    arguments = date_arguments(name, operand, known, scope, (5439007, 5439008))
    for key, number in (("date", 5439009), ("unit", 5439010)):
        if key not in arguments:
            raise failure(number, f"Missing '{key}' parameter to {name}")

    def evaluate(document: Document, variables: Variables) -> Any:
        given = _given(name, arguments, document, variables)
        if given is None:
            return None
        values, zone = given
        if not is_date(values["date"]):
            raise failure(5439012, f"{name} requires 'date' to be a date, but got {type_name(values['date'])}")
        unit = unit_of(name, values["unit"])
        size = _bin_size(values.get("binSize", 1))
        first_day = week_start(name, values.get("startOfWeek", "sunday")) if unit == "week" else 7
        return date_of(truncate(millis_of(values["date"]), unit, size, zone, first_day), name)

    return fold(evaluate, arguments.values())


def _bin_size(value: Any) -> int:
    size = as_int64(value)
    if size is None:
        raise failure(
            5439017,
            f"$dateTrunc requires 'binSize' to be a 64-bit integer, but got value '{value}' of type {type_name(value)}",
        )
    if size <= 0:
        raise failure(5439018, f"$dateTrunc requires 'binSize' to be greater than 0, but got value {size}")
    return size


_REFERENCE_DAY = days_from_civil(2000, 1, 1)
_REFERENCE_MONTH = 2000 * 12


def truncate(millis: int, unit: str, size: int, zone: Zone, first_day: int) -> int:
    """The start of the bin of ``size`` units that contains ``millis``."""
    local = zone.local(millis)
    if unit in MONTHS_IN:
        width = size * MONTHS_IN[unit]
        index = _REFERENCE_MONTH + (_month_index(local) - _REFERENCE_MONTH) // width * width
        return zone.utc(days_from_civil(index // 12, index % 12 + 1, 1) * DAY)
    if unit in _LOCAL_UNITS:
        start = _REFERENCE_DAY + ((first_day - iso_weekday(_REFERENCE_DAY)) % 7 if unit == "week" else 0)
        width = size * (MILLIS_IN[unit] // DAY)
        return zone.utc((start + (local // DAY - start) // width * width) * DAY)
    reference = zone.utc(_REFERENCE_DAY * DAY)
    width = size * MILLIS_IN[unit]
    if width > HOUR or unit == "hour":
        shift = zone.offset(millis) - zone.offset(reference)
        moved = millis + shift
        return reference + (moved - reference) // width * width - shift
    return reference + (millis - reference) // width * width
