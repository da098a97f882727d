"""$add $subtract $multiply $divide $mod $abs $ceil $floor $round $trunc $exp $ln $log $log10 $pow $sqrt."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bson import DatetimeMS, Decimal128

from ..values import date_millis, from_millis, type_name
from .building import function, nullish, single, variadic
from .failures import failure
from .numbers import (
    CONTEXT,
    DECIMAL,
    DOUBLE,
    INT,
    INT_MAX,
    INT_MIN,
    LONG,
    LONG_MAX,
    LONG_MIN,
    NOT_A_NUMBER,
    add,
    add_doubles,
    as_int64,
    from_decimal,
    is_number,
    kind,
    multiply,
    subtract,
    text_of,
    to_decimal,
    to_double,
    truncated_long,
    whole,
)

DATES = (datetime, DatetimeMS)


_DOUBLES = frozenset({(float, float), (int, float), (float, int)})


@variadic("$add")
def add_all(values: list[Any]) -> Any:
    """The sum of numbers, and of at most one date."""
    if len(values) == 2:
        left, right = values
        if (type(left), type(right)) in _DOUBLES:
            return left + right
        if type(left) is int and type(right) is int:
            return add(left, right)
    date = None
    numbers = []
    for value in values:
        if is_number(value):
            numbers.append(value)
        elif isinstance(value, DATES):
            if date is not None:
                raise failure(16612, "only one date allowed in an $add expression")
            date = value
        elif nullish(value):
            return None
        else:
            raise failure(16554, f"$add only supports numeric or date types, not {type_name(value)}")
    total = sum_numbers(numbers)
    return total if date is None else add_to_date(date, total, "$add")


def sum_numbers(numbers: list[Any]) -> Any:
    """The sum in the widest type among ``numbers``; doubles are added exactly and rounded once."""
    widest = max((kind(number) for number in numbers), default=INT)
    if widest == DECIMAL:
        return _sum_decimals(numbers)
    if widest == DOUBLE:
        return add_doubles(float(number) for number in numbers)
    return whole(sum(int(number) for number in numbers), widest)


def _sum_decimals(numbers: list[Any]) -> Decimal128:
    total = decimal.Decimal(0)
    for number in numbers:
        if isinstance(number, Decimal128):
            total = CONTEXT.add(total, number.to_decimal())
    others = [number for number in numbers if not isinstance(number, Decimal128)]
    if not others:
        return from_decimal(total)
    return from_decimal(CONTEXT.add(total, to_decimal(sum_numbers(others))))


def add_to_date(date: Any, amount: Any, name: str) -> Any:
    """``date`` moved by ``amount`` milliseconds, rounded to whole ones."""
    millis = date_millis(date) + (_rounded(amount) if isinstance(amount, float) else truncated_long(amount))
    if isinstance(amount, Decimal128):
        millis = LONG_MAX if abs(millis) > LONG_MAX or not amount.to_decimal().is_finite() else millis
    if not LONG_MIN <= millis <= LONG_MAX:
        raise failure(15, f"date overflow in {name}")
    return from_millis(millis)


def _rounded(amount: float) -> int:
    if not math.isfinite(amount):
        raise failure(15, "date overflow in $add")
    return math.floor(abs(amount) + 0.5) * (1 if amount >= 0 else -1)


@function("$subtract", 2)
def subtract_two(left: Any, right: Any) -> Any:
    """The difference of two numbers, of two dates (milliseconds), or of a date and milliseconds."""
    if is_number(left) and is_number(right):
        return subtract(left, right)
    if nullish(left) or nullish(right):
        return None
    if isinstance(left, DATES):
        if isinstance(right, DATES):
            return whole(date_millis(left) - date_millis(right), LONG)
        if is_number(right):
            return add_to_date(left, -truncated_long(right), "$subtract")
        raise failure(16613, f"can't $subtract {type_name(right)} from Date")
    raise failure(16556, f"can't $subtract {type_name(right)} from {type_name(left)}")


@variadic("$multiply")
def multiply_all(values: list[Any]) -> Any:
    """The product of numbers."""
    if len(values) == 2:
        left, right = values
        if (type(left), type(right)) in _DOUBLES:
            return left * right
    result: Any = 1
    for value in values:
        if is_number(value):
            result = multiply(result, value)
        elif nullish(value):
            return None
        else:
            raise failure(16555, f"$multiply only supports numeric types, not {type_name(value)}")
    return result


@function("$divide", 2)
def divide(left: Any, right: Any) -> Any:
    """The quotient, a double, or a decimal when either is one."""
    if is_number(left) and is_number(right):
        if DECIMAL in (kind(left), kind(right)):
            divisor = to_decimal(right)
            if divisor.is_zero():
                raise failure(16608, "can't $divide by zero")
            return from_decimal(CONTEXT.divide(to_decimal(left), divisor))
        if right == 0:
            raise failure(16608, "can't $divide by zero")
        return to_double(left) / to_double(right)
    if nullish(left) or nullish(right):
        return None
    raise failure(16609, f"$divide only supports numeric types, not {type_name(left)} and {type_name(right)}")


@function("$mod", 2)
def modulo(left: Any, right: Any) -> Any:
    """The remainder, with the sign of the dividend."""
    if is_number(left) and is_number(right):
        return _remainder(left, right)
    if nullish(left) or nullish(right):
        return None
    raise failure(16611, f"$mod only supports numeric types, not {type_name(left)} and {type_name(right)}")


def _remainder(left: Any, right: Any) -> Any:
    widest = max(kind(left), kind(right))
    if widest == DECIMAL:
        return _decimal_remainder(to_decimal(left), to_decimal(right))
    if right == 0:
        raise failure(16610, "can't $mod by zero")
    if kind(left) == DOUBLE or (kind(right) == DOUBLE and not float(right).is_integer()):
        left, right = to_double(left), to_double(right)
        return math.nan if math.isinf(left) else math.fmod(left, right)
    divisor = int(right)
    result = abs(int(left)) % abs(divisor)
    return whole(-result if left < 0 else result, LONG if LONG in (kind(left), kind(right)) else INT)


def _decimal_remainder(left: decimal.Decimal, right: decimal.Decimal) -> Decimal128:
    if right.is_zero():
        raise failure(5733415, "can't $mod by zero")
    with decimal.localcontext(CONTEXT) as context:
        if left.is_infinite() or left.is_nan() or right.is_nan():
            return Decimal128("NaN")
        if right.is_infinite():
            return Decimal128(left)
        context.prec = 6200
        return from_decimal(left % right)


def numeric(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register a function of one number; null gives null, anything else error 28765."""

    def register(body: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def checked(value: Any) -> Any:
            if kind(value) == NOT_A_NUMBER:
                raise failure(28765, f"{name} only supports numeric types, not {type_name(value)}")
            return body(value)

        single(name)(checked)
        return body

    return register


@numeric("$abs")
def absolute(value: Any) -> Any:
    """The absolute value."""
    if isinstance(value, Decimal128):
        return Decimal128(abs(value.to_decimal())) if not value.to_decimal().is_nan() else value
    if isinstance(value, float):
        return abs(value)
    if value == LONG_MIN:
        raise failure(28680, "can't take $abs of long long min")
    return whole(abs(int(value)), kind(value))


@numeric("$ceil")
def ceiling(value: Any) -> Any:
    """The least whole number not below the value, in the value's type."""
    return _integral(value, math.ceil, decimal.ROUND_CEILING)


@numeric("$floor")
def floor(value: Any) -> Any:
    """The greatest whole number not above the value, in the value's type."""
    return _integral(value, math.floor, decimal.ROUND_FLOOR)


def _integral(value: Any, rounded: Callable[[float], int], rounding: str) -> Any:
    if isinstance(value, Decimal128):
        return from_decimal(value.to_decimal().to_integral_value(rounding))
    if isinstance(value, float):
        return float(rounded(value)) if math.isfinite(value) else value
    return value


@numeric("$exp")
def exponential(value: Any) -> Any:
    """e to the given power."""
    if isinstance(value, Decimal128):
        return from_decimal(CONTEXT.exp(value.to_decimal()))
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


@numeric("$sqrt")
def square_root(value: Any) -> Any:
    """The square root of a number that is not negative."""
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        if not number.is_nan() and number < 0:
            raise failure(28714, "$sqrt's argument must be greater than or equal to 0")
        return from_decimal(CONTEXT.sqrt(number))
    if value < 0:
        raise failure(28714, "$sqrt's argument must be greater than or equal to 0")
    return math.sqrt(value)


@numeric("$ln")
def natural_logarithm(value: Any) -> Any:
    """The natural logarithm of a positive number."""
    _require_positive(value, 28766, "$ln's argument must be a positive number, but is")
    if isinstance(value, Decimal128):
        return from_decimal(CONTEXT.ln(value.to_decimal()))
    return math.log(value)


@numeric("$log10")
def decadic_logarithm(value: Any) -> Any:
    """The logarithm to base 10 of a positive number."""
    _require_positive(value, 28761, "$log10's argument must be a positive number, but is")
    if isinstance(value, Decimal128):
        return from_decimal(CONTEXT.log10(value.to_decimal()))
    return math.log10(value)


def _require_positive(value: Any, number: int, message: str) -> None:
    plain = value.to_decimal() if isinstance(value, Decimal128) else value
    if plain <= 0 if plain == plain else False:
        raise failure(number, f"{message} {text_of(value)}")


@function("$log", 2)
def logarithm(value: Any, base: Any) -> Any:
    """The logarithm of a positive number to a positive base other than 1."""
    if nullish(value) or nullish(base):
        return None
    if not is_number(value):
        raise failure(28756, f"$log's argument must be numeric, not {type_name(value)}")
    if not is_number(base):
        raise failure(28757, f"$log's base must be numeric, not {type_name(base)}")
    _require_positive(value, 28758, "$log's argument must be a positive number, but is")
    message = "$log's base must be a positive number not equal to 1, but is"
    _require_positive(base, 28759, message)
    if to_double(base) == 1:
        raise failure(28759, f"{message} {text_of(base)}")
    if DECIMAL in (kind(value), kind(base)):
        return from_decimal(CONTEXT.divide(CONTEXT.ln(to_decimal(value)), CONTEXT.ln(to_decimal(base))))
    return math.log(value) / math.log(base)


@function("$pow", 2)
def power(base: Any, exponent: Any) -> Any:
    """``base`` to the given power; whole numbers stay whole when the result fits a long."""
    if nullish(base) or nullish(exponent):
        return None
    if not is_number(base):
        raise failure(28762, f"$pow's base must be numeric, not {type_name(base)}")
    if not is_number(exponent):
        raise failure(28763, f"$pow's exponent must be numeric, not {type_name(exponent)}")
    if to_double(base) == 0 and to_double(exponent) < 0:
        raise failure(28764, "$pow cannot take a base of 0 and a negative exponent")
    widest = max(kind(base), kind(exponent))
    if widest == DECIMAL:
        return from_decimal(CONTEXT.power(to_decimal(base), to_decimal(exponent)))
    if widest == DOUBLE:
        return double_power(float(base), float(exponent))
    return _whole_power(int(base), int(exponent), widest)


def _whole_power(base: int, exponent: int, widest: int) -> Any:
    if base in (0, 1):
        return whole(1 if exponent == 0 else base, widest)
    if base == -1:
        return whole(-1 if exponent % 2 else 1, widest)
    if exponent < 0 or exponent > 63:
        return double_power(float(base), float(exponent))
    return whole(base**exponent, widest)


def double_power(base: float, exponent: float) -> float:
    """C's ``pow``: never an exception."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan


@function("$round", 1, 2)
def round_to(value: Any, place: Any = 0) -> Any:
    """The value rounded half to even at a decimal place from -20 to 100."""
    return _at_place("$round", value, place, decimal.ROUND_HALF_EVEN)


@function("$trunc", 1, 2)
def truncate(value: Any, place: Any = 0) -> Any:
    """The value cut off at a decimal place from -20 to 100."""
    return _at_place("$trunc", value, place, decimal.ROUND_DOWN)


def _at_place(name: str, value: Any, place: Any, rounding: str) -> Any:
    if nullish(value) or nullish(place):
        return None
    if not is_number(value):
        raise failure(51081, f"{name} only supports numeric types, not {type_name(value)}")
    digits = _place(name, place)
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        return from_decimal(_quantized(number, digits, rounding)) if number.is_finite() else value
    if isinstance(value, float):
        return float(_quantized(decimal.Decimal(value), digits, rounding)) if math.isfinite(value) else value
    if digits >= 0:
        return value
    result = int(_quantized(decimal.Decimal(int(value)), digits, rounding))
    if not LONG_MIN <= result <= LONG_MAX:
        raise failure(51080, f"invalid conversion from Decimal128 result in {name} resulting from arguments")
    return whole(result, LONG if kind(value) == LONG or not INT_MIN <= result <= INT_MAX else INT)


def _place(name: str, place: Any) -> int:
    if not is_number(place):
        raise failure(16004, f"can't convert from BSON type {type_name(place)} to long")
    digits = as_int64(place)
    if digits is None:
        raise failure(51082, f"precision argument to  {name} must be a integral value")
    if not -20 <= digits <= 100:
        raise failure(51083, f"cannot apply {name} with precision value {digits} value must be in [-20, 100]")
    return digits


def _quantized(number: decimal.Decimal, digits: int, rounding: str) -> decimal.Decimal:
    with decimal.localcontext() as context:
        context.prec = 800
        context.Emax, context.Emin = 10**6, -(10**6)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent <= digits:
            return number
        return number.quantize(decimal.Decimal(1).scaleb(-digits), rounding=rounding)
