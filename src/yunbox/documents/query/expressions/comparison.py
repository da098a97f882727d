"""$cmp $eq $ne $gt $gte $lt $lte, and the boolean $and $or $not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..values import MISSING, compare, is_truthy
from .building import apply, function
from .compiler import compile_in
from .registry import Constant, Document, Evaluate, Variables, check_arity, fold, operands, operator
from .scope import Scope


def order(left: Any, right: Any, collation: Any = None) -> int:
    """-1, 0 or 1 in MongoDB's order of values, in which missing comes before everything."""
    kinds = (type(left), type(right))
    if kinds in _PLAIN and left == left and right == right:
        return int(left > right) - int(left < right)
    if kinds == (str, str) and collation is None:
        return int(left > right) - int(left < right)
    if left is MISSING or right is MISSING:
        return (right is MISSING) - (left is MISSING)
    return compare(left, right, collation)


# Pairs of types that Python orders as MongoDB does, NaN aside.
_PLAIN = frozenset({(int, int), (int, float), (float, int), (float, float)})


def _register(name: str, decide: Callable[[int], Any]) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        arguments = operands(operand)
        check_arity(name, len(arguments), 2)
        collation = scope.collation

        def evaluate(left: Any, right: Any) -> Any:
            return decide(order(left, right, collation))

        return apply(evaluate, [compile_in(argument, scope) for argument in arguments])


_register("$cmp", lambda result: result)
_register("$eq", lambda result: result == 0)
_register("$ne", lambda result: result != 0)
_register("$gt", lambda result: result > 0)
_register("$gte", lambda result: result >= 0)
_register("$lt", lambda result: result < 0)
_register("$lte", lambda result: result <= 0)


def truth(value: Any) -> bool:
    """Aggregation's idea of true: everything but false, null, missing and zero."""
    if value is True or value is False:
        return bool(value)
    return value is not MISSING and is_truthy(value)


@function("$not", 1)
def negate(value: Any) -> bool:
    """The opposite of the value's truth."""
    return not truth(value)


@operator("$and")
def build_and(operand: Any, scope: Scope) -> Evaluate:
    """True when every operand is; later operands are not evaluated after a false one."""
    return _short_circuit(operand, scope, stop=False)


@operator("$or")
def build_or(operand: Any, scope: Scope) -> Evaluate:
    """True when any operand is; later operands are not evaluated after a true one."""
    return _short_circuit(operand, scope, stop=True)


def _short_circuit(operand: Any, scope: Scope, *, stop: bool) -> Evaluate:
    parts = [compile_in(argument, scope) for argument in operands(operand)]
    if any(isinstance(part, Constant) and truth(part.value) is stop for part in parts):
        return Constant(stop)

    def evaluate(document: Document, variables: Variables) -> bool:
        return next((stop for part in parts if truth(part(document, variables)) is stop), not stop)

    return fold(evaluate, parts)
