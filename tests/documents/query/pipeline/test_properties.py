"""Stages against plain Python over random documents; a fixed seed keeps the runs alike."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.pipeline import compile_pipeline

from .memory import Document, Memory, aggregate


def documents(seed: int, count: int = 300) -> list[Document]:
    generator = random.Random(seed)
    return [
        {
            "_id": number,
            "k": generator.choice("abc"),
            "n": generator.randrange(100),
            "t": [generator.randrange(5)] * generator.randrange(3),
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_groups(seed: int) -> None:
    sums: dict[str, int] = defaultdict(int)
    source = documents(seed)
    for document in source:
        sums[document["k"]] += document["n"]

    result = aggregate([{"$group": {"_id": "$k", "sum": {"$sum": "$n"}}}], source)

    assert {document["_id"]: document["sum"] for document in result} == dict(sums)


@pytest.mark.parametrize("seed", range(5))
def test_unwound_elements_are_counted(seed: int) -> None:
    source = documents(seed)
    counts = Counter(element for document in source for element in document["t"])

    result = aggregate([{"$unwind": "$t"}, {"$sortByCount": "$t"}], source)

    assert {document["_id"]: document["count"] for document in result} == counts
    assert [document["count"] for document in result] == sorted(counts.values(), reverse=True)


@pytest.mark.parametrize(("lower", "upper"), [(-2, 0), (-1, 3), (1, 2), (-5, -2)])
def test_windows_of_documents(lower: int, upper: int) -> None:
    source = documents(9, 60)
    window = {"documents": [lower, upper]}
    stage = {
        "partitionBy": "$k",
        "sortBy": {"_id": 1},
        "output": {"s": {"$sum": "$n", "window": window}, "l": {"$push": "$_id", "window": window}},
    }

    for document in aggregate([{"$setWindowFields": stage}], source):
        members = [other for other in source if other["k"] == document["k"]]
        place = members.index(next(other for other in members if other["_id"] == document["_id"]))
        seen = members[max(0, place + lower) : max(0, place + upper + 1)]
        assert document["l"] == [other["_id"] for other in seen]
        assert document["s"] == sum(other["n"] for other in seen)


@pytest.mark.parametrize(("lower", "upper"), [(-10, 0), ("current", 5), ("unbounded", 3)])
def test_windows_of_ranges(lower: int | str, upper: int) -> None:
    source = documents(4, 60)
    output = {"l": {"$push": "$_id", "window": {"range": [lower, upper]}}}
    low = {"current": 0, "unbounded": -1000}.get(str(lower), lower)

    for document in aggregate([{"$setWindowFields": {"sortBy": {"n": 1}, "output": output}}], source):
        expected = {other["_id"] for other in source if document["n"] + int(low) <= other["n"] <= document["n"] + upper}
        assert set(document["l"]) == expected


@pytest.mark.parametrize("seed", range(3))
def test_both_forms_of_lookup_agree(seed: int) -> None:
    local, foreign = documents(seed, 40), documents(seed + 50, 40)
    memory = Memory({"other": foreign})
    by_field = {"from": "other", "localField": "n", "foreignField": "n", "as": "found"}
    by_pipeline = {
        "from": "other",
        "let": {"n": "$n"},
        "pipeline": [{"$match": {"$expr": {"$eq": ["$n", "$$n"]}}}],
        "as": "found",
    }

    assert aggregate([{"$lookup": by_field}], local, memory) == aggregate([{"$lookup": by_pipeline}], local, memory)


@pytest.mark.parametrize("buckets", [1, 3, 7])
def test_automatic_buckets_hold_everything_in_order(buckets: int) -> None:
    source = documents(6)

    result = aggregate([{"$bucketAuto": {"groupBy": "$n", "buckets": buckets}}], source)

    assert sum(bucket["count"] for bucket in result) == len(source)
    assert len(result) <= buckets
    for earlier, later in pairwise(result):
        assert earlier["_id"]["max"] == later["_id"]["min"]


def test_a_join_finds_what_a_filter_finds() -> None:
    generator = random.Random(8)
    values: list[Any] = [None, 0, 1, 1.0, "a", [], [1], [1, "a"], [[1]], {"x": 1}, {"b": 1}, True, [None], [{"b": 1}]]

    def document(number: int) -> Document:
        kind = generator.randrange(4)
        if kind == 0:
            return {"_id": number}
        value = generator.choice(values)
        return {"_id": number, "a": value if kind == 1 else {"b": value} if kind == 2 else [{"b": value}, {}]}

    foreign = [document(number) for number in range(80)]
    for path in ("a", "a.b", "a.0"):
        for value in values:
            if isinstance(value, list):
                continue
            lookup = {"from": "f", "localField": "v", "foreignField": path, "as": "found"}
            (result,) = aggregate([{"$lookup": lookup}], [{"v": value}], Memory({"f": foreign}))
            matches = compile_filter({path: {"$eq": value}})
            assert result["found"] == [other for other in foreign if matches(other)], (path, value)


STAGES: list[Document] = [
    {"$match": {"n": {"$gt": 30}}},
    {"$match": {"o.x": {"$lt": 60}, "k": {"$ne": "c"}}},
    {"$match": {"$or": [{"t": 1}, {"n": 5}]}},
    {"$match": {"$expr": {"$gt": ["$n", "$o.x"]}}},
    {"$set": {"n": {"$add": ["$n", 1]}}},
    {"$set": {"o.y": "$n", "z": "$k"}},
    {"$unset": "t"},
    {"$unset": "o.x"},
    {"$project": {"n": 1, "o": 1, "z": {"$concat": ["$k", "!"]}}},
    {"$project": {"k": 0}},
    {"$sort": {"n": -1, "_id": 1}},
    {"$sort": {"o.x": 1, "_id": -1}},
    {"$limit": 25},
    {"$skip": 3},
    {"$unwind": "$t"},
    {"$unwind": {"path": "$t", "includeArrayIndex": "n", "preserveNullAndEmptyArrays": True}},
    {"$lookup": {"from": "f", "localField": "n", "foreignField": "_id", "as": "z"}},
    {"$group": {"_id": "$k", "n": {"$sum": "$n"}, "o": {"$last": "$o"}}},
    {"$project": {"_id": 0, "n": 1}},
]


@pytest.mark.parametrize("seed", range(60))
def test_a_pipeline_gives_what_its_stages_give_one_by_one(seed: int) -> None:
    generator = random.Random(seed)
    source = [{**document, "o": {"x": generator.randrange(100)}} for document in documents(seed, 80)]
    memory = Memory({"f": [{"_id": number} for number in range(0, 100, 7)]})
    pipeline = [generator.choice(STAGES) for _ in range(generator.randrange(2, 7))]

    expected = source
    for stage in pipeline:
        expected = aggregate([stage], expected, memory)

    assert aggregate(pipeline, source, memory) == expected
    paths = compile_pipeline(pipeline, collection="main").dependencies()
    if paths is not None:
        names = {path.split(".", 1)[0] for path in paths}
        pruned = [{name: value for name, value in document.items() if name in names} for document in source]
        assert aggregate(pipeline, pruned, memory) == expected
