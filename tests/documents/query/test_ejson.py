from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from bson import Binary, Code, Decimal128, Int64, MinKey, ObjectId, Regex, Timestamp
from bson.json_util import CANONICAL_JSON_OPTIONS
from bson.json_util import dumps as reference_dumps
from hypothesis import given

from yunbox.documents.query import ejson
from yunbox.documents.query.update import identical
from yunbox.documents.query.values import UNDEFINED, equal, type_name
from yunbox.errors import QueryError

from .samples import VALUES


@given(VALUES)
def test_storage_round_trip(value: Any) -> None:
    text = ejson.dumps(value)
    loaded = ejson.loads(text)
    assert equal(loaded, value)
    assert type_name(loaded) == type_name(value)
    assert ejson.dumps(loaded) == text
    assert (
        ejson.loads(text.decode()) == loaded
        or not identical(loaded, loaded)
        or equal(ejson.loads(text.decode()), loaded)
    )


@given(VALUES)
def test_plain_form_is_the_stored_form(value: Any) -> None:
    assert orjson.dumps(ejson.to_plain(value)) == orjson.dumps(orjson.loads(ejson.dumps(value)))
    assert equal(ejson.from_plain(ejson.to_plain(value)), value)


def test_what_is_stored_as_a_plain_number_beside_what_is_not() -> None:
    value = {"long": Int64(2**40), "none": math.inf, "look": {"$date": 5}}
    assert ejson.loads(ejson.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, b"5.0"),
        (5, b"5"),
        (Int64(5), b'{"$numberLong":"5"}'),
        (2**40, b"1099511627776"),
        (math.nan, b'{"$numberDouble":"NaN"}'),
        (-math.inf, b'{"$numberDouble":"-Infinity"}'),
        (datetime(2020, 1, 1, tzinfo=UTC), b'{"$date":1577836800000}'),
        (datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), b'{"$date":-1}'),
        ({"$date": 5}, b'{"$esc":{"$date":5}}'),
        ({"$esc": 1}, b'{"$esc":{"$esc":1}}'),
        ({"$date": 5, "x": 1}, b'{"$date":5,"x":1}'),
        ({"$set": 5}, b'{"$set":5}'),
        ('"$date', b'"\\"$date"'),
    ],
)
def test_stored_forms(value: Any, text: bytes) -> None:
    assert ejson.dumps(value) == text
    assert ejson.loads(text) == value or value != value


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ({"$numberInt": "5"}, 5),
        ({"$numberLong": "5"}, Int64(5)),
        ({"$numberLong": 5}, Int64(5)),
        ({"$numberDouble": "2.5"}, 2.5),
        ({"$numberDouble": "-Infinity"}, -math.inf),
        ({"$numberDecimal": "1.10"}, Decimal128("1.10")),
        ({"$date": 0}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"$date": 0.0}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"$date": {"$numberLong": "0"}}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"$date": "1970-01-01T08:00:00.123456+08:00"}, datetime(1970, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)),
        ({"$oid": "5f" * 12}, ObjectId("5f" * 12)),
        ({"$binary": {"base64": "eA==", "subType": "04"}}, Binary(b"x", 4)),
        ({"$binary": "eA==", "$type": "05"}, Binary(b"x", 5)),
        ({"$binary": {"base64": "eA==", "subType": "00"}}, b"x"),
        (
            {"$uuid": "00112233-4455-6677-8899-aabbccddeeff"},
            Binary(bytes.fromhex("00112233445566778899aabbccddeeff"), 4),
        ),
        ({"$regularExpression": {"pattern": "a", "options": "i"}}, Regex("a", "i")),
        ({"$regex": "a", "$options": "i"}, {"$regex": "a", "$options": "i"}),
        ({"$timestamp": {"t": 1, "i": 2}}, Timestamp(1, 2)),
        ({"$minKey": 1}, MinKey()),
        ({"$undefined": True}, UNDEFINED),
        ({"$code": "f", "$scope": {"a": {"$numberInt": "1"}}}, Code("f", {"a": 1})),
        ({"$gt": {"$date": 0}}, {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}),
        ({"$type": "number"}, {"$type": "number"}),
        (2**70, 2.0**70),
    ],
)
def test_what_drivers_send(wire: Any, value: Any) -> None:
    decoded = ejson.from_wire(wire)
    assert decoded == value
    assert type_name(decoded) == type_name(value)


@pytest.mark.parametrize(
    "wire",
    [
        {"$oid": "xyz"},
        {"$oid": None},
        {"$date": "yesterday"},
        {"$date": {}},
        {"$numberInt": "x"},
        {"$numberLong": "9223372036854775808"},
        {"$numberDecimal": "x"},
        {"$binary": {}},
        {"$binary": 5},
        {"$timestamp": {"t": 1}},
        {"$regularExpression": "x"},
    ],
)
def test_broken_wrappers_are_refused(wire: Any) -> None:
    with pytest.raises(QueryError) as caught:
        ejson.from_wire(wire)
    assert caught.value.number == 9


def test_canonical_form_is_the_drivers() -> None:
    value = {
        "i": 1,
        "l": Int64(1),
        "big": 2**40,
        "d": 1.5,
        "n": math.inf,
        "dec": Decimal128("1.1"),
        "o": ObjectId("5f" * 12),
        "t": datetime(2020, 1, 1, tzinfo=UTC),
        "r": Regex("a", "i"),
        "b": Binary(b"x", 4),
        "ts": Timestamp(1, 2),
        "c": Code("f", {"x": 1}),
        "list": [None, True, "x", {"deep": 1}],
    }
    reference = orjson.loads(reference_dumps(value, json_options=CANONICAL_JSON_OPTIONS))
    assert ejson.to_canonical(value) == reference


def test_integers_up_to_64_bits_keep_every_digit() -> None:
    value = {"a": [2**63 - 1, -(2**63), 2**53 + 1, Int64(5)], "d": datetime(2024, 1, 1, tzinfo=UTC)}
    assert ejson.loads(ejson.dumps(value)) == value


def test_limits() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    with pytest.raises(QueryError, match="nested object depth"):
        ejson.from_wire(deep)
    for value in ("\ud800", 2**64, 2**63, [{"a": 2**64 - 1}], -(2**63) - 1, {1: 2}, {"a": object()}):
        with pytest.raises(QueryError, match="cannot be stored"):
            ejson.dumps(value)
