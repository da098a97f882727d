"""Array operators that look at elements by place: $arrayElemAt, $slice, $range, $zip and their kin."""

from __future__ import annotations

from typing import Any

from ..effort import made, out_of_memory, spend
from ..values import MISSING, compare, type_name
from .building import apply, function, nullish, single, variadic
from .compiler import compile_in
from .failures import failure
from .numbers import as_int32, is_number
from .registry import Document, Evaluate, Variables, check_arity, fold, operands, operator
from .scope import Scope

MAX_ARRAY_BYTES = 100 * 2**20
ITEM_BYTES = 16


def _require_room(name: str, count: int) -> None:
    if count * ITEM_BYTES > MAX_ARRAY_BYTES:
        raise out_of_memory(name, count * ITEM_BYTES, MAX_ARRAY_BYTES)


@function("$isArray", 1)
def is_array(value: Any) -> bool:
    """True for an array."""
    return isinstance(value, list)


@function("$size", 1)
def size(value: Any) -> int:
    """The number of elements."""
    if not isinstance(value, list):
        raise failure(17124, f"The argument to $size must be an array, but was of type: {type_name(value)}")
    return len(value)


@function("$arrayElemAt", 2)
def array_element_at(items: Any, index: Any) -> Any:
    """The element at an index, counted from the end when negative; missing outside the array."""
    if nullish(items) or nullish(index):
        return None
    if not isinstance(items, list):
        raise failure(28689, f"$arrayElemAt's first argument must be an array, but is {type_name(items)}")
    if not is_number(index):
        raise failure(28690, f"$arrayElemAt's second argument must be a numeric value, but is {type_name(index)}")
    place = as_int32(index)
    if place is None:
        raise failure(28691, f"$arrayElemAt's second argument must be representable as a 32-bit integer: {index}")
    return items[place] if -len(items) <= place < len(items) else MISSING


@variadic("$concatArrays")
def concat_arrays(values: list[Any]) -> Any:
    """All arrays as one; null when any is null or missing."""
    result: list[Any] = []
    for value in values:
        if nullish(value):
            return None
        if not isinstance(value, list):
            raise failure(28664, f"$concatArrays only supports arrays, not {type_name(value)}")
        _require_room("$concatArrays", len(result) + len(value))
        result.extend(value)
    return made(result)


@single("$reverseArray")
def reverse_array(value: Any) -> list[Any]:
    """The elements in reverse order."""
    if not isinstance(value, list):
        raise failure(34435, f"The argument to $reverseArray must be an array, but was of type: {type_name(value)}")
    return value[::-1]


@operator("$slice")
def build_slice(operand: Any, scope: Scope) -> Evaluate:
    """``$slice`` with two or three operands."""
    arguments = operands(operand)
    check_arity("$slice", len(arguments), 2, 3)
    body = _slice if len(arguments) == 2 else _slice_from
    return apply(body, [compile_in(argument, scope) for argument in arguments])


def _slice(items: Any, count: Any) -> Any:
    if nullish(items) or nullish(count):
        return None
    number = _slice_number(items, count, 28725, 28726, "Second")
    return items[:number] if number >= 0 else items[number:]


def _slice_from(items: Any, position: Any, count: Any) -> Any:
    if nullish(items) or nullish(position) or nullish(count):
        return None
    start = _slice_number(items, position, 28725, 28726, "Second")
    number = _slice_number(items, count, 28727, 28728, "Third")
    if number <= 0:
        raise failure(28729, f"Third argument to $slice must be positive: {number}")
    start = max(0, len(items) + start) if start < 0 else start
    return items[start : start + number]


def _slice_number(items: Any, value: Any, not_number: int, not_int: int, which: str) -> int:
    if not isinstance(items, list):
        raise failure(28724, f"First argument to $slice must be an array, but is of type: {type_name(items)}")
    if not is_number(value):
        raise failure(
            not_number, f"{which} argument to $slice must be a numeric value, but is of type: {type_name(value)}"
        )
    number = as_int32(value)
    if number is None:
        raise failure(not_int, f"{which} argument to $slice can't be represented as a 32-bit integer: {value}")
    return number


@function("$range", 2, 3)
def integer_range(start: Any, end: Any, step: Any = 1) -> list[int]:
    """The ints from ``start`` up to but without ``end``."""
    first = _range_number(start, 34443, 34444, "starting value")
    last = _range_number(end, 34445, 34446, "ending value")
    by = _range_number(step, 34447, 34448, "step value")
    if by == 0:
        raise failure(34449, "$range requires a non-zero step value")
    numbers = range(first, last, by)
    _require_room("$range", len(numbers))
    return made(list(numbers))


def _range_number(value: Any, not_number: int, not_int: int, which: str) -> int:
    if not is_number(value):
        raise failure(not_number, f"$range requires a numeric {which}, found value of type: {type_name(value)}")
    number = as_int32(value)
    if number is None:
        raise failure(
            not_int, f"$range requires a {which} that can be represented as a 32-bit integer, found value: {value}"
        )
    return number


@operator("$in")
def build_in(operand: Any, scope: Scope) -> Evaluate:
    """True when the second operand, an array, holds the first."""
    arguments = operands(operand)
    check_arity("$in", len(arguments), 2)
    collation = scope.collation

    def contains(value: Any, items: Any) -> bool:
        if not isinstance(items, list):
            raise failure(40081, f"$in requires an array as a second argument, found: {type_name(items)}")
        if value is MISSING:
            return False
        return any(compare(value, item, collation) == 0 for item in items)

    return apply(contains, [compile_in(argument, scope) for argument in arguments])


@operator("$indexOfArray")
def build_index_of_array(operand: Any, scope: Scope) -> Evaluate:
    """The index of the first equal element between two bounds, or -1."""
    arguments = operands(operand)
    check_arity("$indexOfArray", len(arguments), 2, 4)
    collation = scope.collation

    def index_of(items: Any, value: Any, *bounds: Any) -> Any:
        if nullish(items):
            return None
        if not isinstance(items, list):
            raise failure(40090, f"$indexOfArray requires an array as a first argument, found: {type_name(items)}")
        start, end = search_bounds("$indexOfArray", len(items), *bounds)
        places = range(start, min(end, len(items)))
        if value is MISSING:
            return -1
        return next((place for place in places if compare(items[place], value, collation) == 0), -1)

    return apply(index_of, [compile_in(argument, scope) for argument in arguments])


def search_bounds(name: str, length: int, *bounds: Any) -> tuple[int, int]:
    """The validated start and end of a search; without bounds, all of ``length``."""
    first = _bound(name, bounds[0], "starting") if bounds else 0
    return first, _bound(name, bounds[1], "ending") if len(bounds) > 1 else length


def _bound(name: str, value: Any, which: str) -> int:
    number = as_int32(value)
    if number is None:
        raise failure(40096, f"{name} requires an integral {which} index, found a value of type: {type_name(value)}")
    if number < 0:
        raise failure(40097, f"{name} requires a nonnegative {which} index, found: {number}")
    return number


@operator("$zip")
def build_zip(operand: Any, scope: Scope) -> Evaluate:
    """The transposed input arrays."""
    inputs, defaults, longest = _zip_arguments(operand, scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        arrays = inputs(document, variables)
        fillers = defaults(document, variables) if defaults else None
        return _zip(arrays, fillers, longest)

    return fold(evaluate, [inputs, *([defaults] if defaults else [])])


def _zip_arguments(operand: Any, scope: Scope) -> tuple[Evaluate, Evaluate | None, bool]:
    if not isinstance(operand, dict):
        raise failure(34460, f"$zip only supports an object as an argument, found {type_name(operand)}")
    for key in operand:
        if key not in ("inputs", "defaults", "useLongestLength"):
            raise failure(34464, f"$zip found an unknown argument: {key}")
    longest = operand.get("useLongestLength", False)
    if not isinstance(longest, bool):
        raise failure(34463, f"useLongestLength must be a bool, found {type_name(longest)}")
    if not operand.get("inputs"):
        raise failure(34465, "$zip requires at least one input array")
    for number, key in ((34461, "inputs"), (34462, "defaults")):
        if not isinstance(operand.get(key, []), list):
            raise failure(number, f"{key} must be an array of expressions, found {type_name(operand[key])}")
    if "defaults" in operand and not longest:
        raise failure(34466, "cannot specify defaults unless useLongestLength is true")
    defaults = operand.get("defaults")
    if defaults is not None and len(defaults) != len(operand["inputs"]):
        raise failure(34467, "defaults and inputs must have the same length")
    return compile_in(operand["inputs"], scope), compile_in(defaults, scope) if defaults is not None else None, longest


def _zip(arrays: list[Any], fillers: list[Any] | None, longest: bool) -> Any:
    for array in arrays:
        if nullish(array):
            return None
        if not isinstance(array, list):
            raise failure(34468, f"$zip found a non-array expression in input: {array!r}")
    lengths = [len(array) for array in arrays]
    rows = range(max(lengths) if longest else min(lengths))
    _require_room("$zip", len(rows) * len(arrays))
    spend(len(rows) * len(arrays))
    empty = fillers if fillers is not None else [None] * len(arrays)
    return [
        [array[row] if row < len(array) else filler for array, filler in zip(arrays, empty, strict=True)]
        for row in rows
    ]
