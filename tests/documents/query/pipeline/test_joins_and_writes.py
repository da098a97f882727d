"""Stages that read or write other collections."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.query.pipeline import IndexStatistics
from yunbox.errors import QueryError

from .memory import Document, Memory, aggregate

ORDERS: list[Document] = [{"_id": 1, "item": "a", "n": 2}, {"_id": 2, "item": ["a", "b"], "n": 9}, {"_id": 3, "n": 1}]
STOCK: list[Document] = [{"_id": 10, "sku": "a", "left": 5}, {"_id": 11, "sku": "b", "left": 1}, {"_id": 12, "left": 7}]
JOIN = {"from": "stock", "localField": "item", "foreignField": "sku", "as": "s"}


def ids(documents: list[Document], name: str = "s") -> list[list[int]]:
    return [[found["_id"] for found in document[name]] for document in documents]


@pytest.mark.parametrize("indexes", [(), (IndexStatistics("sku_1", {"sku": 1}),)])
def test_lookup_by_equality_with_and_without_an_index(indexes: tuple[IndexStatistics, ...]) -> None:
    result = aggregate([{"$lookup": JOIN}], ORDERS, Memory({"stock": STOCK}, indexes))

    assert ids(result) == [[10], [10, 11], [12]]


def test_lookup_asks_once_for_many_documents() -> None:
    memory = Memory({"stock": STOCK}, [IndexStatistics("sku_1", {"sku": 1})])

    aggregate([{"$lookup": JOIN}], ORDERS * 50, memory)

    assert len(memory.finds) == 1


def test_lookup_with_variables_and_pipeline() -> None:
    stage = {
        "from": "stock",
        "let": {"n": "$n"},
        "pipeline": [{"$match": {"$expr": {"$gte": ["$left", "$$n"]}}}, {"$project": {"left": 1}}],
        "as": "s",
    }

    assert ids(aggregate([{"$lookup": stage}], ORDERS, Memory({"stock": STOCK}))) == [[10, 12], [], [10, 11, 12]]


def test_lookup_with_a_correlated_equality_scans_the_collection_once() -> None:
    memory = Memory({"stock": STOCK})
    stage = {
        "from": "stock",
        "let": {"i": "$item"},
        "pipeline": [{"$match": {"$expr": {"$eq": ["$sku", "$$i"]}}}],
        "as": "s",
    }

    result = aggregate([{"$lookup": stage}], [ORDERS[0]] * 10, memory)

    assert ids(result) == [[10]] * 10
    assert len(memory.finds) == 1


def test_lookup_with_fields_and_pipeline() -> None:
    stage = {**JOIN, "pipeline": [{"$match": {"left": {"$gt": 1}}}]}

    assert ids(aggregate([{"$lookup": stage}], ORDERS, Memory({"stock": STOCK}))) == [[10], [10], [12]]


def test_nested_lookup_sees_outer_variables() -> None:
    inner = {"from": "stock", "pipeline": [{"$match": {"$or": [{"$expr": {"$eq": ["$left", "$$limit"]}}]}}], "as": "t"}
    stage = {"from": "stock", "let": {"limit": "$n"}, "pipeline": [{"$limit": 1}, {"$lookup": inner}], "as": "s"}

    result = aggregate([{"$lookup": stage}], [{"n": 7}], Memory({"stock": STOCK}))

    assert ids(result[0]["s"], "t") == [[12]]


def test_a_nested_lookup_reads_its_collection_once() -> None:
    memory = Memory({"stock": STOCK, "orders": ORDERS})
    inner = {"from": "stock", "localField": "item", "foreignField": "sku", "as": "t"}
    stage = {"from": "orders", "let": {"n": "$n"}, "pipeline": [{"$set": {"n": "$$n"}}, {"$lookup": inner}], "as": "s"}

    result = aggregate([{"$lookup": stage}], [{"n": number} for number in range(10)], memory)

    assert ids(result[9]["s"], "t") == [[10], [10, 11], [12]]
    assert [collection for collection, _ in memory.finds].count("stock") == 1


def test_union_with() -> None:
    result = aggregate(
        [{"$unionWith": {"coll": "stock", "pipeline": [{"$limit": 1}]}}], [{"_id": 0}], Memory({"stock": STOCK})
    )

    assert [document["_id"] for document in result] == [0, 10]


def test_graph_lookup_follows_links_to_a_depth() -> None:
    staff = [{"_id": 1, "n": "a"}, {"_id": 2, "n": "b", "boss": "a"}, {"_id": 3, "n": "c", "boss": "b"}]
    stage = {"from": "staff", "startWith": "$boss", "connectFromField": "boss", "connectToField": "n", "as": "up"}

    everyone = aggregate([{"$graphLookup": stage}], staff, Memory({"staff": staff}))
    near = aggregate([{"$graphLookup": {**stage, "maxDepth": 0, "depthField": "d"}}], staff, Memory({"staff": staff}))

    assert ids(everyone, "up") == [[], [1], [2, 1]]
    assert near[2]["up"] == [{"_id": 2, "n": "b", "boss": "a", "d": 0}]


def test_out_replaces_a_collection() -> None:
    memory = Memory({"target": [{"_id": 0}]})

    assert aggregate([{"$project": {"n": 1}}, {"$out": "target"}], ORDERS, memory) == []
    assert memory.collections["target"] == [{"_id": 1, "n": 2}, {"_id": 2, "n": 9}, {"_id": 3, "n": 1}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [{"_id": 1, "a": 1, "n": 2}, {"_id": 2, "n": 9}]),
        ({"whenMatched": "replace"}, [{"_id": 1, "n": 2}, {"_id": 2, "n": 9}]),
        ({"whenMatched": "keepExisting"}, [{"_id": 1, "a": 1}, {"_id": 2, "n": 9}]),
        ({"whenNotMatched": "discard"}, [{"_id": 1, "a": 1, "n": 2}]),
        (
            {"whenMatched": [{"$set": {"sum": {"$add": ["$a", "$$new.n"]}}}]},
            [{"_id": 1, "a": 1, "sum": 3}, {"_id": 2, "n": 9}],
        ),
    ],
)
def test_merge(options: dict[str, Any], expected: list[Document]) -> None:
    memory = Memory({"target": [{"_id": 1, "a": 1}]})

    aggregate([{"$merge": {"into": "target", **options}}], [{"_id": 1, "n": 2}, {"_id": 2, "n": 9}], memory)

    assert memory.collections["target"] == expected


def test_merge_on_other_fields_needs_a_unique_index() -> None:
    stage = {"$merge": {"into": "target", "on": "k"}}
    memory = Memory({"target": [{"_id": 1, "k": "x"}]}, [IndexStatistics("k_1", {"k": 1}, unique=True)])

    aggregate([stage], [{"_id": 5, "k": "x", "v": 1}], memory)

    assert memory.collections["target"] == [{"_id": 1, "k": "x", "v": 1}]
    with pytest.raises(QueryError, match="unique"):
        aggregate([stage], [{"k": "x"}])


def test_merge_can_refuse_matches() -> None:
    with pytest.raises(QueryError) as raised:
        aggregate([{"$merge": {"into": "t", "whenMatched": "fail"}}], [{"_id": 1}], Memory({"t": [{"_id": 1}]}))

    assert raised.value.number == 11000
