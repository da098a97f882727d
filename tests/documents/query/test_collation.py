from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.sort import compile_sort
from yunbox.documents.query.values import equal
from yunbox.errors import QueryError


@pytest.mark.parametrize(
    ("collation", "a", "b", "same"),
    [
        ({"strength": 1}, "résumé", "RESUME", True),
        ({"strength": 2}, "resume", "RESUME", True),
        ({"strength": 2}, "résumé", "resume", False),
        ({"strength": 3}, "a", "A", False),
        ({}, "a", "a", True),
        ({"strength": 1, "caseLevel": True}, "a", "A", False),
        ({"strength": 1, "caseLevel": True}, "e", "é", True),
        ({"strength": 1}, "ｆｕｌｌ", "full", True),
        ({"strength": 1, "numericOrdering": True}, "a01", "a1", True),
        ({"strength": 1, "alternate": "shifted"}, "black-bird", "blackbird", True),
        ({"strength": 1}, "中", "文", False),
    ],
)
def test_equality(collation: dict[str, Any], a: str, b: str, same: bool) -> None:
    compiled = compile_collation({"locale": "en", **collation})
    assert equal(a, b, compiled) is same
    assert compile_filter({"x": a}, collation={"locale": "en", **collation})({"x": [b]}) is same


@pytest.mark.parametrize(
    ("collation", "order"),
    [
        ({}, ["21", "100", "a", "A", "á", "b", "B", "z"]),
        ({"caseFirst": "upper"}, ["21", "100", "A", "a", "á", "B", "b", "z"]),
        ({"numericOrdering": True}, ["21", "100", "a", "A", "á", "b", "B", "z"]),
    ],
)
def test_order(collation: dict[str, Any], order: list[str]) -> None:
    if not collation.get("numericOrdering"):
        order = ["100", "21", *order[2:]]
    documents = [{"x": text} for text in sorted(order)]
    key = compile_sort({"x": 1}, {"locale": "en", **collation})
    assert [document["x"] for document in sorted(documents, key=key)] == order


@pytest.mark.parametrize(
    ("collation", "order"),
    [
        ({"locale": "zh"}, ["1", "安", "北", "陈", "张", "赵", "a", "B"]),
        ({"locale": "en"}, ["_", "-", ".", "a", "安", "陈"]),
        ({"locale": "fr_CA", "strength": 2, "backwards": True}, ["cote", "côte", "coté", "côté"]),
        ({"locale": "fr", "strength": 2}, ["cote", "coté", "côte", "côté"]),
    ],
)
def test_languages(collation: dict[str, Any], order: list[str]) -> None:
    key = compile_sort({"x": 1}, collation)
    assert [document["x"] for document in sorted([{"x": text} for text in sorted(order)], key=key)] == order


def test_shifted_punctuation_counts_at_strength_four() -> None:
    shifted = {"locale": "en", "alternate": "shifted"}
    assert equal("a-b", "ab", compile_collation({**shifted, "strength": 3}))
    assert not equal("a-b", "ab", compile_collation({**shifted, "strength": 4}))
    assert equal("a b", "ab", compile_collation({**shifted, "maxVariable": "space"}))
    assert not equal("a-b", "ab", compile_collation({**shifted, "maxVariable": "space"}))


def test_everywhere_in_a_filter() -> None:
    collation = {"locale": "en", "strength": 1}
    for condition in (
        {"$in": ["CAT"]},
        {"$gte": "CAT", "$lte": "CAT"},
        {"$all": ["CAT"]},
        {"$elemMatch": {"$eq": "CAT"}},
        {"$not": {"$eq": "dog"}},
    ):
        assert compile_filter({"x": condition}, collation=collation)({"x": ["cat"]})
    assert compile_filter({"x": {"y": "CAT"}}, collation=collation)({"x": {"y": "cat"}})
    assert not compile_filter({"x": {"$regex": "CAT"}}, collation=collation)({"x": "cat"})


def test_simple_is_none() -> None:
    assert compile_collation({"locale": "simple"}) is None
    assert compile_collation(None) is None
    assert compile_collation({}) is None
    compiled = compile_collation({"locale": "zh"})
    assert compile_collation(compiled) is compiled


@pytest.mark.parametrize(
    "spec",
    [
        {"strength": 1},
        {"locale": 5},
        {"locale": "!"},
        {"locale": "abcd"},
        {"locale": "en", "strength": 9},
        {"locale": "en", "strength": 0.9},
        {"locale": "en", "caseFirst": "bad"},
        {"locale": "en", "alternate": "none"},
        {"locale": "en", "maxVariable": "all"},
        {"locale": "en", "backwards": "0"},
        {"locale": "en", "x": 1},
        5,
    ],
)
def test_refused(spec: Any) -> None:
    with pytest.raises(QueryError):
        compile_collation(spec)


def test_some_locales_compare_code_points_and_a_strength_loses_its_fraction() -> None:
    assert compile_collation({"locale": "simple"}) is None
    assert compile_collation({"locale": "en_US_POSIX", "strength": 1}) is None
    assert compile_filter({"x": "a"}, collation={"locale": "en", "strength": 1.93})({"x": "Á"})
