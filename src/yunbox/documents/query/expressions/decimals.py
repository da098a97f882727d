"""Trigonometry on decimals, to more digits than a Decimal128 holds."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from decimal import Decimal

Function = Callable[[Decimal], Decimal]

DIGITS = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
with decimal.localcontext() as _context:
    _context.prec = DIGITS
    DEGREE = PI / 180

_NAN = Decimal("NaN")
_INFINITY = Decimal("Infinity")


def _precise(body: Function) -> Function:
    def evaluate(value: Decimal) -> Decimal:
        with decimal.localcontext() as context:
            context.prec = DIGITS
            context.traps[decimal.InvalidOperation] = False
            context.traps[decimal.Overflow] = False
            context.Emax, context.Emin = 999999, -999999
            return _NAN if value.is_nan() else +body(value)

    return evaluate


def _series(first: Decimal, ratio: Callable[[int], Decimal]) -> Decimal:
    total, term, count = Decimal(0), first, 0
    while term and total + term != total:
        total += term
        count += 1
        term *= ratio(count)
    return total


@functools.lru_cache(maxsize=16)
def _pi(digits: int) -> Decimal:
    """Pi by Machin's formula."""
    unit: int = 10 ** (digits + 10)

    def arc(inverse: int) -> int:
        total = term = unit // inverse
        divisor = 1
        while term:
            term //= -inverse * inverse
            divisor += 2
            total += term // divisor
        return total

    return Decimal(16 * arc(5) - 4 * arc(239)).scaleb(-digits - 10)


def _within_turn(value: Decimal) -> Decimal:
    """An angle less whole turns, whose number a large one has many digits of."""
    with decimal.localcontext() as context:
        context.prec = DIGITS + max(0, value.adjusted())
        return value % (2 * (PI if value.adjusted() < 2 else _pi(context.prec)))


def _sin(value: Decimal) -> Decimal:
    value = _within_turn(value)
    square = value * value
    return _series(value, lambda n: -square / (2 * n * (2 * n + 1)))


def _cos(value: Decimal) -> Decimal:
    value = _within_turn(value)
    square = value * value
    return _series(Decimal(1), lambda n: -square / (2 * n * (2 * n - 1)))


def _tan(value: Decimal) -> Decimal:
    return _sin(value) / _cos(value)


def _atan(value: Decimal) -> Decimal:
    if value.is_infinite():
        return (PI / 2).copy_sign(value)
    if abs(value) > 1:
        return (PI / 2).copy_sign(value) - _atan(1 / value)
    halvings = 0
    while abs(value) > Decimal("0.05"):
        value = value / (1 + (1 + value * value).sqrt())
        halvings += 1
    square, power, total, count = value * value, value, value, 1
    while power and count < 400:
        power *= -square
        count += 2
        following = total + power / count
        if following == total:
            break
        total = following
    return total * Decimal(2**halvings)


def _asin(value: Decimal) -> Decimal:
    if abs(value) == 1:
        return (PI / 2).copy_sign(value)
    return _atan(value / ((1 - value) * (1 + value)).sqrt())


def _acos(value: Decimal) -> Decimal:
    return PI / 2 - _asin(value)


def _sinh(value: Decimal) -> Decimal:
    if abs(value) < Decimal("0.1"):
        square = value * value
        return _series(value, lambda n: square / (2 * n * (2 * n + 1)))
    return (value.exp() - (-value).exp()) / 2


def _cosh(value: Decimal) -> Decimal:
    return (value.exp() + (-value).exp()) / 2


def _tanh(value: Decimal) -> Decimal:
    if abs(value) > 80:
        return Decimal(1).copy_sign(value)
    return _sinh(value) / _cosh(value)


def _asinh(value: Decimal) -> Decimal:
    if value.is_infinite():
        return value
    magnitude = abs(value)
    return (magnitude + (magnitude * magnitude + 1).sqrt()).ln().copy_sign(value) if value else value


def _acosh(value: Decimal) -> Decimal:
    return _INFINITY if value.is_infinite() else (value + (value * value - 1).sqrt()).ln()


def _atanh(value: Decimal) -> Decimal:
    if abs(value) == 1:
        return _INFINITY.copy_sign(value)
    return ((1 + value) / (1 - value)).ln() / 2


DECIMAL_FUNCTIONS: dict[str, Function] = {
    "sin": _precise(_sin),
    "cos": _precise(_cos),
    "tan": _precise(_tan),
    "asin": _precise(_asin),
    "acos": _precise(_acos),
    "atan": _precise(_atan),
    "sinh": _precise(_sinh),
    "cosh": _precise(_cosh),
    "tanh": _precise(_tanh),
    "asinh": _precise(_asinh),
    "acosh": _precise(_acosh),
    "atanh": _precise(_atanh),
}


def decimal_atan2(y: Decimal, x: Decimal) -> Decimal:
    """The angle of the point (x, y), in radians."""
    if y.is_nan() or x.is_nan():
        return _NAN
    if x.is_infinite():
        return _atan2_of_infinite(y, x)
    with decimal.localcontext() as context:
        context.prec = DIGITS
        if not x:
            return (PI / 2).copy_sign(y) if y else Decimal(0)
        angle = _atan(y / x)
        return angle if x > 0 else angle + PI.copy_sign(y)


def _atan2_of_infinite(y: Decimal, x: Decimal) -> Decimal:
    if y.is_infinite():
        return (PI / 4 if x > 0 else PI * 3 / 4).copy_sign(y)
    return Decimal(0).copy_sign(y) if x > 0 else PI.copy_sign(y)
