"""Trigonometric and hyperbolic functions, and the conversions between degrees and radians."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

from bson import Decimal128

from ..values import type_name
from .arithmetic import numeric
from .building import function, nullish
from .decimals import DECIMAL_FUNCTIONS, DEGREE, decimal_atan2
from .failures import failure
from .numbers import CONTEXT, DECIMAL, from_decimal, is_number, kind, text_of, to_decimal

Real = Callable[[float], float]


def _register(name: str, body: Real, low: float = -math.inf, high: float = math.inf, *, finite: bool = False) -> None:
    plain = name[1:]

    @numeric(name)
    def evaluate(value: Any) -> Any:
        _check_range(name, value, low, high, finite)
        if isinstance(value, Decimal128):
            return from_decimal(DECIMAL_FUNCTIONS[plain](value.to_decimal()))
        return body(float(value))


def _check_range(name: str, value: Any, low: float, high: float, finite: bool) -> None:
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if number != number:
        return
    if not low <= number <= high or (finite and abs(number) == math.inf):
        bounds = f"({low},{high})" if finite else f"[{low},{high}]"
        raise failure(50989, f"cannot apply {name} to {text_of(value)}, value must be in {bounds}")


def _overflowing(body: Real) -> Real:
    def evaluate(value: float) -> float:
        try:
            return body(value)
        except OverflowError:
            return -math.inf if value < 0 and body is math.sinh else math.inf

    return evaluate


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


_register("$sin", math.sin, finite=True)
_register("$cos", math.cos, finite=True)
_register("$tan", math.tan, finite=True)
_register("$asin", math.asin, -1, 1)
_register("$acos", math.acos, -1, 1)
_register("$atan", math.atan)
_register("$sinh", _overflowing(math.sinh))
_register("$cosh", _overflowing(math.cosh))
_register("$tanh", math.tanh)
_register("$asinh", math.asinh)
_register("$acosh", math.acosh, 1)
_register("$atanh", _atanh, -1, 1)


@function("$atan2", 2)
def arc_tangent_of_two(y: Any, x: Any) -> Any:
    """The angle of the point (x, y), in radians."""
    if is_number(y) and is_number(x):
        if DECIMAL in (kind(y), kind(x)):
            return from_decimal(decimal_atan2(to_decimal(y), to_decimal(x)))
        return math.atan2(y, x)
    if nullish(y) or nullish(x):
        return None
    raise failure(51044, f"$atan2 only supports numeric types, not {type_name(y)} and {type_name(x)}")


@numeric("$degreesToRadians")
def degrees_to_radians(value: Any) -> Any:
    """Degrees as radians."""
    if isinstance(value, Decimal128):
        return from_decimal(CONTEXT.multiply(value.to_decimal(), DEGREE))
    return float(value) * (math.pi / 180)


@numeric("$radiansToDegrees")
def radians_to_degrees(value: Any) -> Any:
    """Radians as degrees."""
    if isinstance(value, Decimal128):
        with decimal.localcontext(CONTEXT) as context:
            context.prec = 50
            return from_decimal(value.to_decimal() / DEGREE)
    return float(value) * (180 / math.pi)
