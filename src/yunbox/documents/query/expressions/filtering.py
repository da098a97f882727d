"""Operators that run an expression over each element: $map $filter $reduce, and $sortArray."""

from __future__ import annotations

from itertools import chain
from typing import Any

from ..effort import in_steps, made
from ..values import MISSING, sort_key, type_name
from .building import nullish
from .comparison import truth
from .compiler import check_variable_name, compile_in
from .failures import failure
from .numbers import as_int32
from .registry import Document, Evaluate, Variables, fold, operator
from .scope import Scope


@operator("$map")
def build_map(operand: Any, scope: Scope) -> Evaluate:
    """The value of ``in`` for each element of ``input``."""
    _check("$map", operand, ("input", "as", "in"), ("input", "in"), (16878, 16879, {"input": 16880, "in": 16882}))
    name, items, body = _bind(operand, scope, "in")

    def evaluate(document: Document, variables: Variables) -> Any:
        values = items(document, variables)
        if nullish(values):
            return None
        if not isinstance(values, list):
            raise failure(16883, f"input to $map must be an array not {type_name(values)}")
        results = [body(document, {**variables, name: value}) for part in in_steps(values) for value in part]
        return [None if result is MISSING else result for result in results]

    return evaluate


@operator("$filter")
def build_filter(operand: Any, scope: Scope) -> Evaluate:
    """The elements of ``input`` for which ``cond`` is true, at most ``limit``."""
    known = ("input", "as", "cond", "limit")
    _check("$filter", operand, known, ("input", "cond"), (28646, 28647, {"input": 28648, "cond": 28650}))
    name, items, condition = _bind(operand, scope, "cond")
    limit = compile_in(operand.get("limit"), scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        values = items(document, variables)
        if nullish(values):
            return None
        if not isinstance(values, list):
            raise failure(28651, f"input to $filter must be an array not {type_name(values)}")
        kept = [
            value
            for part in in_steps(values)
            for value in part
            if truth(condition(document, {**variables, name: value}))
        ]
        return kept[: _limit(limit(document, variables))]

    return evaluate


def _limit(value: Any) -> int | None:
    if nullish(value):
        return None
    number = as_int32(value)
    if number is None:
        raise failure(327391, f"$filter: limit must be represented as a 32-bit integral value: {value!r}")
    if number <= 0:
        raise failure(327392, f"$filter: limit must be greater than 0: {number}")
    return number


def _check(
    name: str, operand: Any, known: tuple[str, ...], required: tuple[str, ...], numbers: tuple[int, int, dict[str, int]]
) -> None:
    not_object, unknown, missing = numbers
    if not isinstance(operand, dict):
        raise failure(not_object, f"{name} only supports an object as its argument")
    for key in operand:
        if key not in known:
            raise failure(unknown, f"Unrecognized parameter to {name}: {key}")
    for key in required:
        if key not in operand:
            raise failure(missing[key], f"Missing '{key}' parameter to {name}")


def _bind(operand: dict[str, Any], scope: Scope, body: str) -> tuple[str, Evaluate, Evaluate]:
    items = compile_in(operand["input"], scope)
    name = operand.get("as", "this")
    if not isinstance(name, str):
        raise failure(16866, "'as' must be a string, the name of a variable")
    check_variable_name(name, defining=True)
    if name != "CURRENT":
        return name, items, compile_in(operand[body], scope.extended((name,)))
    inner = compile_in(operand[body], scope.with_current_rebound())

    def at_current(document: Document, variables: Variables) -> Any:
        bound = {"ROOT": document, **variables}
        return inner(bound.pop("CURRENT"), bound)

    return name, items, at_current


@operator("$reduce")
def build_reduce(operand: Any, scope: Scope) -> Evaluate:
    """``in`` applied to each element and the value so far, which begins as ``initialValue``."""
    required = ("input", "initialValue", "in")
    _check("$reduce", operand, required, required, (40075, 40076, {"input": 40077, "initialValue": 40078, "in": 40079}))
    items, initial = compile_in(operand["input"], scope), compile_in(operand["initialValue"], scope)
    body = compile_in(operand["in"], scope.extended(("this", "value")))

    def evaluate(document: Document, variables: Variables) -> Any:
        values = items(document, variables)
        if nullish(values):
            return None
        if not isinstance(values, list):
            raise failure(40080, f"$reduce requires that 'input' be an array, found: {type_name(values)}")
        result = initial(document, variables)
        for value in chain.from_iterable(in_steps(values)):
            result = body(document, {**variables, "this": value, "value": result})
        return result

    return evaluate


@operator("$sortArray")
def build_sort_array(operand: Any, scope: Scope) -> Evaluate:
    """The elements of ``input`` in the order of ``sortBy``: 1, -1 or a sort specification over member documents."""
    required = ("input", "sortBy")
    _check("$sortArray", operand, required, required, (2942500, 2942501, {"input": 2942502, "sortBy": 2942503}))
    items = compile_in(operand["input"], scope)
    ordered = _array_order(operand["sortBy"], scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        values = items(document, variables)
        if nullish(values):
            return None
        if not isinstance(values, list):
            raise failure(
                2942504, f"The input argument to $sortArray must be an array, but was of type: {type_name(values)}"
            )
        return ordered(made(values))

    return fold(evaluate, (items,))


def _array_order(specification: Any, scope: Scope) -> Any:
    if isinstance(specification, dict):
        from ..sort import compile_sort

        if not specification:
            raise failure(2, "The sort pattern of $sortArray is empty when it should be a set of fields")
        key = compile_sort(specification, scope.collation)
        return lambda values: sorted(values, key=lambda value: key(value if isinstance(value, dict) else {}))
    if isinstance(specification, bool) or specification not in (1, -1):
        raise failure(2942505, f"Illegal sort specification {specification!r}: use 1, -1 or an object")
    collation, descending = scope.collation, specification == -1
    return lambda values: sorted(values, key=lambda value: sort_key(value, collation), reverse=descending)
