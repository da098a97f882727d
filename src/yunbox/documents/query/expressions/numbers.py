"""Numbers as MongoDB types them: int, long, double, decimal, and what two of them make together."""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterable
from typing import Any

from bson import Decimal128, Int64
from bson.decimal128 import create_decimal128_context

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
CONTEXT = create_decimal128_context()

INT, LONG, DOUBLE, DECIMAL = range(4)
NOT_A_NUMBER = -1


def kind(value: Any) -> int:
    """`INT`, `LONG`, `DOUBLE` or `DECIMAL`; `NOT_A_NUMBER` for any other value. Wider kinds are greater."""
    if isinstance(value, int):
        if isinstance(value, bool):
            return NOT_A_NUMBER
        return LONG if isinstance(value, Int64) or not INT_MIN <= value <= INT_MAX else INT
    if isinstance(value, float):
        return DOUBLE
    return DECIMAL if isinstance(value, Decimal128) else NOT_A_NUMBER


def is_number(value: Any) -> bool:
    """True for int, long, double and decimal."""
    return kind(value) != NOT_A_NUMBER


def whole(value: int, widest: int = INT) -> Any:
    """An integer result: int when ``widest`` is `INT` and it fits, else long, else double."""
    if not LONG_MIN <= value <= LONG_MAX:
        return float(value)
    return Int64(value) if widest == LONG else value


def to_decimal(value: Any) -> decimal.Decimal:
    """Any number as a `decimal.Decimal`; doubles are rounded to 15 significant digits, as MongoDB does."""
    if isinstance(value, Decimal128):
        with decimal.localcontext(CONTEXT):
            return value.to_decimal()
    if isinstance(value, float):
        return _double_to_decimal(value)
    return decimal.Decimal(int(value))


def _double_to_decimal(value: float) -> decimal.Decimal:
    if not math.isfinite(value) or value == 0:
        return decimal.Decimal(repr(value)) if value else decimal.Decimal(0)
    return decimal.Decimal(f"{value:.14e}")


def from_decimal(value: decimal.Decimal) -> Decimal128:
    """A decimal result rounded to the 34 digits of a `Decimal128`."""
    with decimal.localcontext(CONTEXT) as context:
        return Decimal128(context.plus(value))


def to_double(value: Any) -> float:
    """Any number as a double; what is too large becomes infinite."""
    try:
        return float(value.to_decimal()) if isinstance(value, Decimal128) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_nan(value: Any) -> bool:
    """True for a double or decimal NaN."""
    if isinstance(value, Decimal128):
        return bool(value.to_decimal().is_nan())
    return isinstance(value, float) and math.isnan(value)


def as_integer(value: Any) -> int | None:
    """The value as an int when it is a number without a fraction, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        if number.is_finite() and number.adjusted() < 64 and number == number.to_integral_value():
            return int(number)
    return None


def as_int32(value: Any) -> int | None:
    """The value as an int when it is a whole number in the int range, else None."""
    number = as_integer(value)
    return number if number is not None and INT_MIN <= number <= INT_MAX else None


def as_int64(value: Any) -> int | None:
    """The value as an int when it is a whole number in the long range, else None."""
    number = as_integer(value)
    return number if number is not None and LONG_MIN <= number <= LONG_MAX else None


def truncated_long(value: Any) -> int:
    """Any number cut to a long, out-of-range values to the nearest one: MongoDB's implicit coercion."""
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        if number.is_nan():
            return 0
        if number.is_infinite() or number.adjusted() > 20:
            return LONG_MAX if number > 0 else LONG_MIN
        return min(max(int(number.to_integral_value(decimal.ROUND_HALF_EVEN)), LONG_MIN), LONG_MAX)
    if isinstance(value, float):
        if math.isnan(value):
            return 0
        return (
            int(min(max(value, LONG_MIN), LONG_MAX)) if math.isfinite(value) else (LONG_MAX if value > 0 else LONG_MIN)
        )
    return int(value)


def add_doubles(values: Iterable[float]) -> float:
    """The sum of doubles without accumulated rounding errors; infinities and NaN as IEEE 754 has them."""
    numbers = list(values)
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):
        return sum(numbers)


def add(left: Any, right: Any) -> Any:
    """The sum of two numbers, in the wider of their types."""
    if type(left) is int and type(right) is int and INT_MIN <= left <= INT_MAX and INT_MIN <= right <= INT_MAX:
        return left + right
    widest = max(kind(left), kind(right))
    if widest == DECIMAL:
        return from_decimal(CONTEXT.add(to_decimal(left), to_decimal(right)))
    if widest == DOUBLE:
        return float(left) + float(right)
    return whole(left + right, widest)


def subtract(left: Any, right: Any) -> Any:
    """The difference of two numbers, in the wider of their types."""
    widest = max(kind(left), kind(right))
    if widest == DECIMAL:
        return from_decimal(CONTEXT.subtract(to_decimal(left), to_decimal(right)))
    if widest == DOUBLE:
        return float(left) - float(right)
    return whole(left - right, widest)


def multiply(left: Any, right: Any) -> Any:
    """The product of two numbers, in the wider of their types."""
    if type(left) is int and type(right) is int and INT_MIN <= left <= INT_MAX and INT_MIN <= right <= INT_MAX:
        return left * right
    widest = max(kind(left), kind(right))
    if widest == DECIMAL:
        return from_decimal(CONTEXT.multiply(to_decimal(left), to_decimal(right)))
    if widest == DOUBLE:
        return float(left) * float(right)
    return whole(left * right, widest)


def text_of(value: Any) -> str:
    """A number as MongoDB's ``$toString`` writes it."""
    if isinstance(value, Decimal128):
        return str(value)
    if isinstance(value, float):
        return _double_text(value)
    return str(int(value))


def _double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    return f"{mantissa}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-').zfill(2)}"
