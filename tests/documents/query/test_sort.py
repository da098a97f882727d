from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from yunbox.documents.query.distinct import distinct_values
from yunbox.documents.query.paging import check_limit, check_skip
from yunbox.documents.query.sort import compile_sort, meta_fields, normalize_sort
from yunbox.documents.query.values import compare, sort_key
from yunbox.errors import QueryError

from .samples import VALUES


@pytest.mark.parametrize(
    ("values", "spec", "order"),
    [
        ([3, 1, 2], {"a": 1}, [1, 2, 3]),
        ([3, 1, 2], {"a": -1}, [3, 2, 1]),
        ([[2, 9], 5, [1, 10]], {"a": 1}, [[1, 10], [2, 9], 5]),
        ([[2, 9], 5, [1, 10]], {"a": -1}, [[1, 10], [2, 9], 5]),
        ([1, None, [], "x", True, {}], {"a": 1}, [[], None, 1, "x", {}, True]),
        (["b", "a", 1.5, 1], {"a": 1}, [1, 1.5, "a", "b"]),
    ],
)
def test_sort_by_one_field(values: list[Any], spec: Any, order: list[Any]) -> None:
    documents = [{"a": value} for value in values]
    assert [document["a"] for document in sorted(documents, key=compile_sort(spec))] == order


def test_missing_sorts_as_null_and_sorting_is_stable() -> None:
    documents: list[dict[str, Any]] = [{"_id": 1, "a": None}, {"_id": 2}, {"_id": 3, "a": None}, {"_id": 4, "a": -1}]
    assert [document["_id"] for document in sorted(documents, key=compile_sort({"a": 1}))] == [1, 2, 3, 4]
    assert [document["_id"] for document in sorted(documents, key=compile_sort({"a": -1}))] == [4, 1, 2, 3]


def test_several_keys_and_paths_through_arrays() -> None:
    documents: list[dict[str, Any]] = [
        {"_id": 1, "a": [{"b": 3}, {"b": 1}], "c": 1},
        {"_id": 2, "a": {"b": 1}, "c": 2},
        {"_id": 3, "a": [{"x": 1}], "c": 1},
    ]
    assert [d["_id"] for d in sorted(documents, key=compile_sort([("a.b", 1), ("c", -1)]))] == [3, 2, 1]
    assert [d["_id"] for d in sorted(documents, key=compile_sort({"c": 1, "a.b": -1}))] == [1, 3, 2]


@given(st.lists(VALUES, max_size=6))
def test_sorted_scalars_are_in_the_order_of_values(values: list[Any]) -> None:
    scalars = [value for value in values if not isinstance(value, list)]
    ordered = sorted(({"a": value} for value in scalars), key=compile_sort({"a": 1}))
    for left, right in pairwise(ordered):
        assert compare(left["a"], right["a"]) <= 0


@pytest.mark.parametrize(
    "spec",
    [
        *({"a": 2}, {"a": 0}, {"a": "asc"}, {"$a": 1}, {"": 1}, {"a": {"x": 1}}, {5: 1}),
        *("ab", 5, ["a"], [["a"]], [("a", 1, 2)], [(1, 1)]),
    ],
)
def test_refused_sorts(spec: Any) -> None:
    with pytest.raises(QueryError):
        normalize_sort(spec)


def test_normalized() -> None:
    assert normalize_sort({"a": 1.0, "b": Decimal128("-1")}) == [("a", 1), ("b", -1)]
    assert normalize_sort([("a", -1), ("s", {"$meta": "textScore"})]) == [("a", -1), ("s", -1)]
    assert meta_fields({"s": {"$meta": "textScore"}}) == {"s": "textScore"}


def test_distinct() -> None:
    documents: list[dict[str, Any]] = [{"a": 1}, {"a": [1.0, 2, [3]]}, {"a": None}, {}, {"a": [{"b": 1}, {"b": [5]}]}]
    assert distinct_values(documents, "a") == [1, 2, [3], None, {"b": 1}, {"b": [5]}]
    assert distinct_values(documents, "a.b") == [1, 5]
    assert distinct_values([{"a": "x"}, {"a": "X"}], "a", collation={"locale": "en", "strength": 2}) == ["x"]


def test_paging() -> None:
    assert (check_skip(2.7), check_limit(-3), check_limit(None)) == (2, 3, 0)
    assert check_skip(2**63) + check_limit(-(2**70)) < 2**64
    for value in (-1, "x", float("nan")):
        with pytest.raises(QueryError):
            check_skip(value)


@pytest.mark.parametrize(
    ("document", "path", "key"),
    [
        ({"a": [{}]}, "a.0", {}),
        ({"a": [{"0": 5}, 7]}, "a.0", None),
        ({"a": [[3, 1]]}, "a.0", 1),
        ({"a": [1]}, "a.1", None),
        ({"a": [1, {"b": 5}]}, "a.b", None),
        ({"a": [{"b": 5}, {"b": 4}]}, "a.b", 4),
        ({"a": []}, "a.b", None),
    ],
)
def test_a_sort_sees_what_an_index_keeps(document: dict[str, Any], path: str, key: Any) -> None:
    """A number in a path names an element; below elements that are no objects there is null."""
    assert compile_sort({path: 1})(document) == sort_key(key)
