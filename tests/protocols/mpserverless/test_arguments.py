from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from yunbox.protocols.mpserverless.arguments import Arguments
from yunbox.protocols.mpserverless.errors import GatewayError, error_code


def test_missing_arguments_are_empty() -> None:
    arguments = Arguments({"collection": "things"})
    assert (arguments.filter("query"), arguments.document("doc"), arguments.pipeline()) == ({}, {}, [])
    assert arguments.update() == {"$set": {}}
    assert (arguments.count("limit"), arguments.max_time_ms(), arguments.sort(), arguments.projection()) == (
        0,
        None,
        None,
        None,
    )
    assert (arguments.transaction, arguments.flag("upsert"), arguments.hint()) == (None, False, None)


@pytest.mark.parametrize(
    ("params", "read"),
    [
        ({}, lambda a: a.collection),
        ({"collection": 1}, lambda a: a.collection),
        ({"query": "x"}, lambda a: a.filter("query")),
        ({"query": [1]}, lambda a: a.filter("query")),
        ({"docs": []}, lambda a: a.documents()),
        ({}, lambda a: a.documents()),
        ({"docs": [1]}, lambda a: a.documents()),
        ({"doc": {"a.b": 1}}, lambda a: a.document("doc")),
        ({"doc": {"a": [{"$x": 1}]}}, lambda a: a.document("doc")),
        ({"update": {}}, lambda a: a.update()),
        ({"update": {"plain": 1}}, lambda a: a.update()),
        ({"update": {"$set": {"a": 1}, "b": 1}}, lambda a: a.update()),
        ({"pipeline": "x"}, lambda a: a.pipeline()),
        ({"key": ""}, lambda a: a.key()),
        ({"options": {"limit": -1}}, lambda a: a.count("limit")),
        ({"options": {"limit": 1.5}}, lambda a: a.count("limit")),
        ({"options": {"limit": True}}, lambda a: a.count("limit")),
        ({"options": {"sort": {"a": 2}}}, lambda a: a.sort()),
        ({"options": {"sort": {"a": "desc"}}}, lambda a: a.sort()),
        ({"options": {"sort": [["a", 1]]}}, lambda a: a.sort()),
        ({"options": {"projection": "a"}}, lambda a: a.projection()),
        ({"options": {"hint": 1}}, lambda a: a.hint()),
        ({"options": {"upsert": 1}}, lambda a: a.flag("upsert")),
        ({"transactionId": 5}, lambda a: a.transaction),
    ],
)
def test_wrong_arguments_are_refused(params: dict[str, Any], read: Callable[[Arguments], Any]) -> None:
    with pytest.raises(GatewayError) as refused:
        read(Arguments(params))
    assert error_code(refused.value) == "InvalidParameter"


def test_options_must_be_an_object() -> None:
    with pytest.raises(GatewayError, match="options"):
        Arguments({"options": [1]})


def test_php_writes_empty_objects_as_arrays() -> None:
    arguments = Arguments({"query": [], "doc": [], "options": []})
    assert (arguments.filter("query"), arguments.document("doc"), arguments.count("limit")) == ({}, {}, 0)


def test_a_single_stage_is_a_pipeline_and_updates_may_be_pipelines() -> None:
    assert Arguments({"pipeline": {"$match": {}}}).pipeline() == [{"$match": {}}]
    assert Arguments({"update": [{"$set": {"a": 1}}]}).update() == [{"$set": {"a": 1}}]


def test_sort_keeps_order_and_takes_text_scores() -> None:
    sort = {"b": -1, "a": 1, "score": {"$meta": "textScore"}}
    assert list(Arguments({"options": {"sort": sort}}).sort() or {}) == ["b", "a", "score"]
