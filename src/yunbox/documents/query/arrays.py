"""Array update operators: ``$push $addToSet $pop $pull $pullAll``. Each returns a new list, or the old one unchanged."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from yunbox.errors import QueryError

from .match import compile_condition
from .paths import is_index
from .predicates import bad_value, integral
from .values import MISSING, Collation, is_number, sort_key, type_name

ArrayChange = Callable[[Any, str], Any]


def pushing(operand: Any, collation: Collation | None) -> ArrayChange:
    """``$push``, with ``$each $position $sort $slice``."""
    if not (isinstance(operand, dict) and "$each" in operand):
        return lambda old, path: [*_existing_array(old, path), operand]
    _check_push(operand)
    added, position, limit = operand["$each"], _integer(operand, "$position"), _integer(operand, "$slice")
    arrange = _element_order(operand["$sort"], collation) if "$sort" in operand else None

    def change(old: Any, path: str) -> Any:
        items = list(_existing_array(old, path))
        at = len(items) if position is None else _insertion_point(position, len(items))
        items[at:at] = added
        if arrange is not None:
            items.sort(key=arrange)
        return items if limit is None else _sliced(items, limit)

    return change


def _existing_array(old: Any, path: str) -> list[Any]:
    if old is MISSING:
        return []
    if type(old) is not list:
        raise bad_value(f"The field '{path}' must be an array but is of type {type_name(old)}")
    return old


def _insertion_point(position: int, length: int) -> int:
    return min(position, length) if position >= 0 else max(length + position, 0)


def _sliced(items: list[Any], limit: int) -> list[Any]:
    if limit == 0:
        return []
    return items[:limit] if limit > 0 else items[limit:]


def _check_push(operand: dict[str, Any]) -> None:
    for name in operand:
        if name not in ("$each", "$position", "$slice", "$sort"):
            raise bad_value(f"Unrecognized clause in $push: {name}")
    if not isinstance(operand["$each"], list):
        raise bad_value(
            f"The argument to $each in $push must be an array but it was of type: {type_name(operand['$each'])}"
        )


def _integer(operand: dict[str, Any], name: str) -> int | None:
    if name not in operand:
        return None
    value = operand[name]
    number = integral(value) if is_number(value) else None
    if number is None:
        raise bad_value(f"The value for {name} must be an integer value but was given type: {type_name(value)}")
    return number


def _element_order(spec: Any, collation: Collation | None) -> Callable[[Any], Any]:
    if is_number(spec):
        if integral(spec) not in (1, -1):
            raise bad_value("The $sort element value must be either 1 or -1")
        return _reversed_key(collation) if integral(spec) == -1 else lambda item: sort_key(item, collation)
    if not isinstance(spec, dict):
        raise bad_value(
            "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields"
        )
    _check_element_order(spec)
    keys = [(path.split("."), integral(direction) == -1) for path, direction in spec.items()]

    def order(a: Any, b: Any) -> int:
        for parts, descending in keys:
            left, right = (sort_key(_member_at(item, parts), collation) for item in (a, b))
            if left != right:
                return 1 if (left > right) is not descending else -1
        return 0

    return functools.cmp_to_key(order)


def _member_at(item: Any, parts: list[str]) -> Any:
    """The value at a path that does not spread over arrays; null when it is not there."""
    for part in parts:
        if type(item) is dict:
            item = item.get(part)
        elif type(item) is list and is_index(part) and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def _check_element_order(spec: dict[str, Any]) -> None:
    if not spec:
        raise bad_value("The $sort pattern is empty when it should be a set of fields.")
    for path, direction in spec.items():
        if not is_number(direction) or integral(direction) not in (1, -1):
            raise bad_value("The $sort element value must be either 1 or -1")
        if not path or ".." in path or path.startswith(".") or path.endswith("."):
            raise bad_value(f"The $sort field is a dotted field but has an empty part: {path}")


def _reversed_key(collation: Collation | None) -> Callable[[Any], Any]:
    def order(a: Any, b: Any) -> int:
        left, right = sort_key(a, collation), sort_key(b, collation)
        return (left < right) - (left > right)

    return functools.cmp_to_key(order)


def set_adding(operand: Any, collation: Collation | None) -> ArrayChange:
    """``$addToSet``, with ``$each``."""
    added = _set_operand(operand)

    def change(old: Any, path: str) -> Any:
        if old is not MISSING and type(old) is not list:
            raise bad_value(
                "Cannot apply $addToSet to non-array field. "
                f"Field named '{path.rpartition('.')[2]}' has non-array type {type_name(old)}"
            )
        items: list[Any] = old if type(old) is list else []
        known = {sort_key(item, collation) for item in items}
        new = []
        for item in added:
            key = sort_key(item, collation)
            if key not in known:
                known.add(key)
                new.append(item)
        return old if not new and old is not MISSING else [*items, *new]

    return change


def _set_operand(operand: Any) -> list[Any]:
    if not (isinstance(operand, dict) and next(iter(operand), "") == "$each"):
        return [operand]
    if not isinstance(operand["$each"], list):
        raise QueryError(
            f"The argument to $each in $addToSet must be an array but it was of type {type_name(operand['$each'])}",
            number=14,
            name="TypeMismatch",
        )
    if len(operand) > 1:
        raise bad_value(f"Found unexpected fields after $each in $addToSet: {', '.join(list(operand)[1:])}")
    return operand["$each"]


def popping(operand: Any, collation: Collation | None) -> ArrayChange:
    """``$pop``."""
    if not is_number(operand):
        raise _unparsable(f"Expected a number in: {type_name(operand)}")
    if operand not in (1, -1):
        raise _unparsable(f"$pop expects 1 or -1, found: {operand}")

    def change(old: Any, path: str) -> Any:
        if type(old) is not list:
            raise QueryError(
                f"Path '{path}' contains an element of non-array type '{type_name(old)}'",
                number=14,
                name="TypeMismatch",
            )
        if not old:
            return old
        return old[:-1] if operand == 1 else old[1:]

    return change


def _unparsable(message: str) -> QueryError:
    return QueryError(message, number=9, name="FailedToParse")


def pulling(operand: Any, collation: Collation | None) -> ArrayChange:
    """``$pull``."""
    matches = compile_condition(operand, collation=collation)

    def change(old: Any, path: str) -> Any:
        return _without(old, matches, "$pull")

    return change


def culling(operand: Any, collation: Collation | None) -> ArrayChange:
    """``$pullAll``."""
    if not isinstance(operand, list):
        raise bad_value(f"$pullAll requires an array argument but was given a {type_name(operand)}")
    unwanted = {sort_key(item, collation) for item in operand}

    def change(old: Any, path: str) -> Any:
        return _without(old, lambda item: sort_key(item, collation) in unwanted, "$pullAll")

    return change


def _without(old: Any, unwanted: Callable[[Any], bool], operator: str) -> Any:
    if type(old) is not list:
        raise bad_value(f"Cannot apply {operator} to a non-array value")
    kept = [item for item in old if not unwanted(item)]
    return old if len(kept) == len(old) else kept
