"""Builders for the common case: an operator that is a plain function of its evaluated operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..values import MISSING, UNDEFINED
from .compiler import compile_in
from .registry import Document, Evaluate, Variables, check_arity, fold, operands, operator
from .scope import Scope

Function = Callable[..., Any]


def nullish(value: Any) -> bool:
    """True for null, undefined and a missing value."""
    return value is None or value is MISSING or value is UNDEFINED


def function(name: str, low: int = 1, high: int | None = None) -> Callable[[Function], Function]:
    """Register a function of ``low`` to ``high`` values as the operator ``name``."""

    def register(body: Function) -> Function:
        @operator(name)
        def build(operand: Any, scope: Scope) -> Evaluate:
            arguments = operands(operand)
            check_arity(name, len(arguments), low, high)
            return apply(body, [compile_in(argument, scope) for argument in arguments])

        return body

    return register


def single(name: str) -> Callable[[Function], Function]:
    """Register a function of one value that gives null for null or missing."""

    def register(body: Function) -> Function:
        def guarded(value: Any) -> Any:
            return None if nullish(value) else body(value)

        function(name)(guarded)
        return body

    return register


def variadic(*names: str) -> Callable[[Function], Function]:
    """Register a function of one list: all the operator's values."""

    def register(body: Function) -> Function:
        @operator(*names)
        def build(operand: Any, scope: Scope) -> Evaluate:
            parts = [compile_in(argument, scope) for argument in operands(operand)]

            def evaluate(document: Document, variables: Variables) -> Any:
                return body([part(document, variables) for part in parts])

            return fold(evaluate, parts)

        return body

    return register


def apply(body: Function, parts: list[Evaluate]) -> Evaluate:
    """An expression that calls ``body`` with the values of ``parts``; evaluated at once when all are constant."""
    if len(parts) == 1:
        return fold(_apply_one(body, parts[0]), parts)
    if len(parts) == 2:
        return fold(_apply_two(body, parts[0], parts[1]), parts)

    def evaluate(document: Document, variables: Variables) -> Any:
        return body(*[part(document, variables) for part in parts])

    return fold(evaluate, parts)


def _apply_one(body: Function, part: Evaluate) -> Evaluate:
    return lambda document, variables: body(part(document, variables))


def _apply_two(body: Function, left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda document, variables: body(left(document, variables), right(document, variables))
