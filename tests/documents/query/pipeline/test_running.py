"""What a pipeline tells the store, and how it keeps its limits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from yunbox.documents.query.pipeline import compile_pipeline
from yunbox.errors import QueryError

from .memory import Document, Memory, aggregate


def compiled(*stages: Document, **options: Any) -> Any:
    return compile_pipeline(stages, collection="main", **options)


def test_leading_matches_are_offered_as_one_filter() -> None:
    pipeline = compiled({"$match": {"a": 1}}, {"$match": {"b": 2}}, {"$sort": {"c": -1}}, {"$skip": 2}, {"$limit": 3})
    rest = pipeline.without_leading_match()

    assert pipeline.leading_match() == {"$and": [{"a": 1}, {"b": 2}]}
    assert rest.leading_match() is None
    assert rest.leading_sort() == [("c", -1)]
    assert rest.without_leading_sort().leading_limit() == 5


def test_a_match_that_reads_variables_stays() -> None:
    pipeline = compiled({"$match": {"$expr": {"$eq": ["$a", "$$x"]}}}, let={"x": 1})

    assert pipeline.leading_match() is None
    assert list(pipeline.run([{"a": 1}, {"a": 2}], Memory({}))) == [{"a": 1}]


@pytest.mark.parametrize(
    ("stages", "filter"),
    [
        ([{"$sort": {"b": 1}}, {"$match": {"a": 1}}], {"a": 1}),
        ([{"$set": {"b.c": 1}}, {"$unwind": "$d"}, {"$match": {"a.x": 1}}], {"a.x": 1}),
        ([{"$project": {"a": 1}}, {"$match": {"a.x": 1}}], {"a.x": 1}),
        ([{"$project": {"b": 0}}, {"$match": {"a.x": 1}}], {"a.x": 1}),
        ([{"$project": {"a.y": 1}}, {"$match": {"a.x": 1}}], None),
        ([{"$project": {"a": "$b"}}, {"$match": {"a": 1}}], None),
        ([{"$set": {"a.c": 1}}, {"$match": {"a.x": 1}}], None),
        ([{"$limit": 1}, {"$match": {"a": 1}}], None),
        ([{"$group": {"_id": "$a"}}, {"$match": {"_id": 1}}], None),
        ([{"$sort": {"b": 1}}, {"$match": {"$expr": {"$eq": ["$$ROOT", 1]}}}], None),
    ],
)
def test_a_match_moves_before_stages_that_leave_its_fields_alone(
    stages: list[Document], filter: Document | None
) -> None:
    assert compiled(*stages).leading_match() == filter


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"$group": {"_id": "$a", "n": {"$sum": "$b.c"}}}], {"a", "b.c"}),
        ([{"$match": {"$or": [{"x": 1}, {"$expr": {"$gt": ["$y", 1]}}]}}, {"$count": "n"}], {"x", "y"}),
        ([{"$project": {"a": 1, "t": "$a.b"}}], {"_id", "a"}),
        ([{"$project": {"a": {"c": {"d": "$x"}}}}], {"_id", "a", "x"}),
        ([{"$project": {"a.c": {"$add": ["$y", 1]}, "_id": 0}}], {"a", "y"}),
        ([{"$sort": {"d": 1}}, {"$project": {"_id": 0, "a": 1}}], {"a", "d"}),
        ([{"$addFields": {"a": 1}}], None),
        ([{"$group": {"_id": "$$ROOT"}}], None),
        ([{"$project": {"a": 0}}], None),
        ([{"$group": {"_id": [f"${letter}" for letter in "abcdefghi"]}}], None),
        ([{"$unwind": "$t"}, {"$sortByCount": "$t.k"}], {"t"}),
        ([{"$lookup": {"from": "o", "localField": "k", "foreignField": "k", "as": "j"}}, {"$count": "n"}], {"k"}),
    ],
)
def test_dependencies(stages: list[Document], expected: set[str] | None) -> None:
    assert compiled(*stages).dependencies() == expected


def test_other_collections_and_writes_are_named() -> None:
    pipeline = compiled(
        {"$lookup": {"from": "a", "pipeline": [{"$unionWith": "b"}], "as": "x"}},
        {"$merge": "c"},
    )

    assert pipeline.collections() == {"a", "b", "c"}
    assert pipeline.writes
    assert compiled({"$documents": []}).generates


def test_results_are_streamed() -> None:
    def source() -> Iterator[Document]:
        yield {"a": 1}
        raise AssertionError("read too far")

    results = compiled({"$match": {"a": 1}}, {"$set": {"b": 2}}, {"$limit": 1}).run(source(), Memory({}))

    assert next(results) == {"a": 1, "b": 2}


def test_check_can_cancel_a_run() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise QueryError("operation exceeded time limit", number=50, name="MaxTimeMSExpired")

    endless = ({"a": number} for number in iter(int, 1))
    with pytest.raises(QueryError, match="time limit"):
        list(compiled({"$group": {"_id": "$a"}}).run(endless, Memory({}), check=check))


LARGE = [{"_id": number, "k": number % 300, "text": "x" * 50} for number in random.Random(7).sample(range(3000), 3000)]
BLOCKING = [
    [{"$sort": {"k": 1, "_id": 1}}],
    [{"$group": {"_id": "$k", "n": {"$sum": 1}, "ids": {"$push": "$_id"}, "first": {"$first": "$_id"}}}],
    [{"$setWindowFields": {"partitionBy": "$k", "sortBy": {"_id": 1}, "output": {"n": {"$documentNumber": {}}}}}],
]


@pytest.mark.parametrize("pipeline", BLOCKING)
def test_memory_limit_is_an_error_or_a_spill(pipeline: list[Document]) -> None:
    with pytest.raises(QueryError) as raised:
        aggregate(pipeline, LARGE, max_memory_bytes=40_000)
    spilled = aggregate(pipeline, LARGE, max_memory_bytes=40_000, allow_disk_use=True)

    assert raised.value.number == 292
    key = str if "$group" in pipeline[0] else None
    expected = aggregate(pipeline, LARGE)
    assert (sorted(spilled, key=str) == sorted(expected, key=str)) if key else spilled == expected


def test_groups_on_disk_keep_missing_values_and_collation() -> None:
    source = [{"k": "abABcC"[number % 6], "v": number} if number % 7 else {"k": "a"} for number in range(600)]
    outputs = {"all": {"$push": "$v"}, "last": {"$last": "$v"}, "set": {"$addToSet": "$k"}, "max": {"$max": "$v"}}
    pipeline: list[Document] = [{"$group": {"_id": "$k", **outputs}}]
    collation = {"locale": "en", "strength": 2}

    spilled = aggregate(pipeline, source, collation=collation, max_memory_bytes=60_000, allow_disk_use=True)

    assert sorted(spilled, key=str) == sorted(aggregate(pipeline, source, collation=collation), key=str)
    assert len(spilled) == 3


def test_now_is_fixed_for_a_run() -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)

    assert aggregate([{"$project": {"t": "$$NOW"}}], [{"_id": 1}], now=moment) == [{"_id": 1, "t": moment}]
    first, second = aggregate([{"$project": {"t": "$$NOW"}}], [{}, {}])
    assert first == second


def test_top_k_equals_sort_then_limit() -> None:
    top = aggregate([{"$sort": {"k": -1}}, {"$limit": 20}], LARGE)

    assert top == aggregate([{"$sort": {"k": -1}}], LARGE)[:20]


def test_collation_reaches_groups_and_comparisons() -> None:
    pipeline = [{"$group": {"_id": "$a", "same": {"$sum": {"$cond": [{"$eq": ["$a", "X"]}, 1, 0]}}}}]

    assert aggregate(pipeline, [{"a": "x"}, {"a": "X"}], collation={"locale": "en", "strength": 2}) == [
        {"_id": "x", "same": 2}
    ]
