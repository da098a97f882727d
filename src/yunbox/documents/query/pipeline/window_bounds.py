"""The ``window`` of a window function: by documents or by a range of the sort field."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import DatetimeMS

from ..expressions.calendar import UTC_ZONE
from ..expressions.date_arithmetic import add_units, unit_of
from ..expressions.failures import failure
from ..expressions.numbers import add, as_integer, is_number, to_decimal
from ..values import date_millis, type_name

UNBOUNDED = "unbounded"
CURRENT = "current"
Bounds = list[tuple[int, int]]


@dataclass(frozen=True)
class Window:
    """``lower`` and ``upper`` are ``unbounded``, ``current`` or numbers; ``unit`` belongs to a range over dates."""

    kind: str
    lower: Any
    upper: Any
    unit: str | None = None

    @property
    def everything(self) -> bool:
        """True when the window is always the whole partition."""
        return bool(self.lower == UNBOUNDED and self.upper == UNBOUNDED)

    def bounds(self, values: list[Any]) -> Bounds:
        """The window of each document as indexes (start, end). ``values`` are the sort field's, for a range."""
        if self.everything:
            return [(0, len(values))] * len(values)
        return self._by_documents(len(values)) if self.kind == "documents" else self._by_range(values)

    def _by_documents(self, count: int) -> Bounds:
        lower, upper = _offset(self.lower), _offset(self.upper)
        bounds = []
        for index in range(count):
            start = 0 if lower is None else min(max(index + lower, 0), count)
            end = count if upper is None else min(max(index + upper + 1, 0), count)
            bounds.append((start, max(start, end)))
        return bounds

    def _by_range(self, values: list[Any]) -> Bounds:
        numbers = [self._number(value) for value in values]
        bounds = []
        for value, number in zip(values, numbers, strict=True):
            start = 0 if self.lower == UNBOUNDED else bisect_left(numbers, self._moved(value, number, self.lower))
            end = (
                len(values)
                if self.upper == UNBOUNDED
                else bisect_right(numbers, self._moved(value, number, self.upper))
            )
            bounds.append((start, max(start, end)))
        return bounds

    def _number(self, value: Any) -> Any:
        if self.unit is not None:
            if not isinstance(value, datetime | DatetimeMS):
                raise failure(
                    5429513, f"Invalid range: Expected the sortBy field to be a Date, but it was {type_name(value)}"
                )
            return date_millis(value)
        if not is_number(value):
            raise failure(
                5429414, f"Invalid range: Expected the sortBy field to be a number, but it was {type_name(value)}"
            )
        return to_decimal(value) if not isinstance(value, int | float) else value

    def _moved(self, value: Any, number: Any, by: Any) -> Any:
        if by == CURRENT:
            return number
        if self.unit is not None:
            return add_units(number, self.unit, int(by), UTC_ZONE)
        moved = add(value, by)
        return moved if isinstance(moved, int | float) else to_decimal(moved)


def _offset(bound: Any) -> int | None:
    if bound == UNBOUNDED:
        return None
    return 0 if bound == CURRENT else int(bound)


def parse_window(spec: Any, sort: list[tuple[str, int]]) -> Window:
    """The window of an output, checked against the sort."""
    if not isinstance(spec, Mapping):
        raise failure(9, "'window' field must be an object")
    if "documents" in spec and "range" in spec:
        raise failure(9, "Window bounds can specify either 'documents' or 'range', not both.")
    for key in spec:
        if key not in ("documents", "range", "unit"):
            raise failure(9, f"'window' field that specifies bounds cannot have other fields, found: {key}")
    if "documents" in spec:
        if "unit" in spec:
            raise failure(9, "Window bounds can only specify 'unit' with range-based bounds.")
        return _documents_window(spec["documents"], sort)
    if "range" in spec:
        return _range_window(spec["range"], spec.get("unit"), sort)
    if spec:
        raise failure(9, "Window bounds can only specify 'unit' with range-based bounds.")
    return Window("documents", UNBOUNDED, UNBOUNDED)


def _pair(name: str, spec: Any) -> tuple[Any, Any]:
    if not isinstance(spec, list) or len(spec) != 2:
        raise failure(9, f"Window bounds must be a 2-element array: {name}")
    for bound in spec:
        if isinstance(bound, str) and bound not in (UNBOUNDED, CURRENT):
            raise failure(9, "Window bounds must be 'unbounded', 'current', or a number.")
        if not isinstance(bound, str) and not is_number(bound):
            raise failure(9, "Window bounds must be 'unbounded', 'current', or a number.")
    lower, upper = spec
    first, second = _position(lower, lower=True), _position(upper, lower=False)
    if first > second:
        raise failure(5339900, f"Lower bound must not exceed upper bound: {spec}")
    return lower, upper


def _position(bound: Any, *, lower: bool) -> Any:
    if bound == UNBOUNDED:
        return -float("inf") if lower else float("inf")
    return 0 if bound == CURRENT else to_decimal(bound)


def _documents_window(spec: Any, sort: list[tuple[str, int]]) -> Window:
    lower, upper = _pair("documents", spec)
    for bound in (lower, upper):
        if not isinstance(bound, str) and as_integer(bound) is None:
            raise failure(9, "Numeric document-based bounds must be an integer")
    window = Window("documents", lower, upper)
    if not window.everything and not sort:
        raise failure(5339901, "Document-based bounds require a sortBy")
    return window


def _range_window(spec: Any, unit: Any, sort: list[tuple[str, int]]) -> Window:
    lower, upper = _pair("range", spec)
    if unit is not None:
        unit_of("$setWindowFields", unit)
        for bound in (lower, upper):
            if not isinstance(bound, str) and as_integer(bound) is None:
                raise failure(9, "With 'unit', range-based bounds must be integers")
    if len(sort) != 1:
        raise failure(5339902, "Range-based bounds require sortBy a single field")
    if sort[0][1] != 1:
        raise failure(8947401, "Range-based bounds require an ascending sortBy")
    return Window("range", lower, upper, unit)
