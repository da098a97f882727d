"""Accumulators: objects that take values one by one and then give a result. Groups, windows and arrays share them."""

from __future__ import annotations

import decimal
import math
from collections import deque
from typing import Any, Protocol

from bson import Decimal128

from ..values import MISSING, UNDEFINED, sort_key, type_name
from .comparison import order
from .failures import failure
from .numbers import CONTEXT, DECIMAL, DOUBLE, INT, INT_MAX, INT_MIN, from_decimal, kind, to_decimal, whole

_COMMON = frozenset({int, float})


class Accumulator(Protocol):
    """Takes values, `MISSING` included, and gives a result at any time."""

    def add(self, value: Any) -> None:
        """Take one more value."""
        ...

    def result(self) -> Any:
        """The result for the values so far."""
        ...


class Sum:
    """The sum of the numbers among the values; doubles with error compensation."""

    __slots__ = ("compensation", "decimals", "double", "total", "widest")

    def __init__(self) -> None:
        self.total = 0
        self.double = 0.0
        self.compensation = 0.0
        self.decimals = decimal.Decimal(0)
        self.widest = INT

    def add(self, value: Any) -> None:
        if type(value) is int and INT_MIN <= value <= INT_MAX:
            self.total += value
        elif type(value) is float:
            self._add_double(value)
        else:
            self._add_other(value)

    def _add_double(self, value: float) -> None:
        if self.widest < DOUBLE:
            self.widest = DOUBLE
        before = self.double
        after = before + value
        if abs(before) >= abs(value):
            self.compensation += (before - after) + value
        else:
            self.compensation += (value - after) + before
        self.double = after

    def _add_other(self, value: Any) -> None:
        its_kind = kind(value)
        if its_kind == DECIMAL:
            self.decimals = CONTEXT.add(self.decimals, value.to_decimal())
        elif its_kind == DOUBLE:
            self._add_double(float(value))
            return
        elif its_kind >= 0:
            self.total += int(value)
        self.widest = max(self.widest, its_kind)

    def result(self) -> Any:
        if self.widest < DOUBLE:
            return whole(self.total, self.widest)
        if self.widest == DOUBLE:
            return self._double()
        rest = to_decimal(self._double()) if self.double or self.compensation else decimal.Decimal(self.total)
        return from_decimal(CONTEXT.add(self.decimals, rest))

    def _double(self) -> float:
        corrected = self.double + self.compensation
        return (corrected if math.isfinite(corrected) else self.double) + self.total


class Average:
    """The mean of the numbers among the values, a double or decimal; null without any."""

    __slots__ = ("count", "sum")

    def __init__(self) -> None:
        self.sum = Sum()
        self.count = 0

    def add(self, value: Any) -> None:
        if type(value) in _COMMON or kind(value) >= 0:
            self.sum.add(value)
            self.count += 1

    def result(self) -> Any:
        if not self.count:
            return None
        total = self.sum.result()
        if isinstance(total, Decimal128):
            return from_decimal(CONTEXT.divide(total.to_decimal(), decimal.Decimal(self.count)))
        return self.sum.total / self.count if self.sum.widest < DOUBLE else total / self.count


class Extreme:
    """The least (``direction`` -1) or greatest (1) value that is neither null nor missing; null without any."""

    __slots__ = ("best", "collation", "direction")

    def __init__(self, direction: int, collation: Any = None) -> None:
        self.direction = direction
        self.collation = collation
        self.best: Any = None

    def add(self, value: Any) -> None:
        if value is None or value is MISSING or value is UNDEFINED:
            return
        best = self.best
        if best is None or order(value, best, self.collation) == self.direction:
            self.best = value

    def result(self) -> Any:
        return self.best


class First:
    """The first value; a missing one counts as null."""

    __slots__ = ("empty", "value")

    def __init__(self) -> None:
        self.empty = True
        self.value: Any = None

    def add(self, value: Any) -> None:
        if self.empty:
            self.empty = False
            self.value = None if value is MISSING else value

    def result(self) -> Any:
        return self.value


class Last:
    """The last value; a missing one counts as null."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Any = None

    def add(self, value: Any) -> None:
        self.value = None if value is MISSING else value

    def result(self) -> Any:
        return self.value


class Push:
    """All values that are not missing."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self.values.append(value)

    def result(self) -> Any:
        return list(self.values)


class AddToSet:
    """The distinct values that are not missing, in order of arrival."""

    __slots__ = ("collation", "values")

    def __init__(self, collation: Any = None) -> None:
        self.collation = collation
        self.values: dict[Any, Any] = {}

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self.values.setdefault(sort_key(value, self.collation), value)

    def result(self) -> Any:
        return list(self.values.values())


class StandardDeviation:
    """The standard deviation of the numbers; ``sample`` divides by n - 1. Null without enough of them."""

    __slots__ = ("count", "mean", "sample", "squares")

    def __init__(self, *, sample: bool) -> None:
        self.sample = sample
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value: Any) -> None:
        its_kind = kind(value)
        if its_kind < 0:
            return
        number = float(value.to_decimal()) if its_kind == DECIMAL else float(value)
        self.count += 1
        delta = number - self.mean
        self.mean += delta / self.count
        self.squares += delta * (number - self.mean)

    def result(self) -> Any:
        divisor = self.count - 1 if self.sample else self.count
        if divisor <= 0:
            return None
        variance = self.squares / divisor
        return math.sqrt(variance) if variance == variance else math.nan


class MergeObjects:
    """The documents merged, later members winning; null and missing are left out."""

    __slots__ = ("merged",)

    def __init__(self) -> None:
        self.merged: dict[str, Any] = {}

    def add(self, value: Any) -> None:
        if value is None or value is MISSING or value is UNDEFINED:
            return
        if not isinstance(value, dict):
            raise failure(
                40400, f"$mergeObjects requires object inputs, but input {value!r} is of type {type_name(value)}"
            )
        self.merged.update(value)

    def result(self) -> Any:
        return dict(self.merged)


class FirstN:
    """The first ``n`` values; a missing one counts as null."""

    __slots__ = ("n", "values")

    def __init__(self, n: int) -> None:
        self.n = n
        self.values: list[Any] = []

    def add(self, value: Any) -> None:
        if len(self.values) < self.n:
            self.values.append(None if value is MISSING else value)

    def result(self) -> Any:
        return list(self.values)


class LastN:
    """The last ``n`` values; a missing one counts as null."""

    __slots__ = ("values",)

    def __init__(self, n: int) -> None:
        self.values: deque[Any] = deque(maxlen=n)

    def add(self, value: Any) -> None:
        self.values.append(None if value is MISSING else value)

    def result(self) -> Any:
        return list(self.values)


class ExtremeN:
    """The ``n`` least or greatest values that are neither null nor missing, best first."""

    __slots__ = ("collation", "direction", "n", "values")

    def __init__(self, n: int, direction: int, collation: Any = None) -> None:
        self.n = n
        self.direction = direction
        self.collation = collation
        self.values: list[tuple[Any, Any]] = []

    def add(self, value: Any) -> None:
        if value is None or value is MISSING or value is UNDEFINED:
            return
        self.values.append((sort_key(value, self.collation), value))
        if len(self.values) >= 2 * self.n + 64:
            self._trim()

    def _trim(self) -> None:
        self.values.sort(key=lambda pair: pair[0], reverse=self.direction > 0)
        del self.values[self.n :]

    def result(self) -> Any:
        self._trim()
        return [value for _, value in self.values]


class Ranked:
    """The outputs of the ``n`` documents that come first (or, with ``bottom``, last) in a sort order.

    Values are pairs (sort key, output). Of documents that tie the earlier ones are kept.
    With ``single`` the result is one output instead of a list.
    """

    __slots__ = ("bottom", "n", "pairs", "single")

    def __init__(self, n: int, *, bottom: bool, single: bool) -> None:
        self.n = n
        self.bottom = bottom
        self.single = single
        self.pairs: list[tuple[Any, Any]] = []

    def add(self, value: tuple[Any, Any]) -> None:
        key, output = value
        self.pairs.append((key, None if output is MISSING else output))
        if len(self.pairs) >= 2 * self.n + 64:
            self._trim()

    def _trim(self) -> None:
        self.pairs.sort(key=lambda pair: pair[0], reverse=self.bottom)
        del self.pairs[self.n :]

    def result(self) -> Any:
        self._trim()
        outputs = [output for _, output in self.pairs]
        if self.bottom:
            outputs.reverse()
        if self.single:
            return outputs[0] if outputs else None
        return outputs


class Percentiles:
    """The values at the given fractions of the sorted numbers; ``single`` gives one value instead of a list."""

    __slots__ = ("fractions", "numbers", "single")

    def __init__(self, fractions: list[float], *, single: bool) -> None:
        self.fractions = fractions
        self.single = single
        self.numbers: list[float] = []

    def add(self, value: Any) -> None:
        its_kind = kind(value)
        number = float(value.to_decimal()) if its_kind == DECIMAL else float(value) if its_kind >= 0 else math.nan
        if number == number:
            self.numbers.append(number)

    def result(self) -> Any:
        ordered = sorted(self.numbers)
        values = [self._at(ordered, fraction) for fraction in self.fractions]
        return values[0] if self.single else values

    @staticmethod
    def _at(ordered: list[float], fraction: float) -> float | None:
        if not ordered:
            return None
        return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]
