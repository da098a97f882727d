"""$sort: in memory, as top-k before a $limit, or merged from sorted runs on disk."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..expressions import Scope, compile_in
from ..expressions.failures import failure
from ..sort import compile_sort, meta_fields, normalize_sort
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
    key = sort_keys(spec, environment.collation)
    return Stage("$sort", _sorter(key), scope, spec=pairs, changes=frozenset(), limited=lambda limit: _top(key, limit))


def plain_sort(spec: Mapping[str, Any], scope: Scope) -> list[tuple[str, int]]:
    """The sort as (path, direction) pairs, noting what it reads; empty when it sorts by metadata."""
    if any(isinstance(direction, Mapping) for direction in spec.values()):
        scope.read_whole()
        return []
    pairs = normalize_sort(spec)
    for path, _ in pairs:
        scope.read(path)
    return pairs


Keys = Callable[[Run], Key]


def sort_keys(spec: Mapping[str, Any], collation: Any) -> Keys:
    """The key function of a sort, which may sort by metadata noted in a run."""
    meta = meta_fields(spec)
    plain = compile_sort({path: direction for path, direction in spec.items() if path not in meta}, collation)
    if not meta:
        return lambda run: plain
    keys = [
        _meta_key(meta[path]) if path in meta else _constant(compile_sort({path: direction}, collation))
        for path, direction in spec.items()
    ]

    def bound(run: Run) -> Key:
        parts = [key(run) for key in keys]
        return lambda document: tuple([part(document) for part in parts])

    return bound


def _constant(key: Key) -> Keys:
    return lambda run: key


def _meta_key(name: str) -> Keys:
    evaluate = compile_in({"$meta": name}, Scope())

    def bound(run: Run) -> Key:
        # The best score comes first; a document without one comes last.
        return lambda document: -float(evaluate(document, run.variables) or 0)

    return bound


def _sorter(keys: Keys) -> StageRunner:
    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from sort_documents(run.checked(source), keys(run), run, "$sort")

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


def _top(keys: Keys, limit: int) -> StageRunner:
    if limit > MAX_TOP:
        return _sorter(keys)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from heapq.nsmallest(limit, run.checked(source), key=keys(run))

    return run
