"""Stages against plain Python over random documents; a fixed seed keeps the runs alike."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

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
