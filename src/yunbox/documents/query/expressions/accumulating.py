"""Accumulators as expressions over the values of a list or of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..values import MISSING, type_name
from .accumulators import (
    Accumulator,
    Average,
    Extreme,
    ExtremeN,
    FirstN,
    LastN,
    MergeObjects,
    Percentiles,
    StandardDeviation,
    Sum,
)
from .building import nullish
from .compiler import compile_in
from .failures import failure
from .grouped import checked_count, percentile_fractions
from .registry import Constant, Document, Evaluate, Variables, fold, named_arguments, operands, operator
from .scope import Scope


def _over(create: Callable[[], Accumulator], values: Iterable[Any]) -> Any:
    accumulator = create()
    for value in values:
        accumulator.add(value)
    return accumulator.result()


def _register(name: str, create: Callable[[Scope], Callable[[], Accumulator]]) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        make = create(scope)
        parts = [compile_in(argument, scope) for argument in operands(operand)]
        if len(parts) != 1:
            return fold(lambda document, variables: _over(make, [part(document, variables) for part in parts]), parts)
        (only,) = parts

        def evaluate(document: Document, variables: Variables) -> Any:
            value = only(document, variables)
            return _over(make, value if isinstance(value, list) else (value,))

        return fold(evaluate, parts)


_register("$sum", lambda scope: Sum)
_register("$avg", lambda scope: Average)
_register("$min", lambda scope: lambda: Extreme(-1, scope.collation))
_register("$max", lambda scope: lambda: Extreme(1, scope.collation))
_register("$stdDevPop", lambda scope: lambda: StandardDeviation(sample=False))
_register("$stdDevSamp", lambda scope: lambda: StandardDeviation(sample=True))
_register("$mergeObjects", lambda scope: MergeObjects)


def _register_n(name: str, create: Callable[[int, Scope], Accumulator]) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        fields = ("n", "input")
        arguments = named_arguments(name, operand, fields, fields, numbers=(5787801, 5787901, 5787906))
        count, values = compile_in(arguments["n"], scope), compile_in(arguments["input"], scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            n = checked_count(name, count(document, variables))
            items = values(document, variables)
            if not isinstance(items, list):
                raise failure(5788200, f"Input to {name} must be an array, but found {type_name(items)}")
            return _over(lambda: create(n, scope), items)

        return fold(evaluate, (count, values))


_register_n("$firstN", lambda n, scope: FirstN(n))
_register_n("$lastN", lambda n, scope: LastN(n))
_register_n("$maxN", lambda n, scope: ExtremeN(n, 1, scope.collation))
_register_n("$minN", lambda n, scope: ExtremeN(n, -1, scope.collation))


def _register_percentiles(name: str) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        fractions = percentile_fractions(name, operand, scope)
        part = compile_in(operand["input"], scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            value = part(document, variables)
            items = value if isinstance(value, list) else [value]
            return _over(lambda: Percentiles(fractions, single=name == "$median"), items)

        return fold(evaluate, (part,))


_register_percentiles("$median")
_register_percentiles("$percentile")


def _register_end(name: str, index: int) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        arguments = operands(operand)
        if len(arguments) != 1:
            raise failure(16020, f"Expression {name} takes exactly 1 arguments. {len(arguments)} were passed in.")
        part = compile_in(arguments[0], scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            items = part(document, variables)
            if isinstance(items, list):
                return items[index] if items else MISSING
            if nullish(items):
                return None
            raise failure(28689, f"{name}'s argument must be an array, but is {type_name(items)}")

        return Constant(evaluate({}, {})) if isinstance(part, Constant) else evaluate


_register_end("$first", 0)
_register_end("$last", -1)
