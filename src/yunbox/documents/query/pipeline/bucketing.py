"""$bucketAuto: documents in a given number of ranges of about equal size, with optional preferred numbers as bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..expressions import compile_in
from ..expressions.comparison import order
from ..expressions.failures import failure
from ..expressions.grouped import AccumulatorPlan
from ..expressions.numbers import as_int32, is_nan, is_number, to_double
from ..values import MISSING, sort_key
from .granularity import SERIES, round_down, round_up
from .grouping import bucket_outputs, check_group_by
from .lookup import Document
from .sizes import Meter
from .stage import Environment, Run, Stage, stage

Entry = tuple[Any, Document]


@stage("$bucketAuto")
def build_bucket_auto(spec: Any, environment: Environment) -> Stage:
    """Documents accumulated by ranges chosen so that each holds about as many."""
    count, granularity = _check(spec)
    scope = environment.scope()
    value = compile_in(spec["groupBy"], scope)
    outputs = bucket_outputs("$bucketAuto", spec, scope, 40244)
    collation = environment.collation

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        meter = Meter(run.max_memory_bytes)
        entries: list[Entry] = []
        for document in run.checked(source):
            meter.require("$bucketAuto", document)
            found = value(document, run.variables)
            entries.append((None if found is MISSING else found, document))
        entries.sort(key=lambda entry: sort_key(entry[0], collation))
        if granularity:
            _require_numbers(entries)
        for lower, upper, members in _buckets(entries, count, granularity, collation):
            yield _result(lower, upper, members, outputs, run)

    return Stage("$bucketAuto", run, scope, closes=True)


def _check(spec: Any) -> tuple[int, str | None]:
    if not isinstance(spec, Mapping):
        raise failure(40240, "The argument to $bucketAuto must be an object")
    for key in spec:
        if key not in ("groupBy", "buckets", "output", "granularity"):
            raise failure(40245, f"Unrecognized option to $bucketAuto: {key}.")
    if "groupBy" not in spec or "buckets" not in spec:
        raise failure(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified.")
    check_group_by("$bucketAuto", spec["groupBy"], 40239)
    if not is_number(spec["buckets"]):
        raise failure(40241, "The $bucketAuto 'buckets' field must be a numeric value")
    count = as_int32(spec["buckets"])
    if count is None:
        raise failure(40242, "The $bucketAuto 'buckets' field must be representable as a 32-bit integer")
    if count <= 0:
        raise failure(40243, f"The $bucketAuto 'buckets' field must be greater than 0, but found: {count}")
    granularity = spec.get("granularity")
    if "granularity" in spec and not isinstance(granularity, str):
        raise failure(40261, "The $bucketAuto 'granularity' field must be a string")
    if isinstance(granularity, str) and granularity not in SERIES and granularity != "POWERSOF2":
        raise failure(40257, f"Unknown rounding granularity '{granularity}'")
    return count, granularity


def _require_numbers(entries: list[Entry]) -> None:
    for value, _ in entries:
        if not is_number(value):
            raise failure(40258, "$bucketAuto can specify a 'granularity' with numeric boundaries only")
        if is_nan(value):
            raise failure(40259, "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found NaN")
        if to_double(value) < 0:
            raise failure(40260, "$bucketAuto can specify a 'granularity' with non-negative numbers only")


def _buckets(
    entries: list[Entry], count: int, granularity: str | None, collation: Any
) -> Iterator[tuple[Any, Any, list[Entry]]]:
    size = max(1, math.floor(len(entries) / count + 0.5))
    start = 0
    lower = _first_bound(entries, granularity)
    for number in range(count):
        if start >= len(entries):
            return
        end = len(entries) if number == count - 1 else min(start + size, len(entries))
        end, upper = _close(entries, end, lower, granularity, collation)
        yield lower, upper, entries[start:end]
        start, lower = end, upper


def _first_bound(entries: list[Entry], granularity: str | None) -> Any:
    if not entries:
        return None
    first = entries[0][0]
    return round_down(granularity, first) if granularity else first


def _close(entries: list[Entry], end: int, lower: Any, granularity: str | None, collation: Any) -> tuple[int, Any]:
    """The end of the bucket, moved past equal values, and its upper bound."""
    last = entries[end - 1][0]
    if granularity:
        upper = round_up(granularity, last)
        while end < len(entries) and to_double(entries[end][0]) < to_double(upper):
            end += 1
        # No number of a series is above zero, so a bucket of zeros ends where the next one begins.
        return end, round_down(granularity, entries[end][0]) if to_double(upper) == 0 and end < len(entries) else upper
    while end < len(entries) and order(entries[end][0], last, collation) == 0:
        end += 1
    return end, entries[end][0] if end < len(entries) else last


def _result(
    lower: Any, upper: Any, members: list[Entry], outputs: list[tuple[str, AccumulatorPlan]], run: Run
) -> Document:
    identity = {"min": lower, "max": upper}
    document: Document = {"_id": identity}
    for name, plan in outputs:
        accumulator = plan.create(identity, run.variables)
        for _, member in members:
            accumulator.add(plan.argument(member, run.variables))
        document[name] = accumulator.result()
    return document
