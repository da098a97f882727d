from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from yunbox.documents.query.values import (
    MISSING,
    UNDEFINED,
    compare,
    date_millis,
    equal,
    from_millis,
    is_truthy,
    sort_key,
    type_name,
)

from .samples import VALUES

# From small to large; the values of one row are equal.
ORDER: list[list[Any]] = [
    [MinKey()],
    [MISSING, UNDEFINED],
    [None],
    [math.nan, Decimal128("NaN")],
    [-math.inf, Decimal128("-Infinity")],
    [-(2**63)],
    [-1, -1.0, Int64(-1), Decimal128("-1.00")],
    [0, 0.0, -0.0, Decimal128("-0")],
    [Decimal128("0.1")],
    [0.1],
    [2**53, float(2**53)],
    [2**53 + 1, Decimal128("9007199254740993")],
    [2**63 - 1],
    [2.0**63],
    [math.inf],
    [""],
    ["10"],
    ["9"],
    ["a"],
    ["a\0"],
    ["é"],
    ["中"],
    ["😀"],
    [{}],
    [{"a": None}],
    [{"a": 1}, {"a": 1.0}],
    [{"a": 1, "b": 0}],
    [{"b": 0, "a": 0}],
    [{"b": 1}],
    [{"a": "x"}],
    [[]],
    [[None]],
    [[1]],
    [[1, 1]],
    [["x"]],
    [[[]]],
    [b""],
    [Binary(b"", 5)],
    [b"\xff"],
    [b"aa"],
    [ObjectId("0" * 24)],
    [ObjectId("f" * 24)],
    [False],
    [True],
    [datetime(1960, 1, 1, tzinfo=UTC)],
    [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1)],
    [DatetimeMS(2**60)],
    [Timestamp(1, 1)],
    [Timestamp(1, 2)],
    [Regex("a")],
    [Regex("a", "i")],
    [Regex("b")],
    [Code("f")],
    [Code("f", {"a": 1})],
    [MaxKey()],
]


def test_order_of_all_types() -> None:
    for position, row in enumerate(ORDER):
        for value in row:
            for other_position, other_row in enumerate(ORDER):
                for other in other_row:
                    expected = (position > other_position) - (position < other_position)
                    assert compare(value, other) == expected, (value, other)


def test_equal_values_make_equal_dictionary_keys() -> None:
    for row in ORDER:
        assert len({sort_key(value) for value in row}) == 1, row


@given(VALUES, VALUES, VALUES)
def test_order_is_total_and_transitive(a: Any, b: Any, c: Any) -> None:
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0
    assert equal(a, b) == (compare(a, b) == 0)
    if equal(a, b):
        assert hash(sort_key(a)) == hash(sort_key(b))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "int"),
        (2**31, "long"),
        (Int64(1), "long"),
        (1.0, "double"),
        (math.nan, "double"),
        (Decimal128("1"), "decimal"),
        (True, "bool"),
        ("x", "string"),
        (None, "null"),
        (MISSING, "missing"),
        (UNDEFINED, "undefined"),
        ({}, "object"),
        ([], "array"),
        (b"x", "binData"),
        (ObjectId(), "objectId"),
        (datetime(2020, 1, 1, tzinfo=UTC), "date"),
        (DatetimeMS(2**60), "date"),
        (Regex("a"), "regex"),
        (Timestamp(1, 1), "timestamp"),
        (Code("f"), "javascript"),
        (Code("f", {}), "javascriptWithScope"),
        (MinKey(), "minKey"),
        (MaxKey(), "maxKey"),
    ],
)
def test_type_names(value: Any, name: str) -> None:
    assert type_name(value) == name


@pytest.mark.parametrize("value", [None, MISSING, UNDEFINED, False, 0, 0.0, -0.0, Int64(0), Decimal128("0")])
def test_false_values(value: Any) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, -1, math.nan, "", "0", [], {}, b"", Decimal128("NaN")])
def test_true_values(value: Any) -> None:
    assert is_truthy(value)


@pytest.mark.parametrize(
    "millis", [0, -1, 1_600_000_000_123, -62_135_596_800_000, 253_402_300_799_999, 2**62, -(2**62)]
)
def test_dates_by_milliseconds(millis: int) -> None:
    assert date_millis(from_millis(millis)) == millis


@given(st.integers(-(2**40), 2**42) | st.integers(-2, 2).map(lambda near: 2**31 * 1000 + near))
def test_dates_are_exact_to_the_millisecond(millis: int) -> None:
    assert from_millis(millis) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)


def test_what_a_document_cannot_hold() -> None:
    with pytest.raises(TypeError, match="a document cannot hold a set"):
        sort_key({1, 2})
