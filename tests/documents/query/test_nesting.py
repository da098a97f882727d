"""Paths and values nested more deeply than a document may be are refused, not run into the end of Python's stack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any

import pytest

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.project import compile_projection
from yunbox.documents.query.update import compile_update, document_from_filter
from yunbox.errors import QueryError

from .pipeline.memory import aggregate

NOW = datetime(2020, 1, 1, tzinfo=UTC)
LONG = ".".join(["a"] * 5000)
BOTTOMLESS = {"$reduce": {"input": {"$range": [0, 5000]}, "initialValue": {}, "in": {"a": "$$value"}}}
COMPARED = {"$eq": [BOTTOMLESS, BOTTOMLESS]}


def nested(name: str, inner: Any) -> Any:
    return reduce(lambda value, _: {name: value}, range(5000), inner)


def updated(update: Any) -> None:
    compile_update(update).apply({"_id": 1}, now=NOW)


def piped(*stages: Any) -> None:
    aggregate(list(stages), [{"_id": 1, "a": {"a": 1}}])


REFUSED: list[Callable[[], Any]] = [
    lambda: piped({"$project": {LONG: 1}}),
    lambda: piped({"$addFields": {LONG: 1}}),
    lambda: piped({"$unset": LONG}),
    lambda: piped({"$group": {"_id": f"${LONG}"}}),
    lambda: piped({"$setWindowFields": {"output": {LONG: {"$sum": 1}}}}),
    lambda: piped({"$addFields": {"a": BOTTOMLESS}}, {"$sort": {"a": 1}}),
    lambda: piped({"$group": {"_id": COMPARED}}),
    lambda: piped({"$group": {"_id": nested("$not", 1)}}),
    *(partial(updated, {operator: {LONG: 1}}) for operator in ("$set", "$unset", "$inc", "$push", "$pull", "$min")),
    lambda: updated({"$rename": {LONG: "b"}}),
    lambda: updated([{"$set": {LONG: 1}}]),
    lambda: updated([{"$set": {"a": COMPARED}}]),
    lambda: document_from_filter({LONG: 1}),
    lambda: compile_filter({"$expr": COMPARED})({}),
    lambda: compile_filter({"$jsonSchema": nested("not", {})}),
    lambda: compile_projection({"a": COMPARED})({}),
]


@pytest.mark.parametrize("attempt", REFUSED)
def test_too_deep(attempt: Callable[[], Any]) -> None:
    with pytest.raises(QueryError) as refusal:
        attempt()
    assert refusal.value.number == 15


def test_a_path_as_deep_as_documents_may_be() -> None:
    path = ".".join(["a"] * 200)
    assert aggregate([{"$unset": path}], [{"_id": 1}]) == [{"_id": 1}]
    assert aggregate([{"$project": {"v": f"${path}"}}], [{"_id": 1}]) == [{"_id": 1}]
