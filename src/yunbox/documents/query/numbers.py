"""Arithmetic of updates with MongoDB's result types: int to long on overflow, double and Decimal128 win over integers."""

from __future__ import annotations

import decimal
import operator
from collections.abc import Callable
from typing import Any

from bson import Decimal128, Int64
from bson.decimal128 import create_decimal128_context

from .values import INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN


def add(a: Any, b: Any) -> Any:
    """``a + b``; ``None`` when a 64-bit integer overflows."""
    return _combine(operator.add, a, b)


def multiply(a: Any, b: Any) -> Any:
    """``a * b``; ``None`` when a 64-bit integer overflows."""
    return _combine(operator.mul, a, b)


def _combine(apply: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if isinstance(a, Decimal128) or isinstance(b, Decimal128):
        with decimal.localcontext(create_decimal128_context()) as context:
            context.clear_traps()
            return Decimal128(context.create_decimal(apply(as_decimal(a), as_decimal(b))))
    if isinstance(a, float) or isinstance(b, float):
        return apply(float(a), float(b))
    return integer(apply(int(a), int(b)), long=is_long(a) or is_long(b))


def zero_like(number: Any) -> Any:
    """Zero of the same type."""
    if isinstance(number, Decimal128):
        return Decimal128("0")
    if isinstance(number, float):
        return 0.0
    return Int64(0) if is_long(number) else 0


def as_decimal(value: Any) -> decimal.Decimal:
    """A number as MongoDB converts it to Decimal128."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, float):
        # MongoDB converts a double with 15 significant digits.
        return decimal.Decimal(f"{value:.15g}")
    return decimal.Decimal(int(value))


def is_long(value: Any) -> bool:
    """Whether an integer is a 64-bit one."""
    return isinstance(value, Int64) or not INT32_MIN <= value <= INT32_MAX


def integer(value: int, *, long: bool) -> int | None:
    """An integer result of the given width, widened when it must be; ``None`` beyond 64 bits."""
    if not INT64_MIN <= value <= INT64_MAX:
        return None
    return Int64(value) if long and INT32_MIN <= value <= INT32_MAX else value


_BITWISE: dict[str, Callable[[int, int], int]] = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}


def combine_bits(name: str, a: int, b: int) -> int:
    """``and``, ``or`` or ``xor`` of two integers; a long when either is."""
    result = integer(_BITWISE[name](int(a), int(b)), long=is_long(a) or is_long(b))
    assert result is not None
    return result
