from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunbox.documents.query import sphere
from yunbox.documents.query.match import compile_filter
from yunbox.errors import QueryError


def point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


SQUARE = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]
HOLE = [[4.0, 4.0], [6.0, 4.0], [6.0, 6.0], [4.0, 6.0]]
LINE = {"type": "LineString", "coordinates": [[1, 1], [9, 9]]}


@pytest.mark.parametrize(
    ("value", "condition", "matches"),
    [
        (point(5, 5), {"$geoWithin": {"$geometry": polygon(SQUARE)}}, True),
        (point(0, 0), {"$geoWithin": {"$geometry": polygon(SQUARE)}}, True),
        (point(11, 5), {"$geoWithin": {"$geometry": polygon(SQUARE)}}, False),
        (point(-175, -5), {"$geoWithin": {"$geometry": polygon(SQUARE)}}, False),
        (point(5, 5), {"$geoWithin": {"$geometry": polygon(SQUARE, HOLE)}}, False),
        (LINE, {"$geoWithin": {"$geometry": polygon(SQUARE)}}, True),
        (LINE, {"$geoWithin": {"$geometry": polygon(SQUARE, HOLE)}}, False),
        (LINE, {"$geoIntersects": {"$geometry": polygon(SQUARE, HOLE)}}, True),
        (polygon(HOLE), {"$geoWithin": {"$geometry": polygon(SQUARE)}}, True),
        (polygon(SQUARE), {"$geoWithin": {"$geometry": polygon(HOLE)}}, False),
        (polygon(SQUARE), {"$geoIntersects": {"$geometry": polygon(HOLE)}}, True),
        (polygon(SQUARE), {"$geoIntersects": {"$geometry": point(5, 5)}}, True),
        (polygon(SQUARE, HOLE), {"$geoIntersects": {"$geometry": point(5, 5)}}, False),
        (LINE, {"$geoIntersects": {"$geometry": {"type": "LineString", "coordinates": [[1, 9], [9, 1]]}}}, True),
        (LINE, {"$geoIntersects": {"$geometry": {"type": "LineString", "coordinates": [[20, 9], [29, 1]]}}}, False),
        (
            {"type": "GeometryCollection", "geometries": [point(50, 50), LINE]},
            {"$geoIntersects": {"$geometry": polygon(HOLE)}},
            True,
        ),
        (point(179.5, 0), {"$geoWithin": {"$geometry": polygon([[179, -1], [-179, -1], [-179, 1], [179, 1]])}}, True),
        (point(-179.5, 0), {"$geoWithin": {"$geometry": polygon([[179, -1], [-179, -1], [-179, 1], [179, 1]])}}, True),
        (point(0, 0), {"$geoWithin": {"$geometry": polygon([[179, -1], [-179, -1], [-179, 1], [179, 1]])}}, False),
        # A parallel is no great circle: the edge at 60° north bulges to the pole.
        (point(45, 60.5), {"$geoWithin": {"$geometry": polygon([[0, 50], [90, 50], [90, 60], [0, 60]])}}, True),
        ([5, 5], {"$geoWithin": {"$box": [[0, 0], [10, 10]]}}, True),
        ([[50, 50], [5, 5]], {"$geoWithin": {"$box": [[0, 0], [10, 10]]}}, True),
        ({"x": 5, "y": 5}, {"$within": {"$box": [[0, 0], [10, 10]]}}, True),
        ([3, 4], {"$geoWithin": {"$center": [[0, 0], 5]}}, True),
        ([3, 4.01], {"$geoWithin": {"$center": [[0, 0], 5]}}, False),
        ([5, 1], {"$geoWithin": {"$polygon": [[0, 0], [10, 0], [5, 5]]}}, True),
        ([5, 6], {"$geoWithin": {"$polygon": [[0, 0], [10, 0], [5, 5]]}}, False),
        ([1, 0], {"$geoWithin": {"$centerSphere": [[0, 0], math.radians(1.01)]}}, True),
        (point(0, 1.1), {"$geoWithin": {"$centerSphere": [[0, 0], math.radians(1.01)]}}, False),
        ("x", {"$geoWithin": {"$box": [[0, 0], [10, 10]]}}, False),
        ({"type": "Point"}, {"$geoWithin": {"$box": [[0, 0], [10, 10]]}}, False),
        (point(0, 1), {"$near": {"$geometry": point(0, 0), "$maxDistance": 112_000}}, True),
        (point(0, 1), {"$near": {"$geometry": point(0, 0), "$maxDistance": 111_000}}, False),
        (point(0, 1), {"$near": {"$geometry": point(0, 0), "$minDistance": 112_000}}, False),
        ([0, 1], {"$nearSphere": [0, 0], "$maxDistance": 0.02}, True),
        ([3, 4], {"$near": [0, 0], "$maxDistance": 4.9}, False),
    ],
)
def test_conditions(value: Any, condition: Any, matches: bool) -> None:
    assert compile_filter({"a.b": condition})({"a": {"b": value}}) is matches


def test_near_measures_and_orders() -> None:
    matcher = compile_filter({"at": {"$near": {"$geometry": point(116.4, 39.9)}}, "kind": "city"})
    documents: list[dict[str, Any]] = [
        {"name": "shanghai", "kind": "city", "at": point(121.47, 31.23)},
        {"name": "tianjin", "kind": "city", "at": point(117.2, 39.08)},
        {"name": "nowhere", "kind": "city"},
    ]
    near = matcher.near
    assert near is not None
    assert [document["name"] for document in near.ordered(d for d in documents if matcher(d))] == [
        "tianjin",
        "shanghai",
    ]
    assert near.distance(documents[0]) == pytest.approx(1_068_000, rel=0.01)
    assert near.distance(documents[2]) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"$geoWithin": 5},
        {"$geoWithin": {}},
        {"$geoWithin": {"$circle": []}},
        {"$geoWithin": {"$geometry": point(0, 0)}},
        {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 0]]]}}},
        {"$geoWithin": {"$geometry": polygon([[0, 0], [10, 10], [10, 0], [0, 10]])}},
        {"$geoWithin": {"$geometry": polygon(HOLE, SQUARE)}},
        {"$geoWithin": {"$geometry": polygon(SQUARE, [[0, 0], [10, 0], [5, 5]])}},
        {"$geoWithin": {"$geometry": polygon(SQUARE, [[0, 2], [5, 5], [0, 8]])}},
        {"$geoWithin": {"$geometry": {"type": "Ring", "coordinates": []}}},
        {"$geoWithin": {"$center": [[0, 0], -1]}},
        {"$geoWithin": {"$centerSphere": [[0, 200], 1]}},
        {"$geoWithin": {"$polygon": [[0, 0], [1, 1]]}},
        {"$geoWithin": {"$box": [[0, "x"], [1, 1]]}},
        {"$geoIntersects": {"$box": [[0, 0], [1, 1]]}},
        {"$geoIntersects": {"$geometry": {"type": "Point", "coordinates": [181, 0]}}},
        {"$near": {}},
        {"$near": {"$geometry": point(0, 0), "$far": 1}},
        {"$near": {"$geometry": LINE}},
        {"$near": [0, 0], "$maxDistance": -1},
        {"$near": [0, 0], "$eq": 1},
        {"$not": {"$near": [0, 0]}},
        {"$elemMatch": {"$near": [0, 0]}},
    ],
)
def test_refused_conditions(condition: Any) -> None:
    with pytest.raises(QueryError) as caught:
        compile_filter({"a": condition})
    assert caught.value.number == 2


def test_one_near_at_the_top() -> None:
    near = {"$near": [0, 0]}
    for filter in ({"a": near, "b": near}, {"$or": [{"a": near}, {"b": 1}]}, {"a": near, "$text": {"$search": "x"}}):
        with pytest.raises(QueryError):
            compile_filter(filter)
    assert compile_filter({"$and": [{"a": near}]}).near is not None


POINTS = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(POINTS, POINTS, POINTS)
def test_distance_is_a_metric(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    assert sphere.distance(a, b) == pytest.approx(sphere.distance(b, a), abs=1e-7)
    assert sphere.distance(a, c) <= sphere.distance(a, b) + sphere.distance(b, c) + 1e-7
    assert 0 <= sphere.distance(a, b) <= math.pi
