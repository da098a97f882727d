"""$setWindowFields: values computed over windows of sorted partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..effort import out_of_memory, require_size
from ..expressions import Constant, Evaluate, Scope, compile_in
from ..expressions.failures import failure
from ..expressions.paths import split_path
from ..sort import compile_sort
from ..values import MISSING, sort_key, type_name
from .lookup import Document
from .selecting import with_value
from .sizes import Meter
from .sorting import plain_sort, sort_documents
from .stage import Environment, Run, Stage, stage
from .window_bounds import parse_window
from .window_functions import Partition, WindowFunction, compile_window_function


@dataclass(frozen=True)
class _Plan:
    """A parsed ``$setWindowFields``."""

    partition: Evaluate
    sort: dict[str, Any]
    outputs: tuple[tuple[tuple[str, ...], WindowFunction], ...]
    sort_path: tuple[str, ...] | None
    collation: Any


@stage("$setWindowFields")
def build_set_window_fields(spec: Any, environment: Environment) -> Stage:
    """Documents with fields computed over their neighbours in a partition."""
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $setWindowFields stage specification must be an object, found {type_name(spec)}")
    for key in spec:
        if key not in ("partitionBy", "sortBy", "output"):
            raise failure(40415, f"BSON field '$setWindowFields.{key}' is an unknown field.")
    if "output" not in spec:
        raise failure(40414, "BSON field '$setWindowFields.output' is missing but a required field")
    return window_stage("$setWindowFields", spec, environment)


def window_stage(name: str, spec: Mapping[str, Any], environment: Environment) -> Stage:
    """The stage for a checked ``{partitionBy, sortBy, output}``."""
    scope = environment.scope()
    plan = _parse(spec, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        for documents in _partitions(source, plan, run, name):
            yield from _filled(documents, plan, run)

    return Stage(name, run, scope)


def _parse(spec: Mapping[str, Any], scope: Scope) -> _Plan:
    sort = spec.get("sortBy") or {}
    if not isinstance(sort, Mapping):
        raise failure(9, f"sortBy must be an object, found {type_name(sort)}")
    pairs = plain_sort(sort, scope) if sort else []
    partition = compile_in(spec.get("partitionBy"), scope)
    if isinstance(partition, Constant) and isinstance(partition.value, list):
        raise failure(14, "An expression used to partition cannot evaluate to value of type array")
    if not isinstance(spec["output"], Mapping):
        raise failure(9, f"output must be an object, found {type_name(spec['output'])}")
    outputs: list[tuple[tuple[str, ...], WindowFunction]] = []
    for path, definition in spec["output"].items():
        names = split_path(path)
        if any(names[: len(other)] == other[: len(names)] for other, _ in outputs):
            raise failure(6307900, "$setWindowFields 'output' specification contains two conflicting paths")
        outputs.append((names, _output(path, definition, pairs, scope)))
    sort_path = tuple(pairs[0][0].split(".")) if len(pairs) == 1 else None
    return _Plan(partition, dict(sort), tuple(outputs), sort_path, scope.collation)


def _output(path: str, definition: Any, sort: list[tuple[str, int]], scope: Scope) -> WindowFunction:
    if not isinstance(definition, Mapping):
        raise failure(9, f"The field '{path}' must be an object")
    names = [key for key in definition if key.startswith("$")]
    for key in definition:
        if not key.startswith("$") and key != "window":
            raise failure(9, f"Window function found an unknown argument: {key}")
    if len(names) != 1:
        raise failure(9, f"Expected a $-prefixed window function: {path}")
    window = parse_window(definition["window"], sort) if "window" in definition else None
    return compile_window_function(names[0], definition[names[0]], window, sort, scope)


def _partitions(source: Iterator[Document], plan: _Plan, run: Run, name: str) -> Iterator[list[Document]]:
    order = compile_sort(plan.sort, plan.collation) if plan.sort else None

    def group(document: Document) -> Any:
        value = plan.partition(document, run.variables)
        if isinstance(value, list):
            raise failure(14, "An expression used to partition cannot evaluate to value of type array")
        return sort_key(None if value is MISSING else value, plan.collation)

    def key(document: Document) -> Any:
        return (group(document), order(document)) if order is not None else group(document)

    documents = sort_documents(run.checked(source), key, run, name)
    for _, members in groupby(documents, group):
        meter = Meter(run.max_memory_bytes)
        partition = []
        for document in members:
            if not meter.hold(document):
                raise out_of_memory(f"a partition of {name}", meter.used, meter.limit, 5643011)
            partition.append(document)
        yield partition


def _filled(documents: list[Document], plan: _Plan, run: Run) -> Iterator[Document]:
    partition = Partition(documents, plan.sort_path, run.variables)
    columns = [function(partition) for _, function in plan.outputs]
    for index, document in enumerate(documents):
        result = document
        for (names, _), column in zip(plan.outputs, columns, strict=True):
            result = with_value(result, names, column[index])
        yield require_size(result)
