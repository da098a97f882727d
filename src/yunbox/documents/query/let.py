"""The ``let`` of a command: variables for the ``$expr`` of its filter, its projection and its update pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .expressions import Scope, compile_in
from .expressions.compiler import check_variable_name
from .expressions.failures import failure
from .values import MISSING, Document

_CLAUSES = ("$and", "$or", "$nor")


def bind(let: Mapping[str, Any], collation: Any = None) -> dict[str, Any]:
    """The values of the variables, whose expressions see no document but the variables before them. Raises `QueryError`."""
    values: dict[str, Any] = {}
    for name, expression in let.items():
        check_variable_name(name, defining=True)
        scope = Scope(values, collation)
        evaluate = compile_in(expression, scope)
        if scope.reads.whole or scope.reads.paths:
            raise failure(4890500, f"The variable '{name}' of 'let' may not read fields: no document is at hand yet")
        values[name] = evaluate({}, values)
    return values


def literals(values: Mapping[str, Any]) -> Document:
    """The variables as expressions again."""
    return {name: "$$REMOVE" if value is MISSING else {"$literal": value} for name, value in values.items()}


def with_variables(filter: Mapping[str, Any], values: Mapping[str, Any]) -> Document:
    """The filter that says the same without variables from outside: each ``$expr`` defines them for itself."""
    return {name: _clause(name, operand, values) for name, operand in filter.items()}


def _clause(name: str, operand: Any, values: Mapping[str, Any]) -> Any:
    if name == "$expr":
        return {"$let": {"vars": literals(values), "in": operand}}
    if name in _CLAUSES and isinstance(operand, list):
        return [with_variables(part, values) if isinstance(part, Mapping) else part for part in operand]
    return operand
