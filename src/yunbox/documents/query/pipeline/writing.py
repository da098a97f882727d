"""Stages that end a pipeline by writing its result: $out $merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from ..expressions import Evaluate, Scope, compile_in
from ..expressions.compiler import check_variable_name
from ..expressions.failures import failure
from ..values import MISSING, equal, is_text, type_name
from .compiling import compile_stages, run_stages
from .lookup import Document, InsertOne, ReplaceCollection, ReplaceOne
from .selecting import plain_value, with_value
from .sizes import Meter
from .stage import Environment, Run, Stage, stage

UPDATE_STAGES = frozenset({"$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"})
Matched = Callable[[Document, Document, Run], Document | None]


@stage("$out")
def build_out(spec: Any, environment: Environment) -> Stage:
    """Replace a collection by the result."""
    target = _target("$out", spec, 16990)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        meter = Meter(run.max_memory_bytes * 16)
        documents = []
        for document in run.checked(source):
            meter.require("$out", document)
            documents.append(document if "_id" in document else {"_id": ObjectId(), **document})
        run.lookup.write(ReplaceCollection(target, documents))
        yield from ()

    return Stage("$out", run, environment.scope(), closes=False, writes=True, collections=frozenset({target}))


def _target(name: str, spec: Any, number: int) -> str:
    if isinstance(spec, Mapping):
        for key in spec:
            if key not in ("db", "coll"):
                raise failure(number, f"{name} found an unknown field: {key}")
        spec = spec.get("coll")
    if not is_text(spec) or not spec:
        raise failure(number, f"{name} needs the name of a collection, as a string or as {{db, coll}}")
    if spec.startswith("$") or "\0" in spec:
        raise failure(73, f"Invalid collection name: {spec}")
    return spec


@dataclass(frozen=True)
class _Merge:
    """A parsed ``$merge``."""

    target: str
    on: tuple[str, ...]
    let: tuple[tuple[str, Evaluate], ...]
    matched: Matched
    not_matched: str


@stage("$merge")
def build_merge(spec: Any, environment: Environment) -> Stage:
    """Insert the result into a collection, or merge it with what is there."""
    scope = environment.scope()
    merge = _parse(spec, environment, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        _require_unique(merge, run)
        # Read everything first, so that a collection merged into itself is not read while it changes.
        for document in list(run.checked(source)):
            _merge_one(merge, document, run)
        yield from ()

    return Stage("$merge", run, scope, writes=True, collections=frozenset({merge.target}))


def _parse(spec: Any, environment: Environment, scope: Scope) -> _Merge:
    if is_text(spec):
        spec = {"into": spec}
    if not isinstance(spec, Mapping):
        raise failure(51182, f"$merge only supports a string or object argument, but found {type_name(spec)}")
    for key in spec:
        if key not in ("into", "on", "let", "whenMatched", "whenNotMatched"):
            raise failure(40415, f"BSON field '$merge.{key}' is an unknown field.")
    if "into" not in spec:
        raise failure(40414, "BSON field '$merge.into' is missing but a required field")
    not_matched = spec.get("whenNotMatched", "insert")
    if not_matched not in ("insert", "discard", "fail"):
        raise failure(2, f"Enumeration value '{not_matched}' for field 'whenNotMatched' is not a valid value.")
    matched = spec.get("whenMatched", "merge")
    let = spec.get("let", {"new": "$$ROOT"})
    if "let" in spec and not isinstance(matched, list):
        raise failure(51199, "Cannot use 'let' variables with 'whenMatched' other than a pipeline")
    for name in let:
        check_variable_name(name, defining=True)
    bound = tuple((name, compile_in(value, scope)) for name, value in {"new": "$$ROOT", **let}.items())
    return _Merge(
        _target("$merge 'into'", spec["into"], 51178),
        _on_fields(spec.get("on", "_id")),
        bound,
        _when_matched(matched, bound, environment),
        str(not_matched),
    )


def _on_fields(spec: Any) -> tuple[str, ...]:
    fields = [spec] if isinstance(spec, str) else spec
    if not isinstance(fields, list) or not fields or not all(isinstance(field, str) for field in fields):
        raise failure(51186, "$merge 'on' field must be a string or a non-empty array of strings")
    if len(set(fields)) != len(fields):
        raise failure(31465, "Found a duplicate field in $merge.on")
    return tuple(fields)


def _when_matched(spec: Any, let: tuple[tuple[str, Evaluate], ...], environment: Environment) -> Matched:
    if isinstance(spec, list):
        return _by_pipeline(spec, let, environment)
    if spec == "merge":
        return lambda old, new, run: {**old, **new, "_id": old["_id"]}
    if spec == "replace":
        return lambda old, new, run: {**new, "_id": old["_id"]}
    if spec == "keepExisting":
        return lambda old, new, run: None
    if spec == "fail":
        return _fail
    raise failure(51191, f"Enumeration value '{spec}' for field 'whenMatched' is not a valid value.")


def _fail(old: Document, new: Document, run: Run) -> Document | None:
    raise failure(11000, f"$merge with whenMatched: fail found an existing document with _id {old['_id']!r}")


def _by_pipeline(spec: list[Any], let: tuple[tuple[str, Evaluate], ...], environment: Environment) -> Matched:
    for entry in spec:
        if isinstance(entry, Mapping) and not UPDATE_STAGES.issuperset(entry):
            raise failure(72, f"{next(iter(entry))} is not allowed to be used within an update")
    stages = compile_stages(spec, environment.within("$merge", [name for name, _ in let]))

    def update(old: Document, new: Document, run: Run) -> Document | None:
        variables = {**run.variables, **{name: evaluate(new, run.variables) for name, evaluate in let}}
        (result,) = run_stages(stages, iter((old,)), run.with_variables(variables))
        return {"_id": old["_id"], **result}

    return update


def _require_unique(merge: _Merge, run: Run) -> None:
    if merge.on == ("_id",):
        return
    for index in run.lookup.statistics(merge.target).indexes:
        if index.unique and set(index.keys) == set(merge.on):
            return
    raise failure(
        51183, "Cannot find index to verify that join fields will be unique; create a unique index on the 'on' fields"
    )


def _merge_one(merge: _Merge, document: Document, run: Run) -> None:
    if "_id" not in document:
        document = {"_id": ObjectId(), **document}
    condition = {path: {"$eq": _on_value(document, path)} for path in merge.on}
    found = list(run.lookup.find(merge.target, condition))
    if not found:
        if merge.not_matched == "insert":
            run.lookup.write(InsertOne(merge.target, document))
        elif merge.not_matched == "fail":
            raise failure(
                13113, "$merge could not find a matching document in the target collection for at least one document"
            )
        return
    if "_id" not in merge.on and "_id" in document and not equal(document["_id"], found[0]["_id"]):
        document = with_value(document, ("_id",), MISSING)
    result = merge.matched(found[0], document, run)
    if result is None:
        return
    if not equal(result["_id"], found[0]["_id"]):
        raise failure(66, "$merge failed to update the matching document: the _id field cannot be changed")
    run.lookup.write(ReplaceOne(merge.target, result))


def _on_value(document: Document, path: str) -> Any:
    value = plain_value(document, tuple(path.split(".")))
    if value is MISSING or value is None or isinstance(value, list):
        raise failure(51132, "$merge write error: 'on' field cannot be missing, null, undefined or an array")
    return value
