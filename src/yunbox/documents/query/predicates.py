"""Tests of single values: comparisons, membership, types, remainders, bits, sizes, regular expressions.

Each builder checks its operand as MongoDB does when it parses a filter, and returns a predicate on one value. Arrays on a
path are taken apart by `paths`; a predicate sees one element, the whole array, or `MISSING`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from re import Pattern
from typing import Any

from bson import Decimal128, Int64, MaxKey, MinKey, Regex

from yunbox.errors import QueryError

from .paths import Predicate
from .regex import compile_regex
from .values import (
    DATE,
    INT64_MAX,
    INT64_MIN,
    MISSING,
    NAN,
    TYPE_NUMBERS,
    UNDEFINED,
    Collation,
    bracket,
    date_millis,
    from_millis,
    is_number,
    is_text,
    regex_parts,
    sort_key,
    type_name,
)


def bad_value(message: str) -> QueryError:
    """MongoDB's error 2."""
    return QueryError(message, number=2, name="BadValue")


def is_regex(value: Any) -> bool:
    """Whether a value is a BSON regular expression."""
    return isinstance(value, (Regex, Pattern))


def is_nullish(value: Any) -> bool:
    """What equality with null matches: null, undefined, a field that is not there."""
    return value is None or value is MISSING or value is UNDEFINED


_Order = Callable[[Any, Any], bool]
_ORDERS: dict[str, _Order] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def equality(operand: Any, collation: Collation | None = None) -> Predicate:
    """``$eq`` on one value."""
    if operand is UNDEFINED:
        raise bad_value("cannot compare to undefined")
    if operand is None:
        return is_nullish
    kind = type(operand)
    if kind is int:
        return _equal_to_number(operand)
    if kind is bool:
        return lambda value: value is operand
    if kind is str and collation is None:
        return lambda value: type(value) is str and value == operand
    key = sort_key(operand, collation)
    return lambda value: value is not MISSING and sort_key(value, collation) == key


def _equal_to_number(operand: int) -> Predicate:
    def equal(value: Any) -> bool:
        kind = type(value)
        if kind is int or kind is float or kind is Int64:
            return value == operand  # type: ignore[no-any-return]
        return kind is Decimal128 and value.to_decimal() == operand

    return equal


def ordering(name: str, operand: Any, collation: Collation | None = None) -> Predicate:
    """``$gt $gte $lt $lte`` on one value: within the operand's type only, but for MinKey and MaxKey."""
    if operand is UNDEFINED:
        raise bad_value("cannot compare to undefined")
    order = _ORDERS[name]
    or_equal = name in ("$gte", "$lte")
    if isinstance(operand, (MinKey, MaxKey)):
        return _beside_extreme(operand, name, or_equal)
    if operand is None:
        return is_nullish if or_equal else _never
    key = sort_key(operand, collation)
    if key[0] == NAN:
        return equality(operand) if or_equal else _never
    if type(operand) is int or type(operand) is float:
        return _ordered_number(order, operand)
    if type(operand) is str and collation is None:
        return lambda value: type(value) is str and order(value, operand)
    general = _ordered_key(order, key, collation)
    return _ordered_date(order, operand, general) if key[0] == DATE else general


def _ordered_key(order: _Order, key: tuple[Any, ...], collation: Collation | None) -> Predicate:
    place = key[0]
    return lambda value: bracket(value) == place and order(sort_key(value, collation), key)


def _ordered_date(order: _Order, operand: Any, general: Predicate) -> Predicate:
    moment = from_millis(date_millis(operand))
    if not isinstance(moment, datetime):
        return general

    def ordered(value: Any) -> bool:
        # Dates out of storage are UTC with whole milliseconds; any other is measured first.
        if type(value) is datetime and value.tzinfo is UTC and not value.microsecond % 1000:
            return order(value, moment)
        return general(value)

    return ordered


def _never(value: Any) -> bool:
    return False


def _ordered_number(order: _Order, operand: int | float) -> Predicate:
    def ordered(value: Any) -> bool:
        kind = type(value)
        if kind is int or kind is float or kind is Int64:
            return order(value, operand)
        if kind is not Decimal128:
            return False
        exact = value.to_decimal()
        return not exact.is_nan() and order(exact, operand)

    return ordered


def _beside_extreme(operand: Any, name: str, or_equal: bool) -> Predicate:
    kind = type(operand)
    matches_others = name in ("$lt", "$lte") if kind is MaxKey else name in ("$gt", "$gte")
    return lambda value: or_equal if type(value) is kind else matches_others


def membership(operands: Any, collation: Collation | None = None) -> Predicate:
    """``$in`` on one value: equal to one of the values, or matched by one of the regular expressions."""
    if not isinstance(operands, list):
        raise bad_value("$in needs an array")
    tests: list[Predicate] = []
    keys = set()
    for operand in operands:
        if operand is UNDEFINED:
            raise bad_value("InMatchExpression equality cannot be undefined")
        expression = regex_operand(operand)
        if expression is not None:
            tests.append(expression)
        elif isinstance(operand, dict) and starts_with_operator(operand):
            raise bad_value("cannot nest $ under $in")
        else:
            keys.add(sort_key(operand, collation))
    return _member_of(keys, tests, None in operands, collation)


def regex_operand(operand: Any) -> Predicate | None:
    """The test of a regular expression inside ``$in`` or ``$all``; drivers may also spell it ``{$regex, $options}``."""
    if is_regex(operand):
        return regular_expression(*regex_parts(operand))
    if isinstance(operand, dict) and "$regex" in operand and operand.keys() <= {"$regex", "$options"}:
        pattern, options = operand["$regex"], operand.get("$options", "")
        if is_regex(pattern):
            return regular_expression(*regex_parts(pattern))
        if is_text(pattern) and is_text(options):
            return regular_expression(pattern, options)
    return None


def starts_with_operator(value: dict[str, Any]) -> bool:
    """Whether an object is written as operators (and is not a DBRef)."""
    first = next(iter(value), "")
    return first.startswith("$") and first not in ("$ref", "$id", "$db")


def _member_of(
    keys: set[tuple[Any, ...]], tests: list[Predicate], with_null: bool, collation: Collation | None
) -> Predicate:
    def member(value: Any) -> bool:
        if value is MISSING or value is UNDEFINED:
            return with_null
        return sort_key(value, collation) in keys

    if not tests:
        return member
    return lambda value: member(value) or any(test(value) for test in tests)


def regular_expression(pattern: str, options: str) -> Predicate:
    """``$regex`` on one value: a string with a match, or the very same regular expression."""
    test = compile_regex(pattern, options).test
    same = (pattern, "".join(sorted(set(options))))

    def matches(value: Any) -> bool:
        if type(value) is str:
            return test(value)
        return is_regex(value) and regex_parts(value) == same

    return matches


def exists(value: Any) -> bool:
    """``$exists: true`` on one value."""
    return value is not MISSING


_NUMERIC = frozenset({"int", "long", "double", "decimal"})
_NAMES_BY_NUMBER = {number: name for name, number in TYPE_NUMBERS.items()}


def type_names(operand: Any, what: str) -> frozenset[str]:
    """The type names meant by a ``$type`` operand: a number, an alias, or an array of these."""
    items = operand if isinstance(operand, list) else [operand]
    if not items:
        raise QueryError(f"{what} must match at least one type", number=9, name="FailedToParse")
    names: set[str] = set()
    for item in items:
        names.update(_NUMERIC if item == "number" else (_type_alias(item),))
    return frozenset(names)


def _type_alias(item: Any) -> str:
    if is_text(item):
        if item not in TYPE_NUMBERS:
            raise bad_value(f"Unknown type name alias: {item}")
        return item
    if not is_number(item):
        raise QueryError("type must be represented as a number or a string", number=14, name="TypeMismatch")
    number = integral(item)
    if number is None or number not in _NAMES_BY_NUMBER:
        hint = ". Instead use {$exists:false}." if number == 0 else ""
        raise bad_value(f"Invalid numerical type code: {item}{hint}")
    return _NAMES_BY_NUMBER[number]


def of_type(operand: Any, field: str) -> Predicate:
    """``$type`` on one value."""
    names = type_names(operand, field)
    return lambda value: value is not MISSING and type_name(value) in names


def size(operand: Any) -> Predicate:
    """``$size`` on a whole array."""
    count = _size_operand(operand)
    return lambda value: type(value) is list and len(value) == count


def _size_operand(operand: Any) -> int:
    if not is_number(operand):
        raise bad_value(f"Failed to parse $size. Expected a number in: $size: {operand!r}")
    number = operand.to_decimal() if isinstance(operand, Decimal128) else operand
    if not math.isfinite(number) or number != int(number):
        raise bad_value(f"Failed to parse $size. Expected an integer: $size: {operand}")
    if number < 0:
        raise bad_value(f"Failed to parse $size. Expected a non-negative number in: $size: {operand}")
    return int(number)


def remainder(operand: Any) -> Predicate:
    """``$mod`` on one value."""
    if not isinstance(operand, list):
        raise bad_value("malformed mod, needs to be an array")
    if len(operand) != 2:
        raise bad_value(f"malformed mod, {'not enough' if len(operand) < 2 else 'too many'} elements")
    divisor = _whole(operand[0], "divisor")
    expected = _whole(operand[1], "remainder")
    if divisor == 0:
        raise bad_value("divisor cannot be 0")

    def matches(value: Any) -> bool:
        if not is_number(value):
            return False
        number = truncated(value)
        if number is None:
            return False
        result = abs(number) % abs(divisor)
        return (-result if number < 0 else result) == expected

    return matches


def _whole(value: Any, what: str) -> int:
    if not is_number(value):
        raise bad_value(f"malformed mod, {what} not a number")
    number = truncated(value)
    if number is None:
        raise bad_value(f"malformed mod, {what} value is invalid: {value} is not a 64-bit integer")
    return number


def truncated(value: Any) -> int | None:
    """A number cut to a 64-bit integer, or ``None`` where there is none (NaN, infinities, too large)."""
    if isinstance(value, int):
        return int(value)
    number: float | Decimal = value.to_decimal() if isinstance(value, Decimal128) else value
    if not math.isfinite(number) or not -(2.0**64) < number < 2.0**64:
        return None
    whole = int(number)
    return whole if INT64_MIN <= whole <= INT64_MAX else None


def integral(value: Any) -> int | None:
    """A number as a 64-bit integer, or ``None`` when it is not exactly one."""
    number = truncated(value)
    if number is None or isinstance(value, int):
        return number
    exact = value.to_decimal() if isinstance(value, Decimal128) else value
    return number if exact == number else None


def bits(name: str, operand: Any) -> Predicate:
    """``$bitsAllSet $bitsAllClear $bitsAnySet $bitsAnyClear`` on one value."""
    check = _bit_check(name, _bit_positions(name, operand))

    def matches(value: Any) -> bool:
        if isinstance(value, bytes):
            return check(int.from_bytes(value, "little"))
        if not is_number(value):
            return False
        number = integral(value)
        # Beyond bit 63 a number repeats its sign, which Python's integers do by themselves.
        return number is not None and check(number)

    return matches


_BIT_CHECKS: dict[str, Callable[[int, int], bool]] = {
    "$bitsAllSet": lambda number, mask: number & mask == mask,
    "$bitsAllClear": lambda number, mask: number & mask == 0,
    "$bitsAnySet": lambda number, mask: number & mask != 0,
    "$bitsAnyClear": lambda number, mask: number & mask != mask,
}
_MASK_BITS = 4096


def _bit_check(name: str, positions: set[int]) -> Callable[[int], bool]:
    if max(positions, default=0) <= _MASK_BITS:
        mask = sum(1 << position for position in positions)
        compare = _BIT_CHECKS[name]
        return lambda number: compare(number, mask)
    wanted = name.endswith("Set")
    combine = all if "All" in name else any
    return lambda number: combine(bool(number >> position & 1) is wanted for position in positions)


def _bit_positions(name: str, operand: Any) -> set[int]:
    if isinstance(operand, list):
        return {_bit_position(item) for item in operand}
    if isinstance(operand, bytes):
        return _set_bits(int.from_bytes(operand, "little"))
    if not is_number(operand):
        raise bad_value(f"{name} takes an Array, a number, or a BinData but received: {operand!r}")
    mask = integral(operand)
    if mask is None or not INT64_MIN <= mask <= INT64_MAX:
        raise bad_value(f"{name} cannot be represented as a 64-bit integer: {operand}")
    if mask < 0:
        raise bad_value(f"{name} bit mask cannot be a negative number: {operand}")
    return _set_bits(mask)


def _set_bits(mask: int) -> set[int]:
    return {position for position in range(mask.bit_length()) if mask >> position & 1}


def _bit_position(item: Any) -> int:
    position = integral(item) if is_number(item) else None
    if position is None:
        raise bad_value(f"bit positions must be an integer but got: {item!r}")
    if position < 0:
        raise bad_value(f"bit positions must be >= 0 but got: {item}")
    if position > 2**31 - 1:
        raise bad_value(f"bit positions cannot be represented as a 32-bit signed integer: {item}")
    return position


def number_test(name: str, field: str, operand: int | float) -> Callable[[Any], bool]:
    """A test of a top-level field against a number: the shortest way for the most frequent filter."""
    order: _Order = operator.eq if name == "$eq" else _ORDERS[name]
    general = _equal_to_number(operand) if name == "$eq" and type(operand) is int else ordering_or_equal(name, operand)

    def test(document: Any) -> bool:
        value = document.get(field)
        kind = type(value)
        if kind is int or kind is float:
            return order(value, operand)
        if kind is list:
            return any(general(item) for item in value)
        return general(value)

    return test


def ordering_or_equal(name: str, operand: Any) -> Predicate:
    """The predicate of a comparison operator without collation."""
    return equality(operand) if name == "$eq" else ordering(name, operand)
