"""No pipeline takes more memory or time than it may, whatever it makes inside one document."""

from __future__ import annotations

import time
from typing import Any

import pytest

from yunbox.documents.query import effort
from yunbox.documents.query.effort import weight
from yunbox.errors import QueryError

from .memory import Memory, aggregate

Document = dict[str, Any]

AGAIN = ["$v"] * 16
"""Makes a document sixteen times as large without taking memory: all parts are one."""
MILLION = {"$range": [0, 1_000_000]}
SOME = [{"_id": number, "t": "x" * 1000, "next": number + 1} for number in range(200)]


def number_of(pipeline: list[Document], documents: list[Document], **options: Any) -> int:
    with pytest.raises(QueryError) as refused:
        aggregate(pipeline, documents, Memory({"main": SOME, "big": SOME * 100}), **options)
    return refused.value.number


@pytest.mark.parametrize(
    ("pipeline", "number"),
    [
        ([{"$project": {"v": AGAIN}}] * 12, 10334),
        ([{"$addFields": {"v": AGAIN}}] * 12, 10334),
        ([{"$replaceWith": {"v": ["$$ROOT", "$$ROOT"]}}] * 40, 10334),
        ([{"$group": {"_id": None, "v": {"$push": {"v": AGAIN}}}}] * 12, 292),
        ([{"$project": {"v": {"$range": [0, 10_000_000]}}}], 146),
        ([{"$project": {"v": {"$concatArrays": [MILLION] * 7}}}], 146),
        ([{"$project": {"v": {"$zip": {"inputs": [MILLION] * 7}}}}], 146),
        ([{"$project": {"v": {"$concat": ["$text"] * 20}}}], 146),
        ([{"$project": {"v": {"$replaceAll": {"input": "$text", "find": "x", "replacement": "x" * 40}}}}], 146),
        ([{"$lookup": {"from": "big", "pipeline": [], "as": "all"}}], 4568),
        ([{"$lookup": {"from": "main", "pipeline": [{"$set": {"v": {"$range": [0, 100]}}}, {"$unwind": "$v"}], "as": "all"}}], 4568),
    ],
)  # fmt: skip
def test_what_grows_beyond_a_document_is_refused(pipeline: list[Document], number: int) -> None:
    assert number_of(pipeline, [{"_id": 1, "v": 1, "text": "x" * 1_000_000}], max_memory_bytes=2**22) == number


def test_a_facet_and_a_graph_are_bounded() -> None:
    facet = {"$facet": {"a": [{"$project": {"v": {"$range": [0, 1000]}}}, {"$unwind": "$v"}]}}
    assert number_of([facet], SOME, max_memory_bytes=400_000) == 4031700
    graph = {"from": "main", "startWith": 0, "connectFromField": "next", "connectToField": "_id", "as": "all"}
    assert number_of([{"$graphLookup": graph}], [{}], max_memory_bytes=20_000) == 40099


def test_windows_hold_only_so_much_together() -> None:
    source = [{"_id": number} for number in range(5000)]
    output = {"all": {"$push": "$_id", "window": {"documents": ["unbounded", "current"]}}}
    assert number_of([{"$setWindowFields": {"sortBy": {"_id": 1}, "output": output}}], source) == 5414201


def test_one_group_that_cannot_be_divided_is_refused() -> None:
    group = {"$group": {"_id": None, "all": {"$push": "$t"}}}
    assert number_of([group], SOME, max_memory_bytes=20_000) == 292
    assert number_of([group], SOME, max_memory_bytes=20_000, allow_disk_use=True) == 146


def test_groups_that_outgrow_their_partition_are_divided_again() -> None:
    source = [{"_id": number, "k": number % 1000} for number in range(3000)]
    pipeline = [{"$group": {"_id": "$k", "n": {"$sum": 1}}}]

    spilled = aggregate(pipeline, source, max_memory_bytes=4000, allow_disk_use=True)

    assert sorted(spilled, key=str) == sorted(aggregate(pipeline, source), key=str)


def test_the_clock_is_looked_at_within_a_document() -> None:
    nested: Any = 1
    for name in ("a", "b", "c", "d"):
        nested = {"$map": {"input": {"$range": [0, 1000]}, "as": name, "in": nested}}
    started = time.monotonic()

    def check() -> None:
        if time.monotonic() - started > 0.2:
            raise QueryError("operation exceeded time limit", number=50, name="MaxTimeMSExpired")

    with effort.watched(check):
        assert number_of([{"$project": {"v": nested}}], [{}]) == 50


def test_a_process_that_grows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "GROWTH_BYTES", 20 * 2**20)
    hoard = {
        "$map": {
            "input": {"$range": [0, 300]},
            "in": {"v": {"$map": {"input": {"$range": [0, 100_000]}, "in": "$$this"}}},
        }
    }
    with effort.watched(None):
        assert number_of([{"$project": {"v": hoard}}], [{}]) == 146


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a": "text", "b": [1, 2, {"c": "d"}]}, {"a": ["é"] * 10}])
def test_weight_is_never_above_the_size_in_bson(value: Document) -> None:
    import bson

    assert weight(value) <= len(bson.encode(value))
