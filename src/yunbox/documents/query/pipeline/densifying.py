"""$densify: documents for the values that a sequence lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bson import DatetimeMS

from ..expressions.calendar import UTC_ZONE
from ..expressions.date_arithmetic import add_units, unit_of
from ..expressions.failures import failure
from ..expressions.numbers import add, as_integer, is_number, multiply, to_double
from ..expressions.paths import split_path
from ..sort import compile_sort
from ..values import MISSING, compare, date_millis, from_millis, sort_key, type_name
from .lookup import Document
from .selecting import plain_value, with_value
from .sorting import sort_documents
from .stage import Environment, Run, Stage, stage

MAX_GENERATED = 500_000
DATES = (datetime, DatetimeMS)


@dataclass(frozen=True)
class _Plan:
    """A parsed ``$densify``. ``bounds`` is ``full``, ``partition`` or a pair (lower, upper)."""

    names: tuple[str, ...]
    partition: tuple[tuple[str, ...], ...]
    step: Any
    unit: str | None
    bounds: Any

    def value(self, start: Any, count: int) -> Any:
        """The value ``count`` steps after ``start``."""
        if self.unit is not None:
            return from_millis(add_units(date_millis(start), self.unit, int(self.step) * count, UTC_ZONE))
        return add(start, multiply(self.step, count))


@dataclass
class _Sequence:
    """How far one partition has come."""

    identity: list[tuple[tuple[str, ...], Any]]
    start: Any
    count: int = 0
    last: Any = field(default=None)


@stage("$densify")
def build_densify(spec: Any, environment: Environment) -> Stage:
    """The documents in order of a field, with new ones for values missing between them."""
    plan = _parse(spec)
    scope = environment.scope()
    scope.read_whole()
    order = {".".join(plan.names): 1}
    if plan.bounds == "partition":
        order = {**{".".join(names): 1 for names in plan.partition}, **order}
    key = compile_sort(order, environment.collation)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from _Densifier(plan).run(sort_documents(run.checked(source), key, run, "$densify"))

    return Stage("$densify", run, scope)


class _Densifier:
    """One run of the stage."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._sequences: dict[Any, _Sequence] = {}
        self._generated = 0
        self._lowest: Any = None
        self._highest: Any = None

    def run(self, documents: Iterator[Document]) -> Iterator[Document]:
        """The documents and the new ones between them."""
        latest: Any = None
        for document in documents:
            value = plain_value(document, self._plan.names)
            if value is None or value is MISSING:
                yield document
                continue
            self._check_type(value)
            if self._lowest is None:
                self._lowest = value
            self._highest = value
            key = self._key(document)
            if self._plan.bounds == "partition" and latest is not None and key != latest:
                self._sequences.pop(latest)
            latest = key
            yield from self._until(self._sequence(key, document, value), value, inclusive=False, skip_equal=True)
            yield document
        yield from self._rest()

    def _check_type(self, value: Any) -> None:
        if self._plan.unit is not None and not isinstance(value, DATES):
            raise failure(6053600, f"$densify with 'unit' requires dates in the field, found {type_name(value)}")
        if self._plan.unit is None and not is_number(value):
            raise failure(
                5733201, f"$densify field type must be numeric or a date with 'unit', found {type_name(value)}"
            )

    def _key(self, document: Document) -> Any:
        return tuple(sort_key(plain_value(document, names)) for names in self._plan.partition)

    def _sequence(self, key: Any, document: Document, value: Any) -> _Sequence:
        sequence = self._sequences.get(key)
        if sequence is None:
            identity = [(names, plain_value(document, names)) for names in self._plan.partition]
            start = self._plan.bounds[0] if isinstance(self._plan.bounds, tuple) else value
            start = self._lowest if self._plan.bounds == "full" else start
            sequence = self._sequences[key] = _Sequence(identity, start)
        return sequence

    def _until(self, sequence: _Sequence, end: Any, *, inclusive: bool, skip_equal: bool = False) -> Iterator[Document]:
        plan = self._plan
        upper = plan.bounds[1] if isinstance(plan.bounds, tuple) else None
        while True:
            value = plan.value(sequence.start, sequence.count)
            if upper is not None and compare(value, upper) >= 0:
                return
            place = compare(value, end)
            if place > 0 or (place == 0 and not inclusive):
                sequence.count += place == 0 and skip_equal
                return
            sequence.count += 1
            yield self._new(sequence, value)

    def _new(self, sequence: _Sequence, value: Any) -> Document:
        self._generated += 1
        if self._generated > MAX_GENERATED:
            raise failure(
                5897900,
                f"Generated {self._generated} documents in $densify, which is over the limit of {MAX_GENERATED}",
            )
        document: Document = {}
        for names, member in sequence.identity:
            if member is not MISSING:
                document = with_value(document, names, member)
        return with_value(document, self._plan.names, value)

    def _rest(self) -> Iterator[Document]:
        bounds = self._plan.bounds
        if bounds == "partition":
            return
        if isinstance(bounds, tuple):
            if not self._sequences and not self._plan.partition:
                self._sequences[()] = _Sequence([], bounds[0])
            for sequence in self._sequences.values():
                yield from self._until(sequence, bounds[1], inclusive=False)
        elif self._highest is not None:
            for sequence in self._sequences.values():
                yield from self._until(sequence, self._highest, inclusive=True)


def _parse(spec: Any) -> _Plan:
    if not isinstance(spec, Mapping):
        raise failure(5733201, f"The $densify stage specification must be an object, found {type_name(spec)}")
    for key in spec:
        if key not in ("field", "partitionByFields", "range"):
            raise failure(40415, f"BSON field '$densify.{key}' is an unknown field.")
    for key in ("field", "range"):
        if key not in spec:
            raise failure(40414, f"BSON field '$densify.{key}' is missing but a required field")
    if not isinstance(spec["field"], str):
        raise failure(
            14, f"BSON field '$densify.field' is the wrong type '{type_name(spec['field'])}', expected type 'string'"
        )
    fields = spec.get("partitionByFields", [])
    if not isinstance(fields, list):
        raise failure(
            14,
            f"BSON field '$densify.partitionByFields' is the wrong type '{type_name(fields)}', expected type 'array'",
        )
    names = split_path(spec["field"])
    partition = tuple(split_path(str(field)) for field in fields)
    step, unit, bounds = _parse_range(spec["range"], bool(partition))
    return _Plan(names, partition, step, unit, bounds)


def _parse_range(spec: Any, partitioned: bool) -> tuple[Any, str | None, Any]:
    if not isinstance(spec, Mapping):
        raise failure(14, f"BSON field '$densify.range' is the wrong type '{type_name(spec)}', expected type 'object'")
    for key in spec:
        if key not in ("step", "unit", "bounds"):
            raise failure(40415, f"BSON field '$densify.range.{key}' is an unknown field.")
    for key in ("bounds", "step"):
        if key not in spec:
            raise failure(40414, f"BSON field '$densify.range.{key}' is missing but a required field")
    step = spec["step"]
    if not is_number(step):
        raise failure(14, f"BSON field '$densify.range.step' is the wrong type '{type_name(step)}', expected a number")
    if not to_double(step) > 0:
        raise failure(5733401, "the step parameter in a range statement must be a strictly positive numeric value")
    unit = unit_of("$densify", spec["unit"]) if "unit" in spec else None
    if unit is not None and as_integer(step) is None:
        raise failure(
            6586400, "The step parameter in a range statement must be a whole number when densifying a date range"
        )
    return step, unit, _parse_bounds(spec["bounds"], unit, partitioned)


def _parse_bounds(bounds: Any, unit: str | None, partitioned: bool) -> Any:
    if isinstance(bounds, str):
        if bounds not in ("full", "partition"):
            raise failure(5946802, "Bounds string must either be 'full' or 'partition'")
        if bounds == "partition" and not partitioned:
            raise failure(
                5733402,
                "one may not specify the bounds as 'partition' without specifying a non-empty array of partitionByFields",
            )
        return bounds
    if not isinstance(bounds, list):
        raise failure(
            5733403,
            "the bounds in a range statement must be the string 'full' or 'partition' or an ascending array of two numbers or two dates",
        )
    if len(bounds) != 2:
        raise failure(5733403, "a bounding array in a range statement must have exactly two elements")
    kinds_match = all(isinstance(bound, DATES) if unit is not None else is_number(bound) for bound in bounds)
    if not kinds_match:
        number = 5733402 if unit is None else 5733405
        raise failure(number, "the bounds must be two numbers, or with 'unit' two dates")
    if compare(bounds[0], bounds[1]) > 0:
        raise failure(
            5733402, "the bounds in a range statement must be an ascending array of either two dates or two numbers"
        )
    return bounds[0], bounds[1]
