"""Accumulators as ``$group`` and ``$setWindowFields`` specify them, found by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..sort import compile_sort
from ..values import INT64_MAX, MISSING, type_name
from .accumulators import (
    Accumulator,
    AddToSet,
    Average,
    Extreme,
    ExtremeN,
    First,
    FirstN,
    Last,
    LastN,
    MergeObjects,
    Percentiles,
    Push,
    Ranked,
    StandardDeviation,
    Sum,
)
from .compiler import compile_in
from .failures import failure
from .numbers import as_integer, is_number, to_double
from .registry import Constant, Document, Evaluate, Variables, named_arguments
from .scope import Scope

Create = Callable[[Document, Variables], Accumulator]


@dataclass(frozen=True)
class AccumulatorPlan:
    """``argument`` computes the value to add for a document; ``create`` makes the accumulator of a group.

    ``create`` gets the group's key fields as a document. ``grows``: the accumulator keeps what it is given.
    """

    name: str
    argument: Evaluate
    create: Create
    grows: bool = False


PlanBuilder = Callable[[str, Any, Scope], AccumulatorPlan]
ACCUMULATORS: dict[str, PlanBuilder] = {}


def accumulator(*names: str) -> Callable[[PlanBuilder], PlanBuilder]:
    """Register the builder of accumulator plans under its names."""

    def register(builder: PlanBuilder) -> PlanBuilder:
        for name in names:
            ACCUMULATORS[name] = builder
        return builder

    return register


def compile_accumulator(field: str, specification: Any, scope: Scope) -> AccumulatorPlan:
    """The plan for ``{$name: operand}``, the value of an output field of a group."""
    if not isinstance(specification, dict) or (specification and not next(iter(specification)).startswith("$")):
        raise failure(40234, f"The field '{field}' must be an accumulator object")
    if len(specification) != 1:
        raise failure(40238, f"The field '{field}' must specify one accumulator")
    name, operand = next(iter(specification.items()))
    builder = ACCUMULATORS.get(name)
    if builder is None:
        raise failure(15952, f"unknown group operator '{name}'")
    if isinstance(operand, list):
        raise failure(40237, f"The {name} accumulator is a unary operator")
    return builder(name, operand, scope)


def _simple(name: str, create: Callable[[Scope], Callable[[], Accumulator]], *, grows: bool = False) -> None:
    @accumulator(name)
    def build(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
        make = create(scope)
        return AccumulatorPlan(name, compile_in(operand, scope), lambda key, variables: make(), grows)


_simple("$sum", lambda scope: Sum)
_simple("$avg", lambda scope: Average)
_simple("$min", lambda scope: lambda: Extreme(-1, scope.collation))
_simple("$max", lambda scope: lambda: Extreme(1, scope.collation))
_simple("$first", lambda scope: First)
_simple("$last", lambda scope: Last)
_simple("$push", lambda scope: Push, grows=True)
_simple("$addToSet", lambda scope: lambda: AddToSet(scope.collation), grows=True)
_simple("$stdDevPop", lambda scope: lambda: StandardDeviation(sample=False))
_simple("$stdDevSamp", lambda scope: lambda: StandardDeviation(sample=True))
_simple("$mergeObjects", lambda scope: MergeObjects, grows=True)


@accumulator("$count")
def _build_count(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
    if operand != {}:
        raise failure(14, "$count takes no arguments, i.e. $count:{}")
    return AccumulatorPlan(name, Constant(1), lambda key, variables: Sum())


@accumulator("$accumulator")
def _refuse_javascript(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
    raise failure(
        115, "$accumulator needs server-side JavaScript, which is not available; use the built-in accumulators"
    )


def count_of(name: str, operand: Any, scope: Scope) -> Callable[[Document, Variables], int]:
    """The ``n`` of an accumulator, an expression over the group's key."""
    part = compile_in(operand, scope)
    if isinstance(part, Constant):
        constant = checked_count(name, part.value)
        return lambda key, variables: constant
    return lambda key, variables: checked_count(name, part(key, variables))


def checked_count(name: str, value: Any) -> int:
    """``value`` as the positive integer that ``n`` has to be."""
    if not is_number(value):
        raise failure(5787902, f"Value for 'n' must be of integral type, but found {type_name(value)}")
    number = as_integer(value)
    if number is None or number > INT64_MAX:
        raise failure(5787903, f"Value for 'n' must be of integral type, but found {value}")
    if number <= 0:
        raise failure(5787908, f"'n' must be greater than 0, found {number} in {name}")
    return number


def _n_arguments(name: str, operand: Any, required: tuple[str, ...]) -> dict[str, Any]:
    return named_arguments(name, operand, required, required, numbers=(5787900, 5787901, 5787906))


def _n_family(name: str, create: Callable[[int, Scope], Accumulator]) -> None:
    @accumulator(name)
    def build(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
        arguments = _n_arguments(name, operand, ("input", "n"))
        count = count_of(name, arguments["n"], scope)
        argument = compile_in(arguments["input"], scope)
        return AccumulatorPlan(name, argument, lambda key, variables: create(count(key, variables), scope), True)


_n_family("$firstN", lambda n, scope: FirstN(n))
_n_family("$lastN", lambda n, scope: LastN(n))
_n_family("$maxN", lambda n, scope: ExtremeN(n, 1, scope.collation))
_n_family("$minN", lambda n, scope: ExtremeN(n, -1, scope.collation))


@accumulator("$top", "$bottom", "$topN", "$bottomN")
def _build_ranked(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
    single = not name.endswith("N")
    required = ("sortBy", "output") if single else ("sortBy", "output", "n")
    arguments = named_arguments(name, operand, required, required, numbers=(5788001, 5788002, 5788003))
    if not isinstance(arguments["sortBy"], dict):
        raise failure(5788604, f"expected 'sortBy' in {name} to be an object")
    key = compile_sort(arguments["sortBy"], scope.collation)
    scope.read_whole()
    output = compile_in(arguments["output"], scope)
    count = (lambda key, variables: 1) if single else count_of(name, arguments["n"], scope)

    def argument(document: Document, variables: Variables) -> Any:
        return key(document), output(document, variables)

    def create(key: Document, variables: Variables) -> Accumulator:
        return Ranked(count(key, variables), bottom=name.startswith("$bottom"), single=single)

    return AccumulatorPlan(name, argument, create, True)


@accumulator("$median", "$percentile")
def _build_percentiles(name: str, operand: Any, scope: Scope) -> AccumulatorPlan:
    fractions = percentile_fractions(name, operand, scope)
    argument = compile_in(operand["input"], scope)
    single = name == "$median"
    return AccumulatorPlan(name, argument, lambda key, variables: Percentiles(fractions, single=single), True)


def percentile_fractions(name: str, operand: Any, scope: Scope) -> list[float]:
    """The validated ``p`` of ``$percentile``; ``$median`` is the fraction 0.5."""
    required = ("input", "method") if name == "$median" else ("input", "p", "method")
    named_arguments(name, operand, required, required, numbers=(7436201, 40415, 40414))
    if operand["method"] != "approximate":
        raise failure(2, "Currently only 'approximate' can be used as percentile 'method'.")
    if name == "$median":
        return [0.5]
    part = compile_in(operand["p"], scope)
    values = part.value if isinstance(part, Constant) else MISSING
    if not isinstance(values, list) or not values:
        raise failure(7750300, "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]")
    for value in values:
        if not is_number(value) or not 0 <= to_double(value) <= 1:
            raise failure(7750303, "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]")
    return [to_double(value) for value in values]
