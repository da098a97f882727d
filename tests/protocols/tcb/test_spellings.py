"""What single SDK versions spell differently."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.protocols.tcb.admin.spellings import common_near, common_text

POINT = {"type": "Point", "coordinates": [113.1, 23]}


@pytest.mark.parametrize(
    ("stage", "common"),
    [
        ({"near": {"longitude": 113.1, "latitude": 23}, "key": "loc"}, {"near": POINT, "key": "loc"}),
        ({"near": POINT}, {"near": POINT}),
        ({"near": [113.1, 23]}, {"near": [113.1, 23]}),
        ({"key": "loc"}, {"key": "loc"}),
        ("not a stage", "not a stage"),
    ],
)
def test_near(stage: Any, common: Any) -> None:
    assert common_near(stage) == common


@pytest.mark.parametrize(
    ("query", "common"),
    [
        ({"$text": {"$search": "x", "$language": None}, "a": None}, {"$text": {"$search": "x"}, "a": None}),
        ({"$text": "x"}, {"$text": "x"}),
        ({"a": 1}, {"a": 1}),
        (7, 7),
    ],
)
def test_text(query: Any, common: Any) -> None:
    assert common_text(query) == common
