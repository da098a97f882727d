from __future__ import annotations

import copy
from typing import Any

import pytest
from bson import Decimal128

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.project import compile_projection
from yunbox.errors import QueryError

DOCUMENT = {
    "_id": 1,
    "a": 1,
    "b": {"c": 2, "d": {"e": 3, "f": 4}},
    "list": [1, 2, 3, 4],
    "items": [{"x": 1, "y": 1}, {"x": 2}, 7, [{"x": 3}]],
}

PROJECTIONS: list[tuple[Any, Any]] = [
    ({}, DOCUMENT),
    ({"a": 1}, {"_id": 1, "a": 1}),
    ({"a": True, "_id": 0}, {"a": 1}),
    ({"_id": 1}, {"_id": 1}),
    ({"b.d.e": 1}, {"_id": 1, "b": {"d": {"e": 3}}}),
    ({"b": {"d": {"e": 1}}}, {"_id": 1, "b": {"d": {"e": 3}}}),
    ({"a.x": 1}, {"_id": 1}),
    ({"items.x": 1}, {"_id": 1, "items": [{"x": 1}, {"x": 2}, [{"x": 3}]]}),
    ({"a": 0, "b": 0, "items": 0}, {"_id": 1, "list": [1, 2, 3, 4]}),
    ({"_id": 0, "b": 0, "items": 0, "list": False}, {"a": 1}),
    ({"items.x": 0, "b": 0, "list": 0}, {"_id": 1, "a": 1, "items": [{"y": 1}, {}, 7, [{}]]}),
    ({"b.d": 0, "list": 0, "items": 0}, {"_id": 1, "a": 1, "b": {"c": 2}}),
    ({"list": {"$slice": 2}, "b": 0, "items": 0}, {"_id": 1, "a": 1, "list": [1, 2]}),
    ({"list": {"$slice": -1}, "a": 1}, {"_id": 1, "a": 1, "list": [4]}),
    ({"list": {"$slice": Decimal128("-1.9")}, "a": 1}, {"_id": 1, "a": 1, "list": [4]}),
    ({"list": {"$slice": float("nan")}, "a": 1}, {"_id": 1, "a": 1, "list": []}),
    ({"list": {"$slice": Decimal128("1E99")}, "a": 1}, {"_id": 1, "a": 1, "list": [1, 2, 3, 4]}),
    ({"list": {"$slice": [1, 2]}, "_id": 0, "a": 1}, {"a": 1, "list": [2, 3]}),
    ({"list": {"$slice": [-3, 2]}, "a": 1}, {"_id": 1, "a": 1, "list": [2, 3]}),
    ({"list": {"$slice": ["$list", 1]}}, {"_id": 1, "list": [1]}),
    ({"items": {"$elemMatch": {"x": {"$gt": 1}}}}, {"_id": 1, "items": [{"x": 2}]}),
    ({"list": {"$elemMatch": {"$gt": 9}}, "a": 1}, {"_id": 1, "a": 1}),
    ({"n": {"$add": ["$a", 1]}, "s": "$b.c", "_id": 0}, {"n": 2, "s": 2}),
    ({"a": 1, "k": {"$literal": 0}}, {"_id": 1, "a": 1, "k": 0}),
    ({"nothing": 1}, {"_id": 1}),
]


@pytest.mark.parametrize(("projection", "expected"), PROJECTIONS)
def test_projections(projection: Any, expected: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    assert compile_projection(projection)(document) == expected
    assert document == DOCUMENT


@pytest.mark.parametrize(
    ("filter", "projection", "document", "expected"),
    [
        ({"a": {"$gt": 1}}, {"a.$": 1}, {"a": [1, 2, 3]}, {"a": [2]}),
        ({"a.b": 2}, {"a.$": 1}, {"a": [{"b": 1}, {"b": 2, "c": 3}]}, {"a": [{"b": 2, "c": 3}]}),
        ({"a.b": 2}, {"a.b.$": 1}, {"a": [{"b": 1}, {"b": 2, "c": 3}]}, {"a": [{"b": 2}]}),
        ({"x.a": 3}, {"x.a.$": 1}, {"x": {"a": [1, 3], "k": 1}}, {"x": {"a": [3]}}),
    ],
)
def test_positional(filter: Any, projection: Any, document: Any, expected: Any) -> None:
    assert compile_projection(projection, filter_matcher=compile_filter(filter))(document) == expected


ERRORS: list[tuple[Any, int]] = [
    ({"a": 1, "b": 0}, 31254),
    ({"a": 0, "b": 1}, 31253),
    ({"a": 1, "a.b": 1}, 31250),
    ({"a.b": 1, "a": 1}, 31250),
    ({"a": {}}, 51270),
    ({"a..b": 1}, 15998),
    ({"a.": 1}, 40353),
    ({"": 1}, 40352),
    ({"$a": 1}, 16410),
    ({"a.$.b": 1}, 31394),
    ({"a.$": 1, "b.$": 1}, 31276),
    ({"a.$": 0}, 31395),
    ({"a.$": 1, "b": {"$elemMatch": {}}}, 31255),
    ({"a": {"$elemMatch": 1}}, 31274),
    ({"a.b": {"$elemMatch": {"x": 1}}}, 31275),
    ({"a": {"$slice": [1, 0]}}, 28724),
    ({"a": {"$meta": "textScore"}}, 40218),
    ({"a": {"$meta": "x"}}, 17308),
]


@pytest.mark.parametrize(("projection", "number"), ERRORS)
def test_refused_projections(projection: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_projection(projection)
    assert caught.value.number == number


def test_positional_without_a_match() -> None:
    project = compile_projection({"a.$": 1}, filter_matcher=compile_filter({"b": 1}))
    with pytest.raises(QueryError) as caught:
        project({"a": [1], "b": 1})
    assert caught.value.number == 51246


def test_metadata_and_variables() -> None:
    matcher = compile_filter({"$text": {"$search": "milk"}})
    project = compile_projection({"score": {"$meta": "textScore"}}, filter_matcher=matcher)
    assert project({"a": "milk"}) == {"a": "milk", "score": 1.1}
    assert compile_projection({"n": "$$limit"}, variables={"limit": 4})({"a": 1}) == {"n": 4}
