"""$sort: in memory, as top-k before a $limit, or merged from sorted runs on disk."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..expressions import Scope
from ..expressions.failures import failure
from ..sort import compile_sort, normalize_sort
from .lookup import Document
from .sizes import Meter, out_of_memory
from .spill import Spill
from .stage import Environment, Run, Stage, StageRunner, stage

Key = Callable[[Document], Any]
MAX_TOP = 10_000


@stage("$sort")
def build_sort(spec: Any, environment: Environment) -> Stage:
    """The documents in the order of a sort specification."""
    if not isinstance(spec, Mapping):
        raise failure(15973, "the $sort key specification must be an object")
    if not spec:
        raise failure(15976, "$sort stage must have at least one sort key")
    scope = environment.scope()
    pairs = plain_sort(spec, scope)
    key = compile_sort(spec, environment.collation)
    return Stage("$sort", _sorter(key), scope, spec=pairs, limited=lambda limit: _top(key, limit))


def plain_sort(spec: Mapping[str, Any], scope: Scope) -> list[tuple[str, int]]:
    """The sort as (path, direction) pairs, noting what it reads; empty when it sorts by metadata."""
    if any(isinstance(direction, Mapping) for direction in spec.values()):
        scope.read_whole()
        return []
    pairs = normalize_sort(spec)
    for path, _ in pairs:
        scope.read(path)
    return pairs


def _sorter(key: Key) -> StageRunner:
    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from sort_documents(run.checked(source), key, run, "$sort")

    return run


def sort_documents(source: Iterator[Document], key: Key, run: Run, name: str) -> Iterator[Document]:
    """``source`` sorted by ``key``; over the memory limit by way of a temporary file, when that is allowed."""
    meter = Meter(run.max_memory_bytes)
    held: list[Document] = []
    runs: list[Spill] = []
    for document in source:
        held.append(document)
        if meter.hold(document):
            continue
        if not run.allow_disk_use:
            raise out_of_memory(name, run.max_memory_bytes)
        runs.append(_spill(sorted(held, key=key)))
        held = []
        meter.reset()
    held.sort(key=key)
    return heapq.merge(*runs, held, key=key) if runs else iter(held)


def _spill(documents: list[Document]) -> Spill:
    spilled = Spill()
    spilled.extend(documents)
    return spilled


def _top(key: Key, limit: int) -> StageRunner:
    if limit > MAX_TOP:
        return _sorter(key)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from heapq.nsmallest(limit, run.checked(source), key=key)

    return run
