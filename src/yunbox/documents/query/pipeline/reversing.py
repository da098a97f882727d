"""$inverseMatch: documents by the filters they hold. A stage of DocumentDB; MongoDB itself has none like it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..expressions import Evaluate, Scope, compile_in
from ..expressions.failures import failure
from ..expressions.paths import split_path
from ..match import compile_condition
from ..values import type_name
from .compiling import compile_stages, run_stages
from .lookup import Document
from .selecting import plain_value
from .stage import Environment, Run, Stage, stage

OPTIONS = ("path", "input", "defaultResult", "from", "pipeline")


@dataclass(frozen=True)
class _Inverse:
    """A parsed ``$inverseMatch``; ``given`` are documents in the pipeline, ``collection`` names others."""

    path: tuple[str, ...]
    given: Evaluate | None
    collection: str
    stages: tuple[Stage, ...]
    default: bool
    collation: Any


@stage("$inverseMatch")
def build_inverse_match(spec: Any, environment: Environment) -> Stage:
    """The documents whose filter at ``path`` matches at least one of the given documents."""
    scope = environment.scope()
    plan = _parse(spec, environment, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        shared = None
        if plan.given is None:
            shared = list(run_stages(plan.stages, iter(run.lookup.find(plan.collection, {})), run))
        for document in run.checked(source):
            inputs = shared if plan.given is None else _inputs(plan.given(document, run.variables))
            if _matches(plan, document, inputs or ()):
                yield document

    collections = frozenset({plan.collection} if plan.collection else ())
    return Stage("$inverseMatch", run, scope, collections=collections)


def _matches(plan: _Inverse, document: Document, inputs: Iterable[Any]) -> bool:
    rule = plain_value(document, plan.path)
    if not isinstance(rule, dict):
        return plan.default
    condition = compile_condition(rule, collation=plan.collation)
    return any(condition(value) for value in inputs)


def _inputs(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    for member in values:
        if not isinstance(member, dict):
            raise failure(
                9,
                f"$inverseMatch requires 'input' to be a document or an array of documents, found: {type_name(member)}",
            )
    return values


def _parse(spec: Any, environment: Environment, scope: Scope) -> _Inverse:
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $inverseMatch stage specification must be an object, found {type_name(spec)}")
    for name in spec:
        if name not in OPTIONS:
            raise failure(9, f"unrecognized argument to $inverseMatch: '{name}'")
    path, default, collection = spec.get("path"), spec.get("defaultResult", False), spec.get("from", "")
    if not isinstance(path, str) or not path:
        raise failure(14, f"$inverseMatch needs 'path' to be a non-empty string, found {type_name(path)}")
    if not isinstance(default, bool):
        raise failure(14, f"$inverseMatch needs 'defaultResult' to be a boolean, found {type_name(default)}")
    if ("input" in spec) == ("from" in spec) or not isinstance(collection, str):
        raise failure(9, "$inverseMatch needs either 'input', or 'from' with 'pipeline'")
    stages = compile_stages(spec.get("pipeline", []), environment.within("$inverseMatch", (), collection))
    given = compile_in(spec["input"], scope) if "input" in spec else None
    scope.read(path)
    return _Inverse(split_path(path), given, collection, stages, default, environment.collation)
