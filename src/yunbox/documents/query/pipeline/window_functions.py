"""The functions of $setWindowFields, found by name; each turns a partition into a column of values."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from bson import DatetimeMS, Decimal128

from ..effort import out_of_memory, spend
from ..expressions import Constant, Evaluate, Scope, Variables, compile_in
from ..expressions.date_arithmetic import MILLIS_IN, unit_of
from ..expressions.failures import failure
from ..expressions.grouped import ACCUMULATORS, AccumulatorPlan
from ..expressions.numbers import (
    CONTEXT,
    add,
    as_int32,
    as_integer,
    from_decimal,
    is_number,
    multiply,
    subtract,
    to_decimal,
    to_double,
)
from ..values import MISSING, date_millis, sort_key, type_name
from .lookup import Document
from .selecting import plain_value
from .window_bounds import Bounds, Window

Sort = list[tuple[str, int]]
MAX_COLUMN_ITEMS = 100 * 2**20 // 16


@dataclass(frozen=True)
class Partition:
    """The sorted documents of one partition."""

    documents: list[Document]
    sort_path: tuple[str, ...] | None
    variables: Variables

    def column(self, evaluate: Evaluate) -> list[Any]:
        """The value of an expression for each document."""
        return [evaluate(document, self.variables) for document in self.documents]

    def sort_values(self) -> list[Any]:
        """The values of the single sort field."""
        if self.sort_path is None:
            return [None] * len(self.documents)
        return [plain_value(document, self.sort_path) for document in self.documents]


WindowFunction = Callable[[Partition], list[Any]]
Builder = Callable[[str, Any, Window | None, Sort, Scope], WindowFunction]
WINDOW_FUNCTIONS: dict[str, Builder] = {}
EVERYTHING = Window("documents", "unbounded", "unbounded")


def window_function(*names: str) -> Callable[[Builder], Builder]:
    """Register a builder under its names."""

    def register(builder: Builder) -> Builder:
        for name in names:
            WINDOW_FUNCTIONS[name] = builder
        return builder

    return register


def compile_window_function(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    """The function for ``{name: operand, window}``."""
    builder = WINDOW_FUNCTIONS.get(name)
    if builder is not None:
        return builder(name, operand, window, sort, scope)
    if name not in ACCUMULATORS or name == "$mergeObjects":
        raise failure(9, f"Unrecognized window function, {name}")
    plan = ACCUMULATORS[name](name, operand, scope)
    chosen = window or EVERYTHING
    return lambda partition: _accumulated(partition, plan, chosen)


def _accumulated(partition: Partition, plan: AccumulatorPlan, window: Window) -> list[Any]:
    values = partition.column(plan.argument)
    bounds = window.bounds(partition.sort_values())
    if all(start == 0 for start, _ in bounds):
        return _growing(plan, values, bounds, partition.variables)
    column = _Column()
    for start, end in bounds:
        accumulator = plan.create({}, partition.variables)
        for value in values[start:end]:
            accumulator.add(value)
        spend(end - start)
        column.append(accumulator.result())
    return column.values


def _growing(plan: AccumulatorPlan, values: list[Any], bounds: Bounds, variables: Variables) -> list[Any]:
    accumulator = plan.create({}, variables)
    column = _Column()
    taken, latest = 0, MISSING
    for _, end in bounds:
        if latest is MISSING or end > taken:
            for value in values[taken:end]:
                accumulator.add(value)
            taken = max(taken, end)
            latest = accumulator.result()
        column.append(latest)
    return column.values


class _Column:
    """Results of windows. Their arrays may hold only so much together: of n documents each may hold n."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._items = 0

    def append(self, value: Any) -> None:
        if type(value) is list and not (self.values and value is self.values[-1]):
            self._items += len(value)
            if self._items > MAX_COLUMN_ITEMS:
                raise out_of_memory("$setWindowFields", 16 * self._items, 16 * MAX_COLUMN_ITEMS, 5414201)
        self.values.append(value)


def _require_rank_use(name: str, operand: Any, window: Window | None, sort: Sort) -> None:
    if window is not None:
        raise failure(5371601, "Rank style window functions take no other arguments")
    if operand != {}:
        raise failure(5371603, f"{name} must be specified with '{{}}' as the value")
    if len(sort) != 1 and name != "$documentNumber":
        raise failure(5371602, f"{name} must be specified with a top level sortBy expression with exactly one element")
    if not sort:
        raise failure(5371602, f"{name} must be specified with a top level sortBy expression with exactly one element")


@window_function("$documentNumber")
def _build_document_number(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    _require_rank_use(name, operand, window, sort)
    return lambda partition: list(range(1, len(partition.documents) + 1))


@window_function("$rank", "$denseRank")
def _build_rank(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    """Documents tie when the values they are sorted by are equal; to 5.0 a missing value is not a null, though they sort as one."""
    _require_rank_use(name, operand, window, sort)
    value = compile_in(f"${sort[0][0]}", scope)

    def rank(partition: Partition) -> list[Any]:
        column: list[int] = []
        keys = [sort_key(item, scope.collation) for item in partition.column(value)]
        for index, key in enumerate(keys):
            if index and key == keys[index - 1]:
                column.append(column[-1])
            elif name == "$rank":
                column.append(index + 1)
            else:
                column.append(column[-1] + 1 if column else 1)
        return column

    return rank


@window_function("$shift")
def _build_shift(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    if window is not None:
        raise failure(9, "$shift does not accept a 'window' field")
    if not sort:
        raise failure(9, "'$shift' requires a sortBy")
    if not isinstance(operand, Mapping):
        raise failure(9, f"Argument to $shift must be an object, found {type_name(operand)}")
    for key in operand:
        if key not in ("output", "by", "default"):
            raise failure(9, f"Unknown argument in $shift: {key}")
    for key in ("output", "by"):
        if key not in operand:
            raise failure(9, f"$shift requires an '{key}' expression.")
    distance = as_int32(operand["by"])
    if distance is None:
        raise failure(9, f"'$shift:by' field must be an integer, but found {operand['by']!r}")
    output = compile_in(operand["output"], scope)
    default = compile_in(operand.get("default"), scope)
    if not isinstance(default, Constant):
        raise failure(9, "'$shift:default' expression must yield a constant value.")
    shift, fallback = distance, default.value

    def shifted(partition: Partition) -> list[Any]:
        values = [None if value is MISSING else value for value in partition.column(output)]
        count = len(values)
        return [values[index + shift] if 0 <= index + shift < count else fallback for index in range(count)]

    return shifted


@window_function("$expMovingAvg")
def _build_moving_average(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    if window is not None:
        raise failure(9, "$expMovingAvg does not accept a 'window' field")
    if not sort:
        raise failure(9, "$expMovingAvg requires an explicit 'sortBy'")
    if not isinstance(operand, Mapping) or set(operand) not in ({"input", "N"}, {"input", "alpha"}):
        raise failure(
            9,
            "$expMovingAvg sub object must have exactly two fields: An 'input' field, and either an 'N' field or an 'alpha' field",
        )
    weight = _weight(operand)
    argument = compile_in(operand["input"], scope)

    def moving(partition: Partition) -> list[Any]:
        column: list[Any] = []
        current: Any = None
        for value in partition.column(argument):
            if is_number(value):
                current = value if current is None else _blend(current, value, weight)
            column.append(current if is_number(value) else None)
        return column

    return moving


def _weight(operand: Mapping[str, Any]) -> decimal.Decimal:
    if "N" in operand:
        count = (
            as_integer(operand["N"]) if isinstance(operand["N"], int) and not isinstance(operand["N"], bool) else None
        )
        if count is None:
            raise failure(9, "'N' field must be an integer")
        if count <= 0:
            raise failure(9, "'N' must be greater than zero")
        return CONTEXT.divide(decimal.Decimal(2), decimal.Decimal(count + 1))
    if not is_number(operand["alpha"]):
        raise failure(9, "'alpha' must be a number")
    alpha = to_decimal(operand["alpha"])
    if not 0 < alpha < 1:
        raise failure(9, f"'alpha' must be between 0 and 1 (exclusive), found alpha: {alpha}")
    return alpha


def _blend(current: Any, value: Any, weight: decimal.Decimal) -> Any:
    if isinstance(current, Decimal128) or isinstance(value, Decimal128):
        rest = CONTEXT.multiply(to_decimal(current), 1 - weight)
        return from_decimal(CONTEXT.add(CONTEXT.multiply(to_decimal(value), weight), rest))
    share = float(weight)
    return float(value) * share + float(current) * (1 - share)


@window_function("$derivative", "$integral")
def _build_slope(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    if not isinstance(operand, Mapping):
        raise failure(9, f"{name} expects an object")
    for key in operand:
        if key not in ("input", "unit"):
            raise failure(9, f"{name} got unexpected argument: {key}")
    if "input" not in operand:
        raise failure(9, f"{name} requires an 'input' expression")
    if len(sort) != 1:
        raise failure(9, f"{name} requires a sortBy with exactly one field")
    if window is None and name == "$derivative":
        raise failure(9, "$derivative requires explicit window bounds")
    scale = _unit_millis(name, operand.get("unit"))
    argument = compile_in(operand["input"], scope)
    chosen = window or EVERYTHING
    combine = _derivative if name == "$derivative" else _integral

    def slope(partition: Partition) -> list[Any]:
        places = [_place(name, value, scale) for value in partition.sort_values()]
        values = partition.column(argument)
        for value in values:
            if not is_number(value):
                raise failure(5423900, f"The input of {name} must be numeric, found {type_name(value)}")
        bounds = chosen.bounds(partition.sort_values())
        return [combine(places[start:end], values[start:end], scale) for start, end in bounds]

    return slope


def _unit_millis(name: str, unit: Any) -> int | None:
    if unit is None:
        return None
    its_unit = unit_of(name, unit)
    if its_unit not in MILLIS_IN:
        raise failure(5490704, f"unit must be 'week' or smaller for {name}")
    return MILLIS_IN[its_unit]


def _place(name: str, value: Any, scale: int | None) -> Any:
    if isinstance(value, datetime | DatetimeMS):
        if scale is None:
            raise failure(
                5624900 if name == "$derivative" else 5423902, f"{name} where the sortBy is a Date requires a 'unit'"
            )
        return date_millis(value)
    if not is_number(value) or scale is not None:
        expected = "a Date" if scale is not None else "numeric"
        raise failure(
            5624901 if name == "$derivative" else 5423901,
            f"{name} requires the sortBy to be {expected}, found {type_name(value)}",
        )
    return value


def _derivative(places: list[Any], values: list[Any], scale: int | None) -> Any:
    if len(places) < 2:
        return None
    distance = subtract(places[-1], places[0])
    if to_double(distance) == 0:
        return None
    rise = subtract(values[-1], values[0])
    if isinstance(rise, Decimal128) or isinstance(distance, Decimal128):
        quotient = CONTEXT.divide(to_decimal(rise), to_decimal(distance))
        return from_decimal(CONTEXT.multiply(quotient, decimal.Decimal(scale or 1)))
    return to_double(rise) / (to_double(distance) / (scale or 1))


def _integral(places: list[Any], values: list[Any], scale: int | None) -> Any:
    total: Any = 0.0
    previous: tuple[Any, Any] | None = None
    for place, value in zip(places, values, strict=True):
        if previous is not None:
            width = subtract(place, previous[0])
            total = add(total, multiply(multiply(add(previous[1], value), 0.5), width))
        previous = (place, value)
    return total if scale is None else multiply(total, 1 / scale)


@window_function("$covariancePop", "$covarianceSamp")
def _build_covariance(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    argument = compile_in(operand, scope)
    chosen = window or EVERYTHING
    lost = 1 if name == "$covarianceSamp" else 0

    def covariances(partition: Partition) -> list[Any]:
        pairs = partition.column(argument)
        return [_covariance(pairs[start:end], lost) for start, end in chosen.bounds(partition.sort_values())]

    return covariances


def _covariance(pairs: list[Any], lost: int) -> Any:
    numbers = [
        pair
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and is_number(pair[0]) and is_number(pair[1])
    ]
    count = len(numbers)
    if count - lost <= 0:
        return None
    if any(isinstance(number, Decimal128) for pair in numbers for number in pair):
        return _decimal_covariance(numbers, count, lost)
    points = [(to_double(x), to_double(y)) for x, y in numbers]
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
        return math.nan
    mean_x, mean_y = math.fsum(x for x, _ in points) / count, math.fsum(y for _, y in points) / count
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / (count - lost)


def _decimal_covariance(numbers: list[Any], count: int, lost: int) -> Any:
    with decimal.localcontext(CONTEXT) as context:
        points = [(to_decimal(x), to_decimal(y)) for x, y in numbers]
        mean_x = sum((x for x, _ in points), decimal.Decimal(0)) / count
        mean_y = sum((y for _, y in points), decimal.Decimal(0)) / count
        total = sum(((x - mean_x) * (y - mean_y) for x, y in points), decimal.Decimal(0))
        return from_decimal(context.divide(total, decimal.Decimal(count - lost)))


@window_function("$locf")
def _build_locf(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    if window is not None:
        raise failure(9, "$locf does not accept a 'window' field")
    argument = compile_in(operand, scope)

    def carried(partition: Partition) -> list[Any]:
        column: list[Any] = []
        latest: Any = None
        for value in partition.column(argument):
            if value is not None and value is not MISSING:
                latest = value
            column.append(latest)
        return column

    return carried


@window_function("$linearFill")
def _build_linear_fill(name: str, operand: Any, window: Window | None, sort: Sort, scope: Scope) -> WindowFunction:
    if window is not None:
        raise failure(9, "$linearFill does not accept a 'window' field")
    if len(sort) != 1:
        raise failure(
            605001, "$linearFill must be specified with a top level sortBy expression with exactly one element"
        )
    argument = compile_in(operand, scope)

    def filled(partition: Partition) -> list[Any]:
        values = [None if value is MISSING else value for value in partition.column(argument)]
        places = [_fill_place(value) for value in partition.sort_values()]
        for value in values:
            if value is not None and not is_number(value):
                raise failure(6050201, f"Value to be filled must be numeric or nullish, found {type_name(value)}")
        return _interpolated(places, values)

    return filled


def _fill_place(value: Any) -> Any:
    if isinstance(value, datetime | DatetimeMS):
        return date_millis(value)
    if is_number(value):
        return value
    raise failure(6050202, f"$linearFill requires a sortBy of numbers or dates, found {type_name(value)}")


def _interpolated(places: list[Any], values: list[Any]) -> list[Any]:
    column = list(values)
    known = [index for index, value in enumerate(values) if value is not None]
    for left, right in pairwise(known):
        for index in range(left + 1, right):
            column[index] = _between(places, values, left, right, index)
    return column


def _between(places: list[Any], values: list[Any], left: int, right: int, index: int) -> Any:
    width, part = subtract(places[right], places[left]), subtract(places[index], places[left])
    if to_double(width) == 0:
        raise failure(6050106, "There can be no repeated values in the sort field")
    rise = subtract(values[right], values[left])
    if any(isinstance(number, Decimal128) for number in (rise, width, part)):
        step = CONTEXT.divide(to_decimal(part), to_decimal(width))
        return add(values[left], from_decimal(CONTEXT.multiply(to_decimal(rise), step)))
    return to_double(values[left]) + to_double(rise) * (to_double(part) / to_double(width))
