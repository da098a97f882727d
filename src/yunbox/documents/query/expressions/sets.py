"""Set operators: arrays without regard to order and repetition."""

from __future__ import annotations

from typing import Any

from ..effort import made
from ..values import sort_key, type_name
from .building import apply, function, nullish
from .comparison import truth
from .compiler import compile_in
from .failures import failure
from .registry import Evaluate, check_arity, operands, operator
from .scope import Scope

Members = dict[Any, Any]


def _members(items: list[Any], collation: Any) -> Members:
    members: Members = {}
    for item in made(items):
        members.setdefault(sort_key(item, collation), item)
    return members


def _require_array(name: str, number: int, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise failure(number, f"All operands of {name} must be arrays. One argument is of type: {type_name(value)}")
    return value


def _parts(operand: Any, scope: Scope) -> list[Evaluate]:
    return [compile_in(argument, scope) for argument in operands(operand)]


@operator("$setUnion")
def build_union(operand: Any, scope: Scope) -> Evaluate:
    """The values in any of the arrays; null when an operand is null or missing."""

    def union(*values: Any) -> Any:
        members: Members = {}
        for value in values:
            if nullish(value):
                return None
            for key, item in _members(_require_array("$setUnion", 17043, value), scope.collation).items():
                members.setdefault(key, item)
        return list(members.values())

    return apply(union, _parts(operand, scope))


@operator("$setIntersection")
def build_intersection(operand: Any, scope: Scope) -> Evaluate:
    """The values in all of the arrays; null when an operand is null or missing."""

    def intersection(*values: Any) -> Any:
        common: Members | None = None
        for value in values:
            if nullish(value):
                return None
            members = _members(_require_array("$setIntersection", 17047, value), scope.collation)
            common = members if common is None else {key: item for key, item in common.items() if key in members}
        return list((common or {}).values())

    return apply(intersection, _parts(operand, scope))


@operator("$setDifference")
def build_difference(operand: Any, scope: Scope) -> Evaluate:
    """The values of the first array that the second lacks, in their order."""
    check_arity("$setDifference", len(operands(operand)), 2)

    def difference(left: Any, right: Any) -> Any:
        if nullish(left) or nullish(right):
            return None
        first = _members(_require_array("$setDifference", 17048, left), scope.collation)
        second = _members(_require_array("$setDifference", 17049, right), scope.collation)
        return [item for key, item in first.items() if key not in second]

    return apply(difference, _parts(operand, scope))


@operator("$setEquals")
def build_equals(operand: Any, scope: Scope) -> Evaluate:
    """True when all arrays have the same members."""
    if len(operands(operand)) < 2:
        raise failure(17045, f"$setEquals needs at least two arguments had: {len(operands(operand))}")

    def equals(*values: Any) -> bool:
        sets = [set(_members(_require_array("$setEquals", 17044, value), scope.collation)) for value in values]
        return all(members == sets[0] for members in sets)

    return apply(equals, _parts(operand, scope))


@operator("$setIsSubset")
def build_is_subset(operand: Any, scope: Scope) -> Evaluate:
    """True when every member of the first array is in the second."""
    check_arity("$setIsSubset", len(operands(operand)), 2)

    def is_subset(left: Any, right: Any) -> bool:
        first = _members(_require_array("$setIsSubset", 17046, left), scope.collation)
        second = _members(_require_array("$setIsSubset", 17042, right), scope.collation)
        return all(key in second for key in first)

    return apply(is_subset, _parts(operand, scope))


@function("$allElementsTrue", 1)
def all_elements_true(value: Any) -> bool:
    """True when no element is false."""
    return all(truth(item) for item in _require_array("$allElementsTrue", 17040, value))


@function("$anyElementTrue", 1)
def any_element_true(value: Any) -> bool:
    """True when at least one element is true."""
    return any(truth(item) for item in _require_array("$anyElementTrue", 17041, value))
