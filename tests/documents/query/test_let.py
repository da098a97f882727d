"""The variables of a command."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.query.let import bind, literals, with_variables
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.project import compile_projection
from yunbox.errors import QueryError


def test_a_variable_may_be_computed_from_those_before_it() -> None:
    assert bind({"a": 20, "b": {"$add": ["$$a", 2]}, "c": {"$multiply": ["$$b", 2]}}) == {"a": 20, "b": 22, "c": 44}


@pytest.mark.parametrize(
    ("let", "number"),
    [
        ({"b": {"$add": ["$$a", 2]}, "a": 20}, 17276),
        ({"a": "$x"}, 4890500),
        ({"a": "$$ROOT"}, 4890500),
        ({"a": "$$CURRENT.x"}, 4890500),
        ({"a": {"$sum": ["$x", 1]}}, 4890500),
        ({"A": 1}, 16867),
    ],
)
def test_no_variable_reads_a_document_or_one_that_comes_later(let: dict[str, Any], number: int) -> None:
    with pytest.raises(QueryError) as caught:
        bind(let)
    assert caught.value.number == number


def test_a_variable_without_a_value_is_a_field_that_is_missing() -> None:
    values = bind({"gone": {"$getField": {"field": "x", "input": {}}}, "text": {"$literal": "$$NOW"}})
    assert compile_projection({"g": "$$gone", "t": "$$text"}, variables=values)({"_id": 1}) == {"_id": 1, "t": "$$NOW"}
    again = bind(literals(values))
    assert again == values
    filter = with_variables({"$expr": {"$eq": [{"$type": "$$gone"}, "missing"]}}, values)
    assert compile_filter(filter)({})
