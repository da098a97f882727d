from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId, Regex

from yunbox.protocols.mpserverless import values

WHEN = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wire", "stored"),
    [
        ("2023-11-14T22:13:20.123Z", WHEN),
        ("2023-13-14T22:13:20.123Z", "2023-13-14T22:13:20.123Z"),
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ("2023-11-14T22:13:20.123+00", "2023-11-14T22:13:20.123+00"),
        ("２０23-11-14T22:13:20.123Z", "２０23-11-14T22:13:20.123Z"),
        ("/x/i", "/x/i"),
        ({"a": [{"b": "2023-11-14T22:13:20.123Z"}]}, {"a": [{"b": WHEN}]}),
        ([1, 1.5, True, None, ""], [1, 1.5, True, None, ""]),
        ([2**63 - 1, 2**63, -(2**63) - 1], [2**63 - 1, float(2**63), -float(2**63)]),
    ],
)
def test_exact_iso_texts_become_dates(wire: Any, stored: Any) -> None:
    assert values.decode(wire) == stored


@pytest.mark.parametrize(
    ("stored", "wire"),
    [
        (WHEN, "2023-11-14T22:13:20.123Z"),
        (datetime(7, 1, 2, tzinfo=UTC), "0007-01-02T00:00:00.000Z"),
        (ObjectId("6b010b5788d702d2edc5eddd"), "6b010b5788d702d2edc5eddd"),
        (1.0, 1),
        (1.5, 1.5),
        (1e300, 1e300),
        (float("nan"), None),
        (float("inf"), None),
        (Int64(7), 7),
        (Decimal128("1.5"), 1.5),
        (Binary(b"\x01\xff"), {"type": "Buffer", "data": [1, 255]}),
        (Regex("a+", "i"), "/a+/i"),
        ({"a": [{"when": WHEN}]}, {"a": [{"when": "2023-11-14T22:13:20.123Z"}]}),
    ],
)
def test_results_are_plain_json(stored: Any, wire: Any) -> None:
    encoded = values.encode(stored)
    assert encoded == wire
    assert type(encoded) is type(wire)


def test_hidden_keys_are_left_out_at_every_depth() -> None:
    document = {"_id": "1", "_openid": "o", "joined": [{"_openid": "o", "n": 1}]}
    assert values.encode(document, hide=("_openid",)) == {"_id": "1", "joined": [{"n": 1}]}
