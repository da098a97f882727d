"""$convert and its short forms $toBool $toInt $toLong $toDouble $toDecimal $toDate $toString $toObjectId."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bson import DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId
from bson.errors import InvalidId

from ..values import date_millis, from_millis, type_name
from .building import nullish
from .calendar import is_date, iso_text, millis_of
from .compiler import compile_in
from .date_parsing import DateSyntaxError, parse_date
from .failures import CONVERSION_FAILURE, failure
from .numbers import (
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    from_decimal,
    is_number,
    text_of,
    to_decimal,
    to_double,
)
from .registry import Constant, Document, Evaluate, Variables, check_arity, fold, operands, operator
from .scope import Scope

ALIASES = {
    "double": 1, "string": 2, "object": 3, "array": 4, "binData": 5, "undefined": 6, "objectId": 7, "bool": 8,
    "date": 9, "null": 10, "regex": 11, "dbPointer": 12, "javascript": 13, "symbol": 14, "javascriptWithScope": 15,
    "int": 16, "timestamp": 17, "long": 18, "decimal": 19, "minKey": -1, "maxKey": 127,
}  # fmt: skip
_NAMES = {number: name for name, number in ALIASES.items()}
_INTEGER = re.compile(r"[+-]?\d+")
_DOUBLE = re.compile(
    r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan|0[xX][\da-fA-F]+)", re.IGNORECASE
)


class Unconvertible(ValueError):
    """The value has no equivalent in the wanted type."""


def _unsupported(value: Any, target: str) -> Unconvertible:
    return Unconvertible(
        f"Unsupported conversion from {type_name(value)} to {target} in $convert with no onError value"
    )


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return not (value.to_decimal().is_zero() if isinstance(value, Decimal128) else value == 0)
    if isinstance(value, MinKey | MaxKey):
        raise _unsupported(value, "bool")
    return True


def _to_whole(value: Any, low: int, high: int, target: str) -> int:
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return _number_to_whole(value, low, high)
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise Unconvertible(f"Failed to parse number '{value}' in $convert with no onError value")
        if not low <= int(value) <= high:
            raise Unconvertible(f"Failed to parse number '{value}' in $convert with no onError value: Overflow")
        return int(value)
    if target == "long" and isinstance(value, datetime | DatetimeMS):
        return date_millis(value)
    raise _unsupported(value, target)


def _number_to_whole(value: Any, low: int, high: int) -> int:
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if number != number:
        raise Unconvertible("Attempt to convert NaN value to integer type in $convert with no onError value")
    if abs(number) == math.inf:
        raise Unconvertible("Attempt to convert infinity value to integer type in $convert with no onError value")
    if isinstance(number, decimal.Decimal) and number.adjusted() > 40:
        raise Unconvertible(f"Conversion would overflow target type in $convert with no onError value: {number}")
    result = int(number)
    if not low <= result <= high:
        raise Unconvertible(
            f"Conversion would overflow target type in $convert with no onError value: {text_of(value)}"
        )
    return result


def _to_int(value: Any) -> int:
    return _to_whole(value, INT_MIN, INT_MAX, "int")


def _to_long(value: Any) -> Int64:
    return Int64(_to_whole(value, LONG_MIN, LONG_MAX, "long"))


def _to_double(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    if is_number(value):
        number = to_double(value)
        if isinstance(value, Decimal128) and math.isinf(number) and value.to_decimal().is_finite():
            raise Unconvertible(f"Conversion would overflow target type in $convert with no onError value: {value}")
        return number
    if isinstance(value, str):
        return _parse_double(value)
    if isinstance(value, datetime | DatetimeMS):
        return float(date_millis(value))
    raise _unsupported(value, "double")


def _parse_double(text: str) -> float:
    if not _DOUBLE.fullmatch(text):
        raise Unconvertible(f"Failed to parse number '{text}' in $convert with no onError value")
    if "x" in text.lower():
        raise Unconvertible(f"Illegal hexadecimal input in $convert with no onError value: {text}")
    number = float(text)
    if math.isinf(number) and "inf" not in text.lower():
        raise Unconvertible(f"Failed to parse number '{text}' in $convert with no onError value: Out of range")
    return number


def _to_decimal(value: Any) -> Decimal128:
    if isinstance(value, Decimal128):
        return value
    if isinstance(value, bool):
        return Decimal128(str(int(value)))
    if is_number(value):
        return from_decimal(to_decimal(value))
    if isinstance(value, str):
        return _parse_decimal(value)
    if isinstance(value, datetime | DatetimeMS):
        return Decimal128(str(date_millis(value)))
    raise _unsupported(value, "decimal")


def _parse_decimal(text: str) -> Decimal128:
    try:
        if text != text.strip() or "_" in text:
            raise decimal.InvalidOperation
        return from_decimal(decimal.Decimal(text))
    except decimal.InvalidOperation as error:
        raise Unconvertible(f"Failed to parse number '{text}' in $convert with no onError value") from error


def _to_date(value: Any) -> Any:
    if is_date(value):
        return from_millis(millis_of(value))
    if isinstance(value, str):
        try:
            return from_millis(parse_date(value, None))
        except DateSyntaxError as error:
            raise Unconvertible(f"{error} in $convert with no onError value") from error
    if isinstance(value, float | Int64 | Decimal128) or (is_number(value) and not INT_MIN <= value <= INT_MAX):
        return from_millis(_number_to_whole(value, LONG_MIN, LONG_MAX))
    raise _unsupported(value, "date")


def _to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return text_of(value)
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime | DatetimeMS):
        return iso_text(value)
    raise _unsupported(value, "string")


def _to_object_id(value: Any) -> ObjectId:
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str):
        try:
            return ObjectId(value)
        except InvalidId as error:
            raise Unconvertible(f"Failed to parse objectId '{value}' in $convert with no onError value") from error
    raise _unsupported(value, "objectId")


CONVERSIONS: dict[int, Callable[[Any], Any]] = {
    1: _to_double,
    2: _to_string,
    7: _to_object_id,
    8: _to_bool,
    9: _to_date,
    16: _to_int,
    18: _to_long,
    19: _to_decimal,
}


def convert(value: Any, target: int) -> Any:
    """``value`` as the BSON type numbered ``target``. Raises `Unconvertible`."""
    conversion = CONVERSIONS.get(target)
    if conversion is None:
        raise _unsupported(value, _NAMES.get(target, "missing"))
    return conversion(value)


def _type_number(value: Any) -> int:
    if isinstance(value, str):
        if value not in ALIASES:
            raise failure(2, f"Unknown type name alias: {value}")
        return ALIASES[value]
    if not is_number(value):
        raise failure(9, f"$convert's 'to' argument must be a string or number, but is {type_name(value)}")
    number = to_double(value)
    if not number.is_integer():
        raise failure(9, "In $convert, numeric 'to' argument is not an integer")
    if int(number) not in _NAMES and int(number) != 0:
        raise failure(9, f"In $convert, numeric value for 'to' does not correspond to a BSON type: {int(number)}")
    return int(number)


@operator("$convert")
def build_convert(operand: Any, scope: Scope) -> Evaluate:
    """``input`` as the type ``to``, with fallbacks for errors and null."""
    if not isinstance(operand, dict):
        raise failure(9, f"$convert expects an object of named arguments but found: {type_name(operand)}")
    for key in operand:
        if key not in ("input", "to", "onError", "onNull"):
            raise failure(9, f"$convert found an unknown argument: {key}")
    for key in ("input", "to"):
        if key not in operand:
            raise failure(9, f"Missing '{key}' parameter to $convert")
    parts = {key: compile_in(value, scope) for key, value in operand.items()}
    on_null = parts.get("onNull", Constant(None))
    on_error = parts.get("onError")

    def evaluate(document: Document, variables: Variables) -> Any:
        target = parts["to"](document, variables)
        value = parts["input"](document, variables)
        number = None if nullish(target) else _type_number(target)
        if nullish(value):
            return on_null(document, variables)
        if number is None:
            return None
        try:
            return convert(value, number)
        except Unconvertible as error:
            if on_error is not None:
                return on_error(document, variables)
            raise failure(CONVERSION_FAILURE, str(error)) from error

    return fold(evaluate, parts.values())


def _register_short(name: str, target: int) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        arguments = operands(operand)
        check_arity(name, len(arguments), 1)
        part = compile_in(arguments[0], scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            value = part(document, variables)
            if nullish(value):
                return None
            try:
                return convert(value, target)
            except Unconvertible as error:
                raise failure(CONVERSION_FAILURE, str(error)) from error

        return fold(evaluate, (part,))


for _name, _target in (
    ("$toDouble", 1),
    ("$toString", 2),
    ("$toObjectId", 7),
    ("$toBool", 8),
    ("$toDate", 9),
    ("$toInt", 16),
    ("$toLong", 18),
    ("$toDecimal", 19),
):
    _register_short(_name, _target)
