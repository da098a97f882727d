"""Stages by table: pipeline, documents, result; and pipeline, error number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from bson import Code

from yunbox.documents.query.pipeline import IndexStatistics, compile_pipeline
from yunbox.errors import QueryError

from .memory import Document, Memory, aggregate

PEOPLE: list[Document] = [
    {"_id": 1, "name": "Ann", "age": 31, "tags": ["a", "b"]},
    {"_id": 2, "name": "Bo", "age": 25, "tags": []},
    {"_id": 3, "name": "Cy", "age": 31},
]
Case = tuple[list[Document], list[Document], list[Document]]

SHAPING: list[Case] = [
    ([{"$project": {"name": 1, "_id": 0}}, {"$limit": 1}], PEOPLE, [{"name": "Ann"}]),
    ([{"$project": {"n": {"$toUpper": "$name"}}}, {"$skip": 2}], PEOPLE, [{"_id": 3, "n": "CY"}]),
    ([{"$project": {"a.b": 1}}], [{"a": [{"b": 1, "c": 2}, 3]}], [{"a": [{"b": 1}]}]),
    ([{"$project": {"a": {"b": 0}}}], [{"a": [{"b": 1, "c": 2}, 3]}], [{"a": [{"c": 2}, 3]}]),
    ([{"$project": {"a": {"x": "$n"}}}], [{"a": [{"b": 1}, 3], "n": 5}], [{"a": [{"x": 5}, {"x": 5}]}]),
    ([{"$project": {"_id": 0, "x": "$$REMOVE"}}], [{"_id": 1, "x": 1}], [{}]),
    ([{"$set": {"a.b": 1}}], [{"a": 5}, {"a": {"c": 2}}], [{"a": {"b": 1}}, {"a": {"c": 2, "b": 1}}]),
    ([{"$addFields": {"a": {"b": "$a.c"}}}], [{"a": {"c": 2}}], [{"a": {"c": 2, "b": 2}}]),
    ([{"$unset": ["a", "b.c"]}], [{"a": 1, "b": {"c": 1, "d": 2}}], [{"b": {"d": 2}}]),
    ([{"$replaceRoot": {"newRoot": {"$mergeObjects": [{"n": 0}, "$d"]}}}], [{"d": {"x": 1}}], [{"n": 0, "x": 1}]),
    ([{"$replaceWith": "$d"}], [{"d": {"x": 1}}], [{"x": 1}]),
    (
        [{"$redact": {"$cond": [{"$eq": ["$secret", True]}, "$$PRUNE", "$$DESCEND"]}}],
        [{"a": {"secret": True}, "b": [{"secret": True}, {"c": 1}, 2]}, {"secret": True}],
        [{"b": [{"c": 1}, 2]}],
    ),
]

SELECTING: list[Case] = [
    ([{"$match": {"age": {"$gt": 30}, "$expr": {"$lt": ["$_id", 2]}}}, {"$project": {"_id": 1}}], PEOPLE, [{"_id": 1}]),
    ([{"$sort": {"age": 1, "_id": -1}}, {"$project": {"_id": 1}}], PEOPLE, [{"_id": 2}, {"_id": 3}, {"_id": 1}]),
    ([{"$sort": {"age": -1}}, {"$skip": 1}, {"$limit": 1}, {"$project": {"_id": 1}}], PEOPLE, [{"_id": 3}]),
    ([{"$unwind": "$tags"}, {"$project": {"tags": 1}}], PEOPLE, [{"_id": 1, "tags": "a"}, {"_id": 1, "tags": "b"}]),
    (
        [{"$unwind": {"path": "$t", "includeArrayIndex": "i", "preserveNullAndEmptyArrays": True}}],
        [{"t": [7]}, {"t": []}, {"t": 8}, {}],
        [{"t": 7, "i": 0}, {"i": None}, {"t": 8, "i": None}, {"i": None}],
    ),
    ([{"$count": "n"}], PEOPLE, [{"n": 3}]),
    ([{"$count": "n"}], [], []),
]

GROUPING: list[Case] = [
    (
        [{"$group": {"_id": "$age", "n": {"$sum": 1}, "first": {"$first": "$name"}, "all": {"$push": "$name"}}}],
        PEOPLE,
        [{"_id": 31, "n": 2, "first": "Ann", "all": ["Ann", "Cy"]}, {"_id": 25, "n": 1, "first": "Bo", "all": ["Bo"]}],
    ),
    (
        [{"$group": {"_id": None, "mean": {"$avg": "$age"}, "n": {"$count": {}}}}],
        PEOPLE,
        [{"_id": None, "mean": 29.0, "n": 3}],
    ),
    ([{"$group": {"_id": "$x"}}], [{"x": 1}, {"x": 1.0}, {}, {"x": None}], [{"_id": 1}, {"_id": None}]),
    (
        [{"$group": {"_id": 0, "top": {"$topN": {"n": 2, "sortBy": {"age": -1, "_id": -1}, "output": "$_id"}}}}],
        PEOPLE,
        [{"_id": 0, "top": [3, 1]}],
    ),
    ([{"$sortByCount": "$age"}], PEOPLE, [{"_id": 31, "count": 2}, {"_id": 25, "count": 1}]),
    (
        [{"$bucket": {"groupBy": "$age", "boundaries": [0, 30, 100]}}],
        PEOPLE,
        [{"_id": 0, "count": 1}, {"_id": 30, "count": 2}],
    ),
    (
        [{"$bucketAuto": {"groupBy": "$_id", "buckets": 2}}],
        [{"_id": number} for number in range(5)],
        [{"_id": {"min": 0, "max": 3}, "count": 3}, {"_id": {"min": 3, "max": 4}, "count": 2}],
    ),
    (
        [{"$bucketAuto": {"groupBy": "$_id", "buckets": 2, "granularity": "R5"}}],
        [{"_id": number} for number in (1, 5, 20, 40)],
        [{"_id": {"min": 0.63, "max": 6.3}, "count": 2}, {"_id": {"min": 6.3, "max": 63.0}, "count": 2}],
    ),
    (
        [
            {
                "$facet": {
                    "young": [{"$match": {"age": {"$lt": 30}}}, {"$count": "n"}],
                    "names": [{"$project": {"name": 1}}, {"$limit": 1}],
                }
            }
        ],
        PEOPLE,
        [{"young": [{"n": 1}], "names": [{"_id": 1, "name": "Ann"}]}],
    ),
]


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


WINDOWS: list[Case] = [
    (
        [{"$setWindowFields": {"sortBy": {"x": 1}, "output": {"s": {"$sum": "$x", "window": {"documents": [-1, 0]}}}}}],
        [{"x": 3}, {"x": 1}, {"x": 2}],
        [{"x": 1, "s": 1}, {"x": 2, "s": 3}, {"x": 3, "s": 5}],
    ),
    (
        [
            {
                "$setWindowFields": {
                    "partitionBy": "$p",
                    "sortBy": {"x": 1},
                    "output": {"r": {"$rank": {}}, "d": {"$denseRank": {}}},
                }
            }
        ],
        [{"p": 1, "x": 1}, {"p": 1, "x": 1}, {"p": 1, "x": 2}, {"p": 2, "x": 9}],
        [
            {"p": 1, "x": 1, "r": 1, "d": 1},
            {"p": 1, "x": 1, "r": 1, "d": 1},
            {"p": 1, "x": 2, "r": 3, "d": 2},
            {"p": 2, "x": 9, "r": 1, "d": 1},
        ],
    ),
    (
        [{"$setWindowFields": {"sortBy": {"x": -1}, "output": {"r": {"$rank": {}}, "d": {"$denseRank": {}}}}}],
        [{"x": None}, {"x": None}, {}, {"x": 2}, {"x": 2.0}],
        [
            {"x": 2, "r": 1, "d": 1},
            {"x": 2.0, "r": 1, "d": 1},
            {"x": None, "r": 3, "d": 2},
            {"x": None, "r": 3, "d": 2},
            {"r": 5, "d": 3},
        ],
    ),
    (
        [
            {
                "$setWindowFields": {
                    "sortBy": {"t": 1},
                    "output": {"n": {"$count": {}, "window": {"range": [-1, 0], "unit": "day"}}},
                }
            }
        ],
        [{"t": day(1)}, {"t": day(2)}, {"t": day(4)}],
        [{"t": day(1), "n": 1}, {"t": day(2), "n": 2}, {"t": day(4), "n": 1}],
    ),
    (
        [
            {
                "$setWindowFields": {
                    "sortBy": {"x": 1},
                    "output": {"p": {"$shift": {"output": "$x", "by": -1, "default": 0}}},
                }
            }
        ],
        [{"x": 1}, {"x": 2}],
        [{"x": 1, "p": 0}, {"x": 2, "p": 1}],
    ),
    (
        [{"$setWindowFields": {"sortBy": {"x": 1}, "output": {"c": {"$covariancePop": ["$x", "$y"]}}}}],
        [{"x": 1, "y": 2}, {"x": 3, "y": 6}],
        [{"x": 1, "y": 2, "c": 2.0}, {"x": 3, "y": 6, "c": 2.0}],
    ),
    (
        [
            {
                "$setWindowFields": {
                    "sortBy": {"x": 1},
                    "output": {"i": {"$integral": {"input": "$y"}, "window": {"documents": ["unbounded", "current"]}}},
                }
            }
        ],
        [{"x": 0, "y": 0}, {"x": 2, "y": 2}],
        [{"x": 0, "y": 0, "i": 0.0}, {"x": 2, "y": 2, "i": 2.0}],
    ),
    (
        [{"$densify": {"field": "x", "range": {"step": 2, "bounds": "full"}}}],
        [{"x": 0}, {"x": 5}],
        [{"x": 0}, {"x": 2}, {"x": 4}, {"x": 5}],
    ),
    (
        [
            {
                "$densify": {
                    "field": "t",
                    "partitionByFields": ["p"],
                    "range": {"step": 1, "unit": "day", "bounds": "partition"},
                }
            }
        ],
        [{"p": 1, "t": day(1)}, {"p": 1, "t": day(3)}, {"p": 2, "t": day(9)}],
        [{"p": 1, "t": day(1)}, {"p": 1, "t": day(2)}, {"p": 1, "t": day(3)}, {"p": 2, "t": day(9)}],
    ),
    (
        [
            {
                "$fill": {
                    "sortBy": {"x": 1},
                    "output": {"y": {"method": "linear"}, "z": {"method": "locf"}, "w": {"value": 0}},
                }
            }
        ],
        [{"x": 0, "y": 0, "z": 1}, {"x": 1}, {"x": 2, "y": 4}],
        [{"x": 0, "y": 0, "z": 1, "w": 0}, {"x": 1, "y": 2.0, "z": 1, "w": 0}, {"x": 2, "y": 4, "z": 1, "w": 0}],
    ),
]


@pytest.mark.parametrize(("pipeline", "documents", "expected"), [*SHAPING, *SELECTING, *GROUPING, *WINDOWS])
def test_result(pipeline: list[Document], documents: list[Document], expected: list[Document]) -> None:
    assert aggregate(pipeline, documents) == expected


def test_documents_are_not_changed() -> None:
    document = {"_id": 1, "a": {"b": [1, 2]}}

    aggregate([{"$unwind": "$a.b"}, {"$set": {"a.b": 0, "c": 1}}, {"$unset": "a"}], [document])

    assert document == {"_id": 1, "a": {"b": [1, 2]}}


ERRORS: list[tuple[list[Document], int]] = [
    ([{"$nope": 1}], 40324),
    ([{"$match": {}, "$limit": 1}], 40323),
    ([{"$match": 1}], 15959),
    ([{"$unset": Code("a")}], 31002),
    ([{"$unset": [Code("a")]}], 31120),
    ([{"$count": Code("a")}], 40156),
    ([{"$unionWith": Code("a")}], 9),
    ([{"$merge": Code("a")}], 51182),
    ([{"$out": Code("a")}], 16990),
    ([{"$limit": 0}], 15958),
    ([{"$limit": "x"}], 5107201),
    ([{"$skip": -1}], 5107200),
    ([{"$sort": {}}], 15976),
    ([{"$sort": {"a": 2}}], 15975),
    ([{"$project": {}}], 51272),
    ([{"$project": {"a": 1, "b": 0}}], 31254),
    ([{"$project": {"a": 0, "b": 1}}], 31253),
    ([{"$project": {"a": 1, "a.b": 1}}], 31250),
    ([{"$group": {"n": {"$sum": 1}}}], 15955),
    ([{"$group": {"_id": 1, "n": {"$nope": 1}}}], 15952),
    ([{"$group": {"_id": 1, "n": 5}}], 40234),
    ([{"$unwind": "a"}], 28818),
    ([{"$sample": {"size": -1}}], 28747),
    ([{"$count": "$a"}], 40158),
    ([{"$out": "x"}, {"$limit": 1}], 40601),
    ([{"$limit": 1}, {"$documents": []}], 40602),
    ([{"$unset": ["a", "b", "a"]}], 31250),
    ([{"$facet": {"a": [{"$out": "x"}]}}], 40600),
    ([{"$facet": {"a": [{"$match": {"$text": {"$search": "x"}}}]}}], 40600),
    ([{"$lookup": {"from": "x"}}], 9),
    (
        [{"$lookup": {"from": "x", "as": "y", "localField": "a", "foreignField": "b", "pipeline": [{"$out": "z"}]}}],
        51047,
    ),
    ([{"$bucket": {"groupBy": "$a", "boundaries": [2, 1]}}], 40194),
    ([{"$merge": {"into": "x", "whenMatched": "nope"}}], 51191),
    ([{"$setWindowFields": {"output": {"a": {"$sum": 1, "window": {"documents": [-1, 1]}}}}}], 5339901),
    ([{"$sort": {"a.": 1}}], 40353),
    ([{"$sort": {"a..b": 1}}], 15998),
    ([{"$project": {"a": "$$KEEP"}}], 17276),
    ([{"$setWindowFields": {"output": {"a": {"$sum": 1}, "a.b": {"$sum": 1}}}}], 6307900),
]


@pytest.mark.parametrize(("pipeline", "number"), ERRORS)
def test_error(pipeline: list[Document], number: int) -> None:
    with pytest.raises(QueryError) as raised:
        aggregate(pipeline)

    assert raised.value.number == number


def test_sample_takes_distinct_documents() -> None:
    documents = [{"_id": number} for number in range(100)]

    sample = aggregate([{"$sample": {"size": 10}}], documents)

    assert len({document["_id"] for document in sample}) == 10


def test_random_order_by_metadata_keeps_every_document() -> None:
    documents = [{"_id": number} for number in range(20)]

    result = aggregate([{"$sort": {"order": {"$meta": "randVal"}}}], documents)

    assert sorted(document["_id"] for document in result) == list(range(20))


def test_documents_and_statistics_need_no_source() -> None:
    memory = Memory({"main": PEOPLE})

    assert aggregate([{"$documents": [{"a": 1}]}]) == [{"a": 1}]
    assert aggregate([{"$collStats": {"count": {}}}], memory=memory) == [{"ns": "main", "count": 3}]


PLACES: list[Document] = [
    {"_id": 1, "at": [0, 0]},
    {"_id": 2, "at": {"type": "Point", "coordinates": [0, 1]}},
    {"_id": 3, "spots": [[5, 5], [0, 0.5]]},
    {"_id": 4},
]
POINT = {"type": "Point", "coordinates": [0, 0]}


def test_nearest_documents_come_first_with_their_distance() -> None:
    stage = {"near": POINT, "key": "at", "distanceField": "d.m", "includeLocs": "d.at", "distanceMultiplier": 0.001}

    first, second = aggregate([{"$geoNear": stage}], PLACES)

    assert first == {"_id": 1, "at": [0, 0], "d": {"m": 0.0, "at": [0, 0]}}
    assert second["d"]["m"] == pytest.approx(111.3, abs=0.1)


def test_distances_on_a_plane_are_limited_and_the_nearest_location_counts() -> None:
    stage = {"near": [0, 0], "key": "spots", "distanceField": "d", "maxDistance": 1}

    assert [document["d"] for document in aggregate([{"$geoNear": stage}], PLACES)] == [0.5]
    assert aggregate([{"$geoNear": {**stage, "minDistance": 0.6}}], PLACES) == []


def test_the_point_and_the_filter_may_be_variables() -> None:
    stage = {"near": "$$from", "key": "at", "distanceField": "d", "query": {"$expr": {"$ne": ["$_id", "$$not"]}}}
    values = {"from": POINT, "not": 1}
    pipeline = compile_pipeline([{"$geoNear": stage}], collection="main", let=values)
    assert [document["_id"] for document in pipeline.run(iter(PLACES), Memory({}))] == [2]
    with pytest.raises(QueryError, match="constant"):
        aggregate([{"$geoNear": {**stage, "near": "$at"}}], PLACES)


def test_the_geo_index_names_the_field() -> None:
    stage = {"near": POINT, "distanceField": "d", "query": {"_id": {"$gt": 1}}}
    memory = Memory({}, [IndexStatistics("at_2dsphere", {"at": "2dsphere"})])

    assert [document["_id"] for document in aggregate([{"$geoNear": stage}], PLACES, memory)] == [2]
    with pytest.raises(QueryError, match="index"):
        aggregate([{"$geoNear": stage}], PLACES)


def test_distance_is_metadata_too() -> None:
    pipeline: list[Document] = [
        {"$geoNear": {"near": POINT, "key": "at", "distanceField": "d"}},
        {"$project": {"same": {"$eq": ["$d", {"$meta": "geoNearDistance"}]}}},
        {"$sort": {"x": {"$meta": "geoNearDistance"}}},
    ]

    assert aggregate(pipeline, PLACES) == [{"_id": 2, "same": True}, {"_id": 1, "same": True}]


def test_documents_are_found_by_the_filters_they_hold() -> None:
    rules: list[Document] = [
        {"_id": 1, "rule": {"age": {"$gte": 18}}},
        {"_id": 2, "rule": {"$or": [{"vip": True}, {"age": 5}]}},
        {"_id": 3},
    ]
    memory = Memory({"guests": [{"age": 5}, {"age": 30}]})

    by_input = aggregate([{"$inverseMatch": {"path": "rule", "input": {"age": 5}}}], rules)
    by_collection = aggregate(
        [{"$inverseMatch": {"path": "rule", "from": "guests", "defaultResult": True}}], rules, memory
    )

    assert [document["_id"] for document in by_input] == [2]
    assert [document["_id"] for document in by_collection] == [1, 2, 3]
