"""Parts of dates, and dates from parts: $year … $isoWeekYear, $dateToParts, $dateFromParts, and the text forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import Int64

from ..values import MISSING, type_name
from .building import nullish
from .calendar import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    UTC_ZONE,
    Zone,
    civil_from_days,
    clock,
    date_of,
    days_from_civil,
    days_from_iso_week,
    iso_week,
    iso_weekday,
    millis_of,
    zone_argument,
)
from .compiler import compile_in
from .date_formats import check_format, format_date
from .date_parsing import DateSyntaxError, parse_date, parse_with_format
from .failures import failure
from .numbers import as_integer
from .registry import Constant, Document, Evaluate, Variables, fold, operator
from .scope import Scope

Part = Callable[[int, int], Any]
ISO_FORMAT = "%Y-%m-%dT%H:%M:%S.%LZ"


def _day_of_year(days: int) -> int:
    return days - days_from_civil(civil_from_days(days)[0], 1, 1) + 1


def _week(days: int) -> int:
    return (_day_of_year(days) + 6 - iso_weekday(days) % 7) // 7


PARTS: dict[str, Part] = {
    "$year": lambda days, rest: civil_from_days(days)[0],
    "$month": lambda days, rest: civil_from_days(days)[1],
    "$dayOfMonth": lambda days, rest: civil_from_days(days)[2],
    "$dayOfYear": lambda days, rest: _day_of_year(days),
    "$dayOfWeek": lambda days, rest: iso_weekday(days) % 7 + 1,
    "$isoDayOfWeek": lambda days, rest: iso_weekday(days),
    "$week": lambda days, rest: _week(days),
    "$isoWeek": lambda days, rest: iso_week(days)[1],
    "$isoWeekYear": lambda days, rest: Int64(iso_week(days)[0]),
    "$hour": lambda days, rest: rest // HOUR,
    "$minute": lambda days, rest: rest // MINUTE % 60,
    "$second": lambda days, rest: rest // SECOND % 60,
    "$millisecond": lambda days, rest: rest % SECOND,
}


def _register_part(name: str, part: Part) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        date, timezone = _date_and_zone(name, operand, scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            moment = date(document, variables)
            if nullish(moment):
                return None
            zone = zone_of(name, timezone, document, variables, 40533)
            if zone is None:
                return None
            return part(*divmod(zone.local(millis_of(moment)), DAY))

        return fold(evaluate, parts_of(date, timezone))


def parts_of(*parts: Evaluate | None) -> list[Evaluate]:
    """The parts that are there, for constant folding."""
    return [part for part in parts if part is not None]


def zone_of(
    name: str, timezone: Evaluate | None, document: Document, variables: Variables, number: int = 40517
) -> Zone | None:
    """The value of a timezone operand: UTC without one, None when it is null or missing."""
    if timezone is None:
        return UTC_ZONE
    value = timezone(document, variables)
    return None if nullish(value) else zone_argument(name, value, number)


def _date_and_zone(name: str, operand: Any, scope: Scope) -> tuple[Evaluate, Evaluate | None]:
    if isinstance(operand, dict) and not (operand and next(iter(operand)).startswith("$")):
        for key in operand:
            if key not in ("date", "timezone"):
                raise failure(40535, f'unrecognized option to {name}: "{key}"')
        if "date" not in operand:
            raise failure(40539, f"missing 'date' argument to {name}, provided: {name}: {operand}")
        timezone = compile_in(operand["timezone"], scope) if "timezone" in operand else None
        return compile_in(operand["date"], scope), timezone
    if isinstance(operand, list):
        if len(operand) != 1:
            raise failure(40536, f"{name} accepts exactly one argument if given an array, but was given {len(operand)}")
        operand = operand[0]
    return compile_in(operand, scope), None


for _name, _part in PARTS.items():
    _register_part(_name, _part)


def date_arguments(
    name: str, operand: Any, known: tuple[str, ...], scope: Scope, numbers: tuple[int, int]
) -> dict[str, Evaluate]:
    """The compiled named operands of a date operator. ``numbers``: the errors for no object, and an unknown field."""
    if not isinstance(operand, dict):
        raise failure(numbers[0], f"{name} only supports an object as its argument")
    for key in operand:
        if key not in known:
            raise failure(numbers[1], f"Unrecognized argument to {name}: {key}")
    return {key: compile_in(value, scope) for key, value in operand.items()}


@operator("$dateToParts")
def build_to_parts(operand: Any, scope: Scope) -> Evaluate:
    """A date's parts as a document, by calendar or by ISO week."""
    arguments = date_arguments("$dateToParts", operand, ("date", "timezone", "iso8601"), scope, (40524, 40520))
    if "date" not in arguments:
        raise failure(40522, "Missing 'date' argument to $dateToParts")
    iso = arguments.get("iso8601", Constant(False))

    def evaluate(document: Document, variables: Variables) -> Any:
        moment = arguments["date"](document, variables)
        zone = zone_of("$dateToParts", arguments.get("timezone"), document, variables)
        by_week = iso(document, variables)
        if zone is None or nullish(by_week):
            return None
        if not isinstance(by_week, bool):
            raise failure(40521, f"iso8601 must evaluate to a bool, found {type_name(by_week)}")
        return None if nullish(moment) else _parts_document(zone.local(millis_of(moment)), by_week)

    return fold(evaluate, arguments.values())


def _parts_document(local: int, by_week: bool) -> dict[str, int]:
    days, rest = divmod(local, DAY)
    hour, minute, second, milli = clock(rest)
    time = {"hour": hour, "minute": minute, "second": second, "millisecond": milli}
    if by_week:
        year, week = iso_week(days)
        return {"isoWeekYear": year, "isoWeek": week, "isoDayOfWeek": iso_weekday(days), **time}
    year, month, day = civil_from_days(days)
    return {"year": year, "month": month, "day": day, **time}


_CALENDAR = ("year", "month", "day")
_ISO = ("isoWeekYear", "isoWeek", "isoDayOfWeek")
_TIME = ("hour", "minute", "second", "millisecond")


@operator("$dateFromParts")
def build_from_parts(operand: Any, scope: Scope) -> Evaluate:
    """A date from its parts; parts beyond their range carry over."""
    known = (*_CALENDAR, *_ISO, *_TIME, "timezone")
    arguments = date_arguments("$dateFromParts", operand, known, scope, (40519, 40518))
    by_week = "isoWeekYear" in arguments
    if not by_week and "year" not in arguments:
        raise failure(40516, "$dateFromParts requires either 'year' or 'isoWeekYear' to be present")
    for mixed in _CALENDAR if by_week else _ISO:
        if mixed in arguments:
            raise failure(
                40489 if by_week else 40525,
                f"$dateFromParts does not allow mixing natural dates with ISO dates: {mixed}",
            )
    names = (*_TIME, *(_ISO if by_week else _CALENDAR))

    def evaluate(document: Document, variables: Variables) -> Any:
        numbers = []
        for name in names:
            number = _part_number(name, arguments.get(name), document, variables)
            if number is None:
                return None
            numbers.append(number)
        zone = zone_of("$dateFromParts", arguments.get("timezone"), document, variables)
        if zone is None:
            return None
        return date_of(zone.utc(_local_from_parts(numbers, by_week)), "$dateFromParts")

    return fold(evaluate, arguments.values())


def _part_number(name: str, part: Evaluate | None, document: Document, variables: Variables) -> int | None:
    if part is None:
        return 1 if name in ("month", "day", "isoWeek", "isoDayOfWeek") else 0
    value = part(document, variables)
    if nullish(value):
        return None
    number = as_integer(value)
    if number is None:
        raise failure(40515, f"'{name}' must evaluate to an integer, found {type_name(value)} with value :{value}")
    if name in ("year", "isoWeekYear"):
        if not 1 <= number <= 9999:
            raise failure(40523, f"'{name}' must evaluate to an integer in the range 1 to 9999, found {number}")
    elif name not in ("second", "millisecond") and not -32768 <= number <= 32767:
        raise failure(
            31034, f"'{name}' must evaluate to a value in the range [-32768, 32767]; value {number} is not in range"
        )
    return number


def _local_from_parts(numbers: list[int], by_week: bool) -> int:
    hour, minute, seconds, milli, first, second, third = numbers
    days = days_from_iso_week(first, second, third) if by_week else days_from_civil(first, second, third)
    return days * DAY + hour * HOUR + minute * MINUTE + seconds * SECOND + milli


@operator("$dateToString")
def build_to_string(operand: Any, scope: Scope) -> Evaluate:
    """A date as text; ``format`` defaults to ISO 8601."""
    known = ("date", "format", "timezone", "onNull")
    arguments = date_arguments("$dateToString", operand, known, scope, (18629, 18534))
    if "date" not in arguments:
        raise failure(18628, "Missing 'date' parameter to $dateToString")
    pattern = arguments.get("format")
    on_null = arguments.get("onNull", Constant(None))

    def evaluate(document: Document, variables: Variables) -> Any:
        moment = arguments["date"](document, variables)
        template = ISO_FORMAT if pattern is None else pattern(document, variables)
        if not nullish(template):
            if not isinstance(template, str):
                raise failure(18533, f"$dateToString requires that 'format' be a string, found: {type_name(template)}")
            check_format(template)
        zone = zone_of("$dateToString", arguments.get("timezone"), document, variables)
        if nullish(moment):
            return on_null(document, variables)
        if zone is None or nullish(template):
            return None
        return format_date(template, millis_of(moment), zone)

    return fold(evaluate, arguments.values())


@operator("$dateFromString")
def build_from_string(operand: Any, scope: Scope) -> Evaluate:
    """The date that a text stands for."""
    known = ("dateString", "format", "timezone", "onError", "onNull")
    arguments = date_arguments("$dateFromString", operand, known, scope, (40540, 40541))
    if "dateString" not in arguments:
        raise failure(40542, "Missing 'dateString' argument to $dateFromString")
    on_null = arguments.get("onNull", Constant(None))
    on_error = arguments.get("onError")

    def evaluate(document: Document, variables: Variables) -> Any:
        text = arguments["dateString"](document, variables)
        pattern = arguments["format"](document, variables) if "format" in arguments else MISSING
        if not nullish(pattern) and not isinstance(pattern, str):
            raise failure(40684, f"$dateFromString requires that 'format' be a string, found: {type_name(pattern)}")
        zone = zone_of("$dateFromString", arguments.get("timezone"), document, variables)
        if nullish(text):
            return on_null(document, variables)
        try:
            if not isinstance(text, str):
                raise DateSyntaxError(
                    f"$dateFromString requires that 'dateString' be a string, found: {type_name(text)}"
                )
            if zone is None or ("format" in arguments and nullish(pattern)):
                return None
            given = zone if "timezone" in arguments else None
            millis = parse_date(text, given) if pattern is MISSING else parse_with_format(text, str(pattern), given)
        except DateSyntaxError as error:
            if on_error is not None:
                return on_error(document, variables)
            raise failure(241, str(error)) from error
        return date_of(millis, "$dateFromString")

    return fold(evaluate, arguments.values())
