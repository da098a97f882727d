"""Stages that reshape documents: $project $addFields $set $unset $replaceRoot $replaceWith $redact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..expressions import Evaluate, Scope, Variables, compile_in
from ..expressions.failures import failure
from ..values import is_text, type_name
from .lookup import Document
from .projecting import compile_added_fields, compile_projection
from .stage import Environment, Stage, per_document, stage


@stage("$project")
def build_project(spec: Any, environment: Environment) -> Stage:
    """Documents with fields kept, computed or left out."""
    if not isinstance(spec, Mapping):
        raise failure(15969, "$project specification must be an object")
    scope = environment.scope()
    projection = compile_projection("$project", spec, scope)
    return Stage(
        "$project",
        per_document(projection.transform),
        scope,
        closes=projection.inclusive,
        changes=projection.changes,
        keeps=projection.keeps,
    )


@stage("$addFields", "$set")
def build_add_fields(spec: Any, environment: Environment) -> Stage:
    """Documents with computed fields added or replaced."""
    if not isinstance(spec, Mapping):
        raise failure(40272, f"$addFields specification stage must be an object, got {type_name(spec)}")
    scope = environment.scope()
    changes = frozenset(path.split(".", 1)[0] for path in spec)
    return Stage("$addFields", per_document(compile_added_fields(spec, scope)), scope, changes=changes)


@stage("$unset")
def build_unset(spec: Any, environment: Environment) -> Stage:
    """Documents without the named fields."""
    if not (is_text(spec) or isinstance(spec, list)):
        raise failure(31002, "$unset specification must be a string or an array")
    paths = [spec] if is_text(spec) else spec
    if not paths:
        raise failure(31119, "$unset specification must be a string or an array with at least one field")
    if not all(is_text(path) for path in paths):
        raise failure(31120, "$unset specification must be a string or an array containing only string values")
    if len(set(paths)) < len(paths):
        twice = next(path for index, path in enumerate(paths) if path in paths[:index])
        raise failure(31250, f"Invalid $unset :: caused by :: Path collision at {twice}")
    scope = environment.scope()
    projection = compile_projection("$unset", dict.fromkeys(paths, 0), scope)
    return Stage("$unset", per_document(projection.transform), scope, changes=projection.changes)


@stage("$replaceRoot")
def build_replace_root(spec: Any, environment: Environment) -> Stage:
    """The object that an expression makes of each document."""
    if not isinstance(spec, Mapping):
        raise failure(40229, f"expected an object as specification for $replaceRoot stage, got {type_name(spec)}")
    for key in spec:
        if key != "newRoot":
            raise failure(40415, f"BSON field '$replaceRoot.{key}' is an unknown field.")
    if "newRoot" not in spec:
        raise failure(40414, "BSON field '$replaceRoot.newRoot' is missing but a required field")
    return _replacing(spec["newRoot"], environment)


@stage("$replaceWith")
def build_replace_with(spec: Any, environment: Environment) -> Stage:
    """The object that an expression makes of each document."""
    return _replacing(spec, environment)


def _replacing(expression: Any, environment: Environment) -> Stage:
    scope = environment.scope()
    evaluate = compile_in(expression, scope)

    def transform(document: Document, variables: Variables) -> Document:
        value = evaluate(document, variables)
        if not isinstance(value, dict):
            message = (
                f"'newRoot' expression must evaluate to an object, but resulting value was of type {type_name(value)}"
            )
            raise failure(40228, message)
        return value

    return Stage("$replaceRoot", per_document(transform), scope, closes=True)


_REDACTIONS = {"DESCEND": "descend", "PRUNE": "prune", "KEEP": "keep"}
"""The variables that only the expression of ``$redact`` has."""


@stage("$redact")
def build_redact(spec: Any, environment: Environment) -> Stage:
    """Documents without the parts that an expression prunes."""
    scope = Scope((*environment.variables, *_REDACTIONS), environment.collation)
    scope.read_whole()
    decide = compile_in(spec, scope)

    def run(source: Any, run: Any) -> Any:
        for document in run.checked(source):
            kept = _redacted(document, decide, {**run.variables, **_REDACTIONS, "ROOT": document})
            if kept is not None:
                yield kept

    return Stage("$redact", run, scope)


def _redacted(document: Document, decide: Evaluate, variables: Variables) -> Document | None:
    verdict = decide(document, variables)
    if verdict == "keep":
        return document
    if verdict == "prune":
        return None
    if verdict != "descend":
        message = (
            "$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and $$PRUNE"
        )
        raise failure(17053, f"{message}, but returned {verdict!r}")
    result = {}
    for name, value in document.items():
        kept = _redacted_value(value, decide, variables)
        if kept is not None or value is None:
            result[name] = kept
    return result


def _redacted_value(value: Any, decide: Evaluate, variables: Variables) -> Any:
    if isinstance(value, dict):
        return _redacted(value, decide, variables)
    if isinstance(value, list):
        kept = [(item, _redacted_value(item, decide, variables)) for item in value]
        return [result for item, result in kept if result is not None or item is None]
    return value
