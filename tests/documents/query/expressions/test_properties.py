"""What must hold for any values; a fixed seed keeps the runs alike."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import Decimal128, Int64, ObjectId, Regex

from yunbox.documents.query.expressions import OPERATORS, compile_expression
from yunbox.documents.query.expressions.calendar import civil_from_days, days_from_civil, iso_week, iso_weekday, zone
from yunbox.documents.query.values import MISSING
from yunbox.errors import QueryError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    Int64(5),
    1.5,
    float("nan"),
    float("inf"),
    Decimal128("1.5"),
    Decimal128("NaN"),
    "",
    "text",
    "2024-01-01",
    [],
    [1, "a", None],
    [[1, 2]],
    {},
    {"k": "a", "v": 1},
    EPOCH,
    ObjectId("659202880000000000000000"),
    Regex("a", "i"),
    b"bytes",
    MISSING,
]


def moments(count: int) -> list[datetime]:
    generator = random.Random(11)
    return [EPOCH + timedelta(milliseconds=generator.randrange(-(10**13), 10**14)) for _ in range(count)]


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_odd_operands_give_a_value_or_an_error_of_ours(name: str) -> None:
    generator = random.Random(name)
    for _ in range(150):
        values = [generator.choice(ODD_VALUES) for _ in range(generator.randrange(4))]
        document = {f"v{index}": value for index, value in enumerate(values) if value is not MISSING}
        paths = [f"$v{index}" for index in range(len(values))]
        for operand in (paths, paths[0] if paths else {}, dict(zip(("input", "date", "regex"), paths, strict=False))):
            with suppress(QueryError):
                compile_expression({name: operand})(document, {})


def test_calendar_agrees_with_datetime() -> None:
    for moment in moments(2000):
        days = (moment - EPOCH).days

        assert civil_from_days(days) == (moment.year, moment.month, moment.day)
        assert days_from_civil(moment.year, moment.month, moment.day) == days
        assert iso_week(days) == moment.isocalendar()[:2]
        assert iso_weekday(days) == moment.isoweekday()


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "-03:30"])
def test_local_time_comes_back(name: str) -> None:
    place = zone(name)
    for moment in moments(500):
        millis = (moment - EPOCH) // timedelta(milliseconds=1)
        local = place.local(millis)

        assert place.local(place.utc(local)) == local
        if not name.startswith("-"):
            offset = moment.astimezone(ZoneInfo(name)).utcoffset()
            assert offset is not None
            assert local - millis == offset // timedelta(milliseconds=1)


@pytest.mark.parametrize("unit", ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"])
def test_adding_units_and_counting_them_agree(unit: str) -> None:
    generator = random.Random(unit)
    for moment in moments(200):
        amount = generator.randrange(-50, 50)
        arguments = {"startDate": moment, "unit": unit, "amount": amount, "timezone": "Asia/Shanghai"}
        later = compile_expression({"$dateAdd": arguments})({}, {})
        difference = {"startDate": moment, "endDate": later, "unit": unit, "timezone": "Asia/Shanghai"}
        trunc = compile_expression({"$dateTrunc": {"date": moment, "unit": unit, "binSize": 3}})({}, {})

        assert compile_expression({"$dateDiff": difference})({}, {}) == amount
        assert trunc <= moment


def test_text_of_a_date_reads_back() -> None:
    for moment in moments(300):
        text = compile_expression({"$toString": moment})({}, {})

        assert compile_expression({"$toDate": text})({}, {}) == moment.replace(
            microsecond=moment.microsecond // 1000 * 1000
        )


def test_integer_arithmetic_is_exact_within_a_long() -> None:
    generator = random.Random(3)
    for _ in range(500):
        left, right = generator.randrange(-(2**40), 2**40), generator.randrange(-(2**20), 2**20) or 1
        document = {"a": left, "b": right}

        assert compile_expression({"$add": ["$a", "$b"]})(document, {}) == left + right
        assert compile_expression({"$multiply": ["$a", "$b"]})(document, {}) == left * right
        quotient = compile_expression({"$trunc": {"$divide": ["$a", "$b"]}})(document, {})
        remainder = compile_expression({"$mod": ["$a", "$b"]})(document, {})
        assert quotient * right + remainder == left
