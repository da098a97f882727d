"""Values on the wire: every way in which the SDKs write them, and the two ways in which they are answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from bson import Decimal128, Int64, ObjectId, Regex

from yunbox.documents.query import ejson
from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.values import Decoder, encode_new, encode_old, new_text, old_text, parse

NOW = 1_700_000_000_000
MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (1, 1),
        (1.5, 1.5),
        (12345678901234567890, 12345678901234567890.0),
        ({"$numberInt": "5"}, 5),
        ({"$numberLong": "1234567890123"}, 1234567890123),
        ({"$numberLong": "5"}, Int64(5)),
        ({"$numberDouble": "1e21"}, 1e21),
        ({"$numberDouble": "-Infinity"}, float("-inf")),
        ({"$date": NOW}, MOMENT),
        ({"$date": {"$numberLong": str(NOW)}}, MOMENT),
        ({"$date": "2023-11-14T22:13:20.000Z"}, MOMENT),
        ({"$date": "2023-11-14T22:13:20"}, MOMENT),
        ({"$date": {"$numberLong": "NaN"}}, None),
        ({"$date": {"offset": 60000}}, MOMENT + timedelta(minutes=1)),
        ({"$date": {"$numberInt": "7"}}, MOMENT + timedelta(milliseconds=7)),
        ({"$tcb_server_date": {"offset": {"$numberInt": "-1000"}}}, MOMENT - timedelta(seconds=1)),
        ({"$tcb_server_date": {}}, MOMENT),
        ({"$regex": "^A", "$options": "gi"}, Regex("^A", "i")),
        ({"$regex": "^A"}, Regex("^A")),
        ({"$regularExpression": {"pattern": "^A", "options": "imuy"}}, Regex("^A", "im")),
        ({"$oid": "5f0000000000000000000001"}, ObjectId("5f0000000000000000000001")),
        ({"a": [None, True, {"$numberInt": "1"}]}, {"a": [None, True, 1]}),
        ({"$gt": {"$date": NOW}}, {"$gt": MOMENT}),
        ({"offset": 7}, {"offset": 7}),
    ],
)
def test_decodes(wire: Any, value: Any) -> None:
    decoded = Decoder(NOW).decode(wire)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    "wire",
    [
        {"$numberInt": "x"},
        {"$numberDouble": "x"},
        {"$numberDouble": []},
        {"$date": "yesterdayT"},
        {"$regularExpression": "x"},
    ],
)
def test_refuses_what_cannot_be_read(wire: Any) -> None:
    with pytest.raises(InvalidRequest):
        Decoder(NOW).decode(wire)


def test_refuses_endless_nesting() -> None:
    value: Any = 1
    for _ in range(300):
        value = [value]
    with pytest.raises(InvalidRequest, match="nested"):
        Decoder(NOW).decode(value)


@pytest.mark.parametrize("text", ["", "{", '{"a":', "\ud800".encode("utf-8", "surrogatepass")])
def test_refuses_malformed_json(text: str | bytes) -> None:
    with pytest.raises(InvalidRequest, match="malformed"):
        parse(text)


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [200, 0]},
        {"type": "Point", "coordinates": [0, {"$numberInt": "91"}]},
        {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "Point", "coordinates": [1]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 100], [1, 1], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [999, 0]]]]},
    ],
)
def test_refuses_to_write_shapes_that_the_sdks_cannot_read_back(shape: Any) -> None:
    with pytest.raises(InvalidRequest, match="coordinates"):
        Decoder(NOW, writing=True).decode({"a": [shape]})
    Decoder(NOW).decode({"a": [shape]})


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [180, -90]},
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "shop", "coordinates": [999, 999]},
        {"type": "Point", "coordinates": "unknown"},
        {"type": "Point", "coordinates": [999, 999], "name": "not GeoJSON"},
        {"type": 5, "coordinates": [999]},
    ],
)
def test_writes_everything_else(shape: Any) -> None:
    assert Decoder(NOW, writing=True).decode(shape) == shape


DOCUMENT = {
    "_id": ObjectId("5f0000000000000000000001"),
    "at": MOMENT,
    "long": Int64(5),
    "nan": float("nan"),
    "decimal": Decimal128("1.5"),
    "list": [Regex("^a", "i"), {"ref": ObjectId("5f0000000000000000000002")}],
    "null": None,
}


def test_old_replies_are_plain_json() -> None:
    expected = {
        "_id": "5f0000000000000000000001",
        "at": {"$date": NOW},
        "long": 5,
        "nan": None,
        "decimal": 1.5,
        "list": [{"$regex": "^a", "$options": "i"}, {"ref": "5f0000000000000000000002"}],
        "null": None,
    }
    assert encode_old(DOCUMENT) == expected
    assert orjson.loads(orjson.dumps(old_text(ejson.dumps(DOCUMENT)))) == expected


def test_new_replies_are_extended_json_with_object_ids_as_strings() -> None:
    plain = orjson.loads(new_text(ejson.dumps(DOCUMENT)))
    assert plain["_id"] == "5f0000000000000000000001"
    assert plain["list"][1] == {"ref": "5f0000000000000000000002"}
    assert plain["at"] == {"$date": NOW}
    assert plain["long"] == {"$numberLong": "5"}
    assert orjson.loads(encode_new(DOCUMENT)) == plain


@pytest.mark.parametrize("value", [{"_id": "a", "at": MOMENT, "文": "值"}, {"_id": 1, "n": [1, 2.5, None]}])
def test_usual_documents_are_answered_as_they_are_stored(value: Any) -> None:
    stored = ejson.dumps(value)
    assert new_text(stored) == stored.decode()
    assert orjson.dumps(old_text(stored)) == stored


def test_a_document_that_looks_like_a_wrapper_comes_back_as_it_was() -> None:
    stored = ejson.dumps({"_id": 1, "a": {"$date": "not a date"}})
    assert orjson.loads(new_text(stored)) == {"_id": 1, "a": {"$date": "not a date"}}
