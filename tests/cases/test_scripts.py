"""The script runner itself, and our own scripts through the library."""

from __future__ import annotations

from typing import Any

import pytest

from .own_scripts import BULK, SCRIPTS, Script
from .running import run
from .scripts import fits
from .stored import run_stored

SCRIPT: dict[str, Any] = {
    "kind": "ops",
    "collections": {"coll": [{"_id": 1, "x": 11}, {"_id": 2, "x": 22}]},
    "ops": [
        {
            "op": "updateOne",
            "collection": "coll",
            "args": {"filter": {"_id": 1}, "update": {"$inc": {"x": 1}}},
            "expectResult": {"matchedCount": 1, "modifiedCount": 1, "upsertedCount": {"$$unsetOrMatches": 0}},
        },
        {
            "op": "insertOne",
            "collection": "coll",
            "args": {"document": {"_id": 3, "x": 33}},
            "expectResult": {"$$unsetOrMatches": {"insertedId": {"$$unsetOrMatches": 3}}},
        },
        {
            "op": "insertOne",
            "collection": "coll",
            "args": {"document": {"_id": 3}},
            "expectError": {"isClientError": False},
        },
        {
            "op": "find",
            "collection": "coll",
            "args": {"filter": {"x": {"$gt": 20}}, "sort": {"_id": -1}},
            "expectResult": [{"_id": 3, "x": {"$$type": "int"}}, {"_id": 2, "x": 22}],
        },
        {
            "op": "findOneAndUpdate",
            "collection": "coll",
            "args": {"filter": {"_id": 2}, "update": {"$set": {"y": 1}}, "returnDocument": "After"},
            "expectResult": {"_id": 2, "x": 22, "y": {"$$exists": True}, "z": {"$$exists": False}},
        },
        {
            "op": "distinct",
            "collection": "coll",
            "args": {"fieldName": "x", "filter": {}},
            "expectResult": [12, 22, 33],
        },
        {"op": "deleteOne", "collection": "coll", "args": {"filter": {"_id": 1}}, "expectResult": {"deletedCount": 1}},
    ],
    "outcome": {"coll": [{"_id": 2, "x": 22, "y": 1}, {"_id": 3, "x": 33}]},
}


def test_a_script_runs_in_the_engine() -> None:
    verdict = run_stored(SCRIPT)
    assert verdict.passed, verdict.actual


@pytest.mark.parametrize("script", [*SCRIPTS, *BULK], ids=lambda script: script["id"])
def test_our_own_scripts(script: Script) -> None:
    verdict = run_stored(script)
    assert verdict.passed, verdict.actual


def test_a_script_for_other_versions_is_not_run() -> None:
    newer = {**SCRIPT, "outcome": {"coll": []}, "runOn": [{"minServerVersion": "6.0"}, {"maxServerVersion": "4.4.99"}]}
    assert run_stored(newer).passed
    assert not run_stored({**newer, "runOn": [{"minServerVersion": "5.0.0"}]}).passed


def test_a_wrong_outcome_is_noticed() -> None:
    assert not run_stored({**SCRIPT, "outcome": {"coll": []}}).passed
    wrong = [{**SCRIPT["ops"][0], "expectResult": {"matchedCount": 2}}]
    assert not run_stored({**SCRIPT, "ops": wrong}).passed


@pytest.mark.parametrize(
    ("actual", "expected", "fit"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, False),
        ([1, 2], [1, 2.0], True),
        ([1], [1, 2], False),
        ({"a": "x"}, {"a": {"$$type": ["int", "string"]}}, True),
        ({}, {"a": {"$$type": "int"}}, False),
        ({}, {"a": 1}, False),
    ],
)
def test_matching_of_results(actual: Any, expected: Any, fit: bool) -> None:
    assert fits(actual, expected) is fit


@pytest.mark.parametrize(
    ("case", "passed"),
    [
        ({"kind": "match", "doc": {"a": {"$date": 0}}, "query": {"a": {"$type": "date"}}, "expected": True}, True),
        ({"kind": "match", "doc": {}, "query": {"a": {"$nope": 1}}, "error": "unknown operator"}, True),
        ({"kind": "match", "doc": {}, "query": {}, "error": "must fail"}, False),
        ({"kind": "delete", "docs": [{"a": 1}, {"a": 2}], "query": {"a": 1}, "expected": [{"a": 2}]}, True),
        ({"kind": "count", "docs": [{"a": 1}, {"a": 2}], "query": {}, "skip": 1, "limit": 5, "expected": 1}, True),
        ({"kind": "update", "doc": {}, "query": {"_id": 1}, "update": {"$inc": {"n": 1}}, "upsert": True, "expected": {"_id": 1, "n": 1}}, True),
    ],
)  # fmt: skip
def test_verdicts(case: dict[str, Any], passed: bool) -> None:
    assert run(case).passed is passed
    assert run_stored(case).passed is passed


def test_natural_orders_are_all_as_good() -> None:
    case: dict[str, Any] = {
        "kind": "aggregate",
        "docs": [{"_id": 1, "x": 1}, {"_id": 2, "x": 2}],
        "pipeline": [{"$group": {"_id": None, "xs": {"$push": "$x"}}}],
    }
    for expected in ([1, 2], [2, 1]):
        assert run({**case, "expected": [{"_id": None, "xs": expected}]}).passed
    assert not run({**case, "expected": [{"_id": None, "xs": [1]}]}).passed
    sorted_first = [{"$sort": {"x": 1}}, *case["pipeline"]]
    assert not run({**case, "pipeline": sorted_first, "expected": [{"_id": None, "xs": [2, 1]}]}).passed


@pytest.mark.parametrize(
    ("expected", "passed"),
    [([3, 1, 2], True), ([1, 2, 3], True), ([1, 2], False)],
)
def test_sets_have_no_order(expected: list[int], passed: bool) -> None:
    pipeline = [{"$project": {"_id": 0, "u": {"$setUnion": [[3, 1], [2, 1]]}}}]
    case = {"kind": "aggregate", "docs": [{}], "pipeline": pipeline, "expected": [{"u": expected}]}
    assert run(case).passed is passed
