"""$group, and the stages that are groups in disguise: $bucket $sortByCount $facet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..effort import require_size
from ..expressions import Constant, Evaluate, Scope, Variables, compile_in
from ..expressions.accumulators import Accumulator
from ..expressions.comparison import order
from ..expressions.failures import failure
from ..expressions.grouped import AccumulatorPlan, compile_accumulator
from ..values import MISSING, NUMBER, bracket, compare, sort_key
from .compiling import compile_stages, run_stages
from .lookup import Document
from .sizes import Meter, accumulated_too_much, gathered, out_of_memory, size_of
from .spill import Spill
from .stage import Environment, Run, Stage, StageRunner, stage

PARTITIONS = 16
MAX_LEVELS = 4
GROUP_OVERHEAD = 256
FACET_LIMIT = 4031700


class _Group:
    """The identity of one group and its accumulators; ``adds`` are their ``add`` methods."""

    __slots__ = ("accumulators", "adds", "identity")

    def __init__(self, identity: Any, accumulators: list[Accumulator]) -> None:
        self.identity = identity
        self.accumulators = accumulators
        self.adds = [accumulator.add for accumulator in accumulators]


def _key(identity: Any, collation: Any) -> Any:
    """A hashable key that equal identities share."""
    kind = type(identity)
    if (kind is str and collation is None) or kind is int:
        return identity
    key = sort_key(identity, collation)
    return key[1] if key[0] == NUMBER else key


class _Groups:
    """The groups of one run (or of one spilled partition of it)."""

    def __init__(self, outputs: list[tuple[str, AccumulatorPlan]], collation: Any, variables: Variables) -> None:
        self._plans = [plan for _, plan in outputs]
        self._names = [name for name, _ in outputs]
        self._collation = collation
        self._variables = variables
        self._by_key: dict[Any, _Group] = {}

    def find(self, identity: Any) -> _Group:
        """The group of ``identity``, made when it is new."""
        key = _key(identity, self._collation)
        group = self._by_key.get(key)
        if group is None:
            group = self._by_key[key] = self._create(identity)
        return group

    def _create(self, identity: Any) -> _Group:
        fields = identity if isinstance(identity, dict) else {}
        return _Group(identity, [plan.create(fields, self._variables) for plan in self._plans])

    def __len__(self) -> int:
        return len(self._by_key)

    def partition(self, identity: Any, level: int) -> int:
        """The number of the partition on disk, of those that share the partition above, that ``identity`` belongs to."""
        rest: int = hash(_key(identity, self._collation)) // PARTITIONS**level
        return rest % PARTITIONS

    def take(self) -> list[_Group]:
        """All groups, which are forgotten here."""
        groups = list(self._by_key.values())
        self._by_key = {}
        return groups

    def restore(self, identity: Any, accumulators: list[Accumulator]) -> _Group:
        """Put back a group that was taken before."""
        group = self._by_key[_key(identity, self._collation)] = _Group(identity, accumulators)
        return group

    def results(self) -> Iterator[Document]:
        """The output documents, in the order the groups were first seen."""
        names = self._names
        for group in self._by_key.values():
            document = {"_id": group.identity}
            for name, accumulator in zip(names, group.accumulators, strict=True):
                document[name] = accumulator.result()
            yield require_size(document)


@stage("$group")
def build_group(spec: Any, environment: Environment) -> Stage:
    """One document per distinct ``_id``, with accumulated fields."""
    if not isinstance(spec, Mapping):
        raise failure(15947, "a group's fields must be specified in an object")
    if "_id" not in spec:
        raise failure(15955, "a group specification must include an _id")
    scope = environment.scope()
    identity = _compile_identity(spec["_id"], scope)
    outputs = []
    for name, accumulator in spec.items():
        if name == "_id":
            continue
        if "." in name:
            raise failure(40235, f"The field name '{name}' cannot contain '.'")
        if name.startswith("$"):
            raise failure(40236, f"The field name '{name}' cannot be an operator name")
        outputs.append((name, compile_accumulator(name, accumulator, scope)))
    return Stage("$group", grouper(identity, outputs, environment.collation), scope, closes=True, spec=dict(spec))


def _compile_identity(expression: Any, scope: Scope) -> Evaluate:
    evaluate = compile_in(expression, scope)
    if isinstance(evaluate, Constant):
        return evaluate

    def identity(document: Document, variables: Variables) -> Any:
        value = evaluate(document, variables)
        return None if value is MISSING else value

    return identity


def grouper(identity: Evaluate, outputs: list[tuple[str, AccumulatorPlan]], collation: Any) -> StageRunner:
    """The runner that groups by ``identity``; over the memory limit it continues by partitions on disk, if allowed."""
    arguments = [plan.argument for _, plan in outputs]
    growing = [index for index, (_, plan) in enumerate(outputs) if plan.grows]

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        variables = run.variables
        groups = _Groups(outputs, collation, variables)
        documents = run.checked(source)
        room = _Room(run.max_memory_bytes, growing, len(outputs))
        for document in documents:
            group = groups.find(identity(document, variables))
            values = [argument(document, variables) for argument in arguments]
            for add, value in zip(group.adds, values, strict=True):
                add(value)
            if not room.holds(len(groups), group, values):
                if not run.allow_disk_use:
                    raise out_of_memory("$group", run.max_memory_bytes)
                rest = (
                    (identity(document, variables), [argument(document, variables) for argument in arguments])
                    for document in documents
                )
                yield from _grouped_on_disk(groups, rest, room, run, 0)
                return
        yield from groups.results()

    return run


class _Room:
    """The memory that groups take."""

    def __init__(self, limit: int, growing: list[int], outputs: int) -> None:
        self._meter = Meter(limit)
        self._growing = growing
        self._count = 0
        self._overhead = GROUP_OVERHEAD * (1 + outputs)

    def holds(self, count: int, group: _Group, values: list[Any]) -> bool:
        """Note a group if it is new, and what its accumulators keep of ``values``; false when the limit is exceeded."""
        if count != self._count:
            self._count = count
            self._meter.used += self._overhead + size_of(group.identity)
        if self._growing:
            return self._meter.hold([values[index] for index in self._growing])
        return self._meter.used <= self._meter.limit

    def kept(self, group: _Group) -> list[Any]:
        """What a group's accumulators keep, in the place of the values they were given."""
        return [
            accumulator.result() if index in self._growing else None
            for index, accumulator in enumerate(group.accumulators)
        ]

    def empty(self) -> None:
        """All groups have been given away."""
        self._count = 0
        self._meter.reset()


def _grouped_on_disk(groups: _Groups, rest: Iterator[Any], room: _Room, run: Run, level: int) -> Iterator[Document]:
    """Write the groups so far and what is still to add into partitions, then finish one partition after the other."""
    if level == MAX_LEVELS or (level and len(groups) == 1):
        raise accumulated_too_much("$group", run.max_memory_bytes)
    partitions = [Spill() for _ in range(PARTITIONS)]
    try:
        for group in groups.take():
            entry = _Saved(group.identity, group.accumulators)
            partitions[groups.partition(group.identity, level)].append(entry)
        for entry in rest:
            its_identity = entry.identity if isinstance(entry, _Saved) else entry[0]
            partitions[groups.partition(its_identity, level)].append(entry)
        for partition in partitions:
            yield from _finished(groups, run.checked(iter(partition)), room, run, level)
    finally:
        for partition in partitions:
            partition.close()


def _finished(groups: _Groups, entries: Iterator[Any], room: _Room, run: Run, level: int) -> Iterator[Document]:
    """The results of one partition, which is partitioned in its turn when it does not fit either."""
    groups.take()
    room.empty()
    for entry in entries:
        if isinstance(entry, _Saved):
            group = groups.restore(entry.identity, entry.accumulators)
            values = room.kept(group)
        else:
            group, values = groups.find(entry[0]), entry[1]
            for add, value in zip(group.adds, values, strict=True):
                add(value)
        if not room.holds(len(groups), group, values):
            yield from _grouped_on_disk(groups, entries, room, run, level + 1)
            return
    yield from groups.results()


@dataclass(frozen=True)
class _Saved:
    """A group as it is written to disk."""

    identity: Any
    accumulators: list[Accumulator]


@stage("$sortByCount")
def build_sort_by_count(spec: Any, environment: Environment) -> Stage:
    """The distinct values of an expression with their counts, most frequent first."""
    if isinstance(spec, Mapping):
        if len(spec) != 1 or not next(iter(spec)).startswith("$"):
            raise failure(
                40147, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object"
            )
    elif not isinstance(spec, str):
        raise failure(40149, "the sortByCount field must be specified as a string or as an object")
    elif not spec.startswith("$"):
        raise failure(
            40148, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object"
        )
    grouped = build_group({"_id": spec, "count": {"$sum": 1}}, environment)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from sorted(grouped.run(source, run), key=lambda document: -document["count"])

    return Stage("$sortByCount", run, grouped.scope, closes=True)


@stage("$bucket")
def build_bucket(spec: Any, environment: Environment) -> Stage:
    """Documents counted, or accumulated, by ranges of an expression's value."""
    _check_bucket(spec)
    scope = environment.scope()
    value = compile_in(spec["groupBy"], scope)
    boundaries = _boundaries(spec["boundaries"], scope)
    default = _default(spec["default"], boundaries, scope) if "default" in spec else MISSING
    outputs = bucket_outputs("$bucket", spec, scope, 40196)
    collation = environment.collation

    def identity(document: Document, variables: Variables) -> Any:
        found = value(document, variables)
        index = _bucket_index(None if found is MISSING else found, boundaries, collation)
        if index is not None:
            return boundaries[index]
        if default is MISSING:
            raise failure(40066, "$switch could not find a matching branch for an input, and no default was specified.")
        return default

    grouped = grouper(identity, outputs, collation)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from sorted(grouped(source, run), key=lambda document: sort_key(document["_id"], collation))

    return Stage("$bucket", run, scope, closes=True)


def _check_bucket(spec: Any) -> None:
    if not isinstance(spec, Mapping):
        raise failure(40201, "Argument to $bucket stage must be an object")
    for key in spec:
        if key not in ("groupBy", "boundaries", "default", "output"):
            raise failure(40197, f"Unrecognized option to $bucket: {key}.")
    if "groupBy" not in spec or "boundaries" not in spec:
        raise failure(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.")
    check_group_by("$bucket", spec["groupBy"], 40202)


def check_group_by(name: str, expression: Any, number: int) -> None:
    """Raise unless ``groupBy`` is a field path or an expression object."""
    if isinstance(expression, str) and expression.startswith("$"):
        return
    if isinstance(expression, Mapping) and expression and next(iter(expression)).startswith("$"):
        return
    raise failure(number, f"The {name} 'groupBy' field must be defined as a $-prefixed path or an expression object")


def _boundaries(values: Any, scope: Scope) -> list[Any]:
    if not isinstance(values, list):
        raise failure(40200, "The $bucket 'boundaries' field must be an array")
    if len(values) < 2:
        raise failure(40192, "The $bucket 'boundaries' field must have at least 2 values")
    boundaries = [
        _constant(value, scope, 40191, "'boundaries' field must be an array of constant values") for value in values
    ]
    for lower, upper in pairwise(boundaries):
        if bracket(lower) != bracket(upper):
            raise failure(40193, "All values in the 'boundaries' option to $bucket must have the same type")
        if compare(lower, upper, scope.collation) >= 0:
            raise failure(40194, "The 'boundaries' option to $bucket must be sorted in ascending order")
    return boundaries


def _constant(expression: Any, scope: Scope, number: int, message: str) -> Any:
    evaluate = compile_in(expression, scope)
    if not isinstance(evaluate, Constant):
        raise failure(number, f"The $bucket {message}")
    return None if evaluate.value is MISSING else evaluate.value


def _default(expression: Any, boundaries: list[Any], scope: Scope) -> Any:
    default = _constant(expression, scope, 40195, "'default' field must be a constant value")
    below = order(default, boundaries[0], scope.collation) < 0
    if not below and order(default, boundaries[-1], scope.collation) < 0:
        raise failure(
            40199,
            "The $bucket 'default' field must be less than the lowest boundary or greater than or equal to the highest boundary.",
        )
    return default


def _bucket_index(value: Any, boundaries: list[Any], collation: Any) -> int | None:
    if order(value, boundaries[0], collation) < 0 or order(value, boundaries[-1], collation) >= 0:
        return None
    low, high = 0, len(boundaries) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if order(value, boundaries[middle], collation) < 0:
            high = middle
        else:
            low = middle
    return low


def bucket_outputs(name: str, spec: Mapping[str, Any], scope: Scope, number: int) -> list[tuple[str, AccumulatorPlan]]:
    """The accumulators of a bucketing stage; by default a count."""
    output = spec.get("output", {"count": {"$sum": 1}})
    if not isinstance(output, Mapping):
        raise failure(number, f"The {name} 'output' field must be an object")
    outputs = []
    for field, accumulator in output.items():
        if field == "_id" or "." in field or field.startswith("$"):
            raise failure(40236, f"The field name '{field}' cannot be used in the output of {name}")
        outputs.append((field, compile_accumulator(field, accumulator, scope)))
    return outputs


@stage("$facet")
def build_facet(spec: Any, environment: Environment) -> Stage:
    """The results of several pipelines over the same documents, as one document of arrays."""
    if not isinstance(spec, Mapping) or not spec:
        raise failure(40169, "the $facet specification must be a non-empty object")
    facets = {name: _facet(name, pipeline, environment) for name, pipeline in spec.items()}
    scope = environment.scope()
    scope.read_whole()

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        meter = Meter(run.max_memory_bytes)
        documents = []
        for document in run.checked(source):
            meter.require("$facet", document)
            documents.append(document)
        limit = run.max_memory_bytes
        yield require_size(
            {name: gathered(facet(iter(documents), run), limit, FACET_LIMIT) for name, facet in facets.items()}
        )

    return Stage("$facet", run, scope, closes=True)


def _facet(
    name: str, pipeline: Any, environment: Environment
) -> Callable[[Iterator[Document], Run], Iterator[Document]]:
    if not isinstance(pipeline, list):
        raise failure(40170, f"arguments to $facet must be arrays, {name} is not")
    if not name or "." in name or name.startswith("$") or "\0" in name:
        raise failure(40352 if not name else 16410, f"'{name}' cannot be the name of a facet")
    stages = compile_stages(pipeline, environment.within("$facet"))
    return lambda source, run: run_stages(stages, source, run)
