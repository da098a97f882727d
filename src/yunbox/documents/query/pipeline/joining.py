"""Stages that read other collections: $lookup $graphLookup $unionWith."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from bson import Int64

from ..effort import MAX_DOCUMENT_BYTES, out_of_memory, require_size
from ..expressions import Evaluate, Scope, compile_in
from ..expressions.compiler import check_variable_name
from ..expressions.failures import failure
from ..expressions.numbers import as_int64
from ..expressions.paths import split_path
from ..match import compile_filter
from ..values import MISSING, is_text, sort_key, type_name
from .compiling import compile_stages, run_stages
from .foreign import Foreign, join_values, values_at
from .lookup import Document
from .selecting import with_value
from .sizes import Meter, gathered
from .stage import Environment, Run, Stage, stage

BATCH = 200


@dataclass(frozen=True)
class _Lookup:
    """A parsed ``$lookup``."""

    collection: str
    output: tuple[str, ...]
    local: str | None
    foreign: str | None
    let: tuple[tuple[str, Evaluate], ...]
    stages: tuple[Stage, ...] | None
    correlation: tuple[str, Evaluate] | None
    correlated: bool
    collation: Any

    @property
    def generates(self) -> bool:
        """True when the nested pipeline makes its own documents."""
        return bool(self.stages) and self.stages is not None and self.stages[0].generates


@stage("$lookup")
def build_lookup(spec: Any, environment: Environment) -> Stage:
    """Documents with an array of the matching documents of another collection."""
    scope = environment.scope()
    plan = _parse(spec, environment, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        fetch = _fetcher(plan, run)
        documents = run.checked(source)
        while batch := list(islice(documents, BATCH)):
            for document, found in fetch(batch):
                yield require_size(with_value(document, plan.output, found))

    nested = (stage.collections for stage in plan.stages or ())
    collections = frozenset({plan.collection} if plan.collection else ()).union(*nested)
    return Stage("$lookup", run, scope, collections=collections, changes=frozenset({plan.output[0]}))


def _parse(spec: Any, environment: Environment, scope: Scope) -> _Lookup:
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $lookup specification must be an Object, but found {type_name(spec)}")
    _check_lookup(spec)
    collection, local, foreign = spec.get("from", ""), spec.get("localField"), spec.get("foreignField")
    let = _compile_let(spec.get("let", {}), scope)
    stages = None
    correlation = None
    if "pipeline" in spec:
        _check_pipeline("$lookup", spec["pipeline"], collection)
        names = [name for name, _ in let]
        nested = environment.within("$lookup", names, collection)
        stages = compile_stages(spec["pipeline"], nested)
        correlation = _correlation(spec["pipeline"], nested.variables, environment) if foreign is None else None
    if local is not None:
        split_path(local)
        scope.read(local)
    output = split_path(spec["as"])
    return _Lookup(
        collection,
        output,
        local,
        foreign,
        let,
        stages,
        correlation,
        bool(let or environment.variables),
        environment.collation,
    )


def _check_lookup(spec: Mapping[str, Any]) -> None:
    known = ("from", "localField", "foreignField", "as", "let", "pipeline")
    for key, value in spec.items():
        if key not in known:
            raise failure(9, f"unknown argument to $lookup: {key}")
        if key == "pipeline":
            if not isinstance(value, list):
                raise failure(
                    14, f"BSON field '$lookup.pipeline' is the wrong type '{type_name(value)}', expected type 'array'"
                )
        elif key == "let":
            if not isinstance(value, Mapping):
                raise failure(9, f"$lookup argument 'let: {value!r}' must be an object, is type {type_name(value)}")
        elif not isinstance(value, str):
            raise failure(9, f"$lookup argument '{key}: {value!r}' must be a string, is type {type_name(value)}")
    if "as" not in spec:
        raise failure(9, "must specify 'as' field for a $lookup")
    pair = ("localField" in spec) + ("foreignField" in spec)
    if pair == 1 or (pair == 0 and "pipeline" not in spec):
        raise failure(9, "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified")
    if "let" in spec and "pipeline" not in spec:
        raise failure(9, "$lookup with a 'let' argument must also specify 'pipeline'")
    if "from" not in spec and not _starts_with_documents(spec.get("pipeline", ())):
        raise failure(9, "must specify 'from' field for a $lookup")


def _starts_with_documents(pipeline: Any) -> bool:
    return bool(pipeline) and isinstance(pipeline[0], Mapping) and "$documents" in pipeline[0]


def _check_pipeline(name: str, pipeline: Any, collection: str) -> None:
    if not isinstance(pipeline, list):
        raise failure(
            14, f"BSON field '{name}.pipeline' is the wrong type '{type_name(pipeline)}', expected type 'array'"
        )
    if not collection and not _starts_with_documents(pipeline):
        raise failure(
            9, f"{name} stage without explicit collection must have a pipeline with $documents as first stage"
        )


def _compile_let(let: Mapping[str, Any], scope: Scope) -> tuple[tuple[str, Evaluate], ...]:
    for name in let:
        check_variable_name(name, defining=True)
    return tuple((name, compile_in(expression, scope)) for name, expression in let.items())


def _correlation(
    pipeline: list[Any], variables: frozenset[str], environment: Environment
) -> tuple[str, Evaluate] | None:
    """The equality of a foreign field and a variable that a leading ``$match`` demands: (field, its value).

    With a collation, or a path through an array, a filter on the field could miss documents, so only a superset is used.
    """
    match = pipeline[0].get("$match") if pipeline and isinstance(pipeline[0], Mapping) else None
    condition = match.get("$expr") if isinstance(match, Mapping) else None
    terms = condition.get("$and", [condition]) if isinstance(condition, Mapping) else []
    for term in terms if isinstance(terms, list) else ():
        sides = term.get("$eq") if isinstance(term, Mapping) else None
        if not isinstance(sides, list) or len(sides) != 2:
            continue
        for field, value in (sides, sides[::-1]):
            if _is_plain_field(field) and isinstance(value, str) and value.startswith("$$"):
                name = value[2:].split(".", 1)[0]
                if name in variables:
                    return field[1:], compile_in(value, Scope(variables, environment.collation))
    return None


def _is_plain_field(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("$") and not value.startswith("$$") and "." not in value


Fetched = Iterator[tuple[Document, list[Document]]]


def _fetcher(plan: _Lookup, run: Run) -> Callable[[list[Document]], Fetched]:
    if plan.generates and plan.foreign is not None and plan.local is not None:
        return _generated_fetcher(plan, plan.local, plan.foreign, run)
    if plan.foreign is not None and plan.local is not None:
        return _equality_fetcher(plan, plan.local, plan.foreign, run)
    return _pipeline_fetcher(plan, run)


def _equality_fetcher(plan: _Lookup, local: str, path: str, run: Run) -> Callable[[list[Document]], Fetched]:
    foreign = Foreign.of(run, plan.collection, path, plan.collation)

    def fetch(batch: list[Document]) -> Fetched:
        keys = [join_values(document, local) for document in batch]
        shared = foreign.restricted_to(chain.from_iterable(keys))
        for document, values in zip(batch, keys, strict=True):
            found = shared.equal(values)
            yield document, found if plan.stages is None else _run_nested(plan, found, document, run)

    return fetch


def _generated_fetcher(plan: _Lookup, local: str, path: str, run: Run) -> Callable[[list[Document]], Fetched]:
    """Join with the documents that the nested pipeline's first stage makes."""
    stages = plan.stages or ()

    def fetch(batch: list[Document]) -> Fetched:
        for document in batch:
            nested = run.with_variables(_bound(plan, document, run))
            keys = {sort_key(value, plan.collation) for value in join_values(document, local)}
            made = run_stages(stages[:1], iter(()), nested)
            joined = (
                candidate
                for candidate in made
                if any(sort_key(value, plan.collation) in keys for value in values_at(candidate, path))
            )
            yield document, _gathered(run_stages(stages[1:], joined, nested))

    return fetch


def _pipeline_fetcher(plan: _Lookup, run: Run) -> Callable[[list[Document]], Fetched]:
    known: list[list[Document]] = []
    source = Foreign.of(run, plan.collection, plan.correlation[0], plan.collation) if plan.correlation else None

    def fetch(batch: list[Document]) -> Fetched:
        if not plan.correlated:
            if not known:
                known.append(_run_nested(plan, _everything(plan, run), batch[0], run))
            for document in batch:
                yield document, known[0]
            return
        candidates = _candidates(plan, source, batch, run)
        for document in batch:
            yield document, _run_nested(plan, candidates(document), document, run)

    return fetch


def _everything(plan: _Lookup, run: Run) -> Iterable[Document]:
    return () if plan.generates else run.lookup.find(plan.collection, {})


def _candidates(
    plan: _Lookup, source: Foreign | None, batch: list[Document], run: Run
) -> Callable[[Document], Iterable[Document]]:
    """For a document of ``batch``, the foreign documents that its nested pipeline may let through."""
    if source is None or plan.correlation is None:
        return lambda document: _everything(plan, run)
    correlated = plan.correlation[1]
    values = {id(document): correlated({}, _bound(plan, document, run)) for document in batch}
    shared = source.restricted_to(value for value in values.values() if not isinstance(value, list))

    def candidates(document: Document) -> Iterable[Document]:
        value = values[id(document)]
        # An array in a variable may equal what a path through an array gives, which a filter would not find.
        return _everything(plan, run) if isinstance(value, list) else shared.equal([value])

    return candidates


def _bound(plan: _Lookup, document: Document, run: Run) -> dict[str, Any]:
    return {**run.variables, **{name: evaluate(document, run.variables) for name, evaluate in plan.let}}


def _run_nested(plan: _Lookup, source: Any, document: Document, run: Run) -> list[Document]:
    nested = run.with_variables(_bound(plan, document, run))
    return _gathered(run_stages(plan.stages or (), iter(source), nested))


def _gathered(documents: Iterable[Document]) -> list[Document]:
    """What is joined to one document, which has to fit into it."""
    return gathered(documents, MAX_DOCUMENT_BYTES, 4568)


@stage("$unionWith")
def build_union_with(spec: Any, environment: Environment) -> Stage:
    """The documents, then those of another collection sent through a pipeline."""
    if is_text(spec):
        spec = {"coll": spec}
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $unionWith stage specification must be an object or string, but found {type_name(spec)}")
    for key in spec:
        if key not in ("coll", "pipeline"):
            raise failure(40415, f"BSON field '$unionWith.{key}' is an unknown field.")
    collection, pipeline = spec.get("coll", ""), spec.get("pipeline", [])
    if not is_text(collection):
        raise failure(
            14, f"BSON field '$unionWith.coll' is the wrong type '{type_name(collection)}', expected type 'string'"
        )
    _check_pipeline("$unionWith", pipeline, collection)
    stages = compile_stages(pipeline, environment.within("$unionWith", (), collection))

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        yield from source
        generated = bool(stages) and stages[0].generates
        documents = iter(()) if generated else iter(run.lookup.find(collection, {}))
        yield from run_stages(stages, run.checked(documents), run)

    collections = frozenset({collection} if collection else ()).union(*(stage.collections for stage in stages))
    return Stage("$unionWith", run, environment.scope(), collections=collections)


@dataclass(frozen=True)
class _Graph:
    """A parsed ``$graphLookup``."""

    collection: str
    start: Evaluate
    connect_from: str
    connect_to: str
    output: tuple[str, ...]
    max_depth: int | None
    depth_field: tuple[str, ...] | None
    restriction: Document | None
    collation: Any


@stage("$graphLookup")
def build_graph_lookup(spec: Any, environment: Environment) -> Stage:
    """Documents with an array of all that can be reached in another collection."""
    scope = environment.scope()
    graph = _parse_graph(spec, environment, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        foreign = Foreign.of(run, graph.collection, graph.connect_to, graph.collation, graph.restriction)
        for document in run.checked(source):
            start = graph.start(document, run.variables)
            reached = _reach(graph, start, foreign, Meter(run.max_memory_bytes))
            yield require_size(with_value(document, graph.output, reached))

    changes = frozenset({graph.output[0]})
    return Stage("$graphLookup", run, scope, collections=frozenset({graph.collection}), changes=changes)


def _parse_graph(spec: Any, environment: Environment, scope: Scope) -> _Graph:
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $graphLookup stage specification must be an object, but found {type_name(spec)}")
    strings = ("from", "as", "connectFromField", "connectToField", "depthField")
    for key, value in spec.items():
        if key in strings and not isinstance(value, str):
            raise failure(40103, f"expected string as argument for {key}, found: {type_name(value)}")
        if key not in (*strings, "startWith", "maxDepth", "restrictSearchWithMatch"):
            raise failure(40104, f"Unknown argument to $graphLookup: {key}")
    for key in ("from", "as", "startWith", "connectFromField", "connectToField"):
        if key not in spec:
            raise failure(40105, f"$graphLookup requires '{key}' to be specified")
    for key in ("connectFromField", "connectToField"):
        split_path(spec[key])
    restriction = spec.get("restrictSearchWithMatch")
    if "restrictSearchWithMatch" in spec:
        if not isinstance(restriction, Mapping):
            raise failure(40185, f"restrictSearchWithMatch must be an object, found {type_name(restriction)}")
        compile_filter(dict(restriction), collation=environment.collation)
    return _Graph(
        spec["from"],
        compile_in(spec["startWith"], scope),
        spec["connectFromField"],
        spec["connectToField"],
        split_path(spec["as"]),
        _max_depth(spec),
        split_path(spec["depthField"]) if "depthField" in spec else None,
        dict(restriction) if restriction else None,
        environment.collation,
    )


def _max_depth(spec: Mapping[str, Any]) -> int | None:
    if "maxDepth" not in spec:
        return None
    depth = as_int64(spec["maxDepth"])
    if depth is None:
        raise failure(
            40100, f"maxDepth requires a numeric argument that is a whole number, found: {spec['maxDepth']!r}"
        )
    if depth < 0:
        raise failure(40101, f"maxDepth requires a nonnegative argument, found: {depth}")
    return depth


def _reach(graph: _Graph, start: Any, foreign: Foreign, meter: Meter) -> list[Document]:
    frontier = start if isinstance(start, list) else [start]
    frontier = [value for value in frontier if value is not MISSING]
    visited: dict[Any, Document] = {}
    searched: set[Any] = set()
    depth = 0
    while frontier and (graph.max_depth is None or depth <= graph.max_depth):
        fresh = {sort_key(value, graph.collation): value for value in frontier}
        wanted = [value for key, value in fresh.items() if key not in searched]
        searched.update(fresh)
        frontier = []
        for found in foreign.equal(wanted):
            key = sort_key(found.get("_id"))
            if key not in visited:
                if not meter.hold(found):
                    raise out_of_memory("$graphLookup", meter.used, meter.limit, 40099)
                visited[key] = (
                    found if graph.depth_field is None else with_value(found, graph.depth_field, Int64(depth))
                )
                frontier.extend(_next_values(found, graph.connect_from))
        depth += 1
    return list(visited.values())


def _next_values(document: Document, path: str) -> list[Any]:
    from ..paths import split, walk

    found: list[Any] = []
    for value, _ in walk(document, split(path), expand=False):
        found.extend(value if isinstance(value, list) else [value])
    return [value for value in found if value is not MISSING]
