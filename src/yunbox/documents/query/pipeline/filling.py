"""$fill: values for fields that are null or missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..expressions import Evaluate, compile_in
from ..expressions.failures import failure
from ..expressions.paths import check_field_name, split_path
from ..values import MISSING, type_name
from .lookup import Document
from .selecting import plain_value, with_value
from .stage import Environment, Run, Stage, stage
from .windows import window_stage

METHODS = {"linear": "$linearFill", "locf": "$locf"}


@stage("$fill")
def build_fill(spec: Any, environment: Environment) -> Stage:
    """Documents whose empty fields are set to a value, the last value, or one between their neighbours."""
    _check(spec)
    scope = environment.scope()
    windowed: dict[str, Any] = {}
    constants: list[tuple[tuple[str, ...], Evaluate]] = []
    for path, definition in spec["output"].items():
        names = split_path(path)
        if _is_value(path, definition):
            constants.append((names, compile_in(definition["value"], scope)))
        else:
            windowed[path] = {METHODS[definition["method"]]: f"${path}"}
    stages = _window_stages(spec, windowed, environment)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        for window in stages:
            source = window.run(source, run)
        for document in run.checked(source):
            yield _with_constants(document, constants, run)

    return Stage("$fill", run, scope)


def _check(spec: Any) -> None:
    if not isinstance(spec, Mapping):
        raise failure(9, f"the $fill stage specification must be an object, found {type_name(spec)}")
    for key in spec:
        if key not in ("partitionBy", "partitionByFields", "sortBy", "output"):
            raise failure(40415, f"BSON field '$fill.{key}' is an unknown field.")
    if "output" not in spec:
        raise failure(40414, "BSON field '$fill.output' is missing but a required field")
    if not isinstance(spec["output"], Mapping) or not spec["output"]:
        raise failure(6050203, "the $fill stage needs at least one output field")
    if "partitionBy" in spec and "partitionByFields" in spec:
        raise failure(6050204, "Maximum one of 'partitionBy' and 'partitionByFields' can be specified in $fill")
    for field in spec.get("partitionByFields", ()):
        for name in str(field).split("."):
            check_field_name(name)


def _is_value(path: str, definition: Any) -> bool:
    if not isinstance(definition, Mapping) or len(definition) != 1 or not {"value", "method"} & set(definition):
        raise failure(40415, f"The $fill output '{path}' must be an object with either 'value' or 'method'")
    if "value" in definition:
        return True
    if definition["method"] not in METHODS:
        raise failure(6050202, f"Method must be either locf or linear, found {definition['method']!r}")
    return False


def _window_stages(spec: Mapping[str, Any], windowed: dict[str, Any], environment: Environment) -> list[Stage]:
    if not windowed:
        return []
    if "sortBy" not in spec:
        if any("$linearFill" in definition for definition in windowed.values()):
            raise failure(
                605001, "$linearFill must be specified with a top level sortBy expression with exactly one element"
            )
        raise failure(6050200, "$locf needs 'sortBy' to be specified in $fill")
    partition = spec.get("partitionBy")
    if "partitionByFields" in spec:
        partition = {name: f"${name}" for name in spec["partitionByFields"]}
    window = {"partitionBy": partition, "sortBy": spec["sortBy"], "output": windowed}
    return [window_stage("$fill", window, environment)]


def _with_constants(document: Document, constants: list[tuple[tuple[str, ...], Evaluate]], run: Run) -> Document:
    result = document
    for names, evaluate in constants:
        value = plain_value(document, names)
        if value is None or value is MISSING:
            result = with_value(result, names, evaluate(document, run.variables))
    return result
