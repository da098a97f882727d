"""Compile a list of stage specifications; the rules about which stage may stand where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..expressions.failures import failure
from .lookup import Document
from .stage import STAGES, Environment, Run, Stage

MAX_STAGES = 1000
ONLY_FIRST = frozenset(
    {"$geoNear", "$documents", "$collStats", "$indexStats", "$currentOp", "$changeStream", "$search"}
)
ONLY_LAST = frozenset({"$out", "$merge"})
NOT_IN_FACET = ONLY_FIRST | ONLY_LAST | {"$facet"}


def compile_stages(pipeline: Any, environment: Environment) -> tuple[Stage, ...]:
    """The compiled stages of ``pipeline``, adjacent ``$sort`` and ``$limit`` fused."""
    if not isinstance(pipeline, list | tuple):
        raise failure(14, "'pipeline' option must be specified as an array")
    if len(pipeline) > MAX_STAGES:
        raise failure(7749501, f"Pipeline length must be no longer than {MAX_STAGES} stages")
    last = len(pipeline) - 1
    stages = [
        _compile_one(specification, replace(environment, first=index == 0, last=index == last))
        for index, specification in enumerate(pipeline)
    ]
    return tuple(fuse(hoist(stages)))


def _compile_one(specification: Any, environment: Environment) -> Stage:
    if not isinstance(specification, Mapping):
        raise failure(14, "Each element of the 'pipeline' array must be an object")
    if len(specification) != 1:
        raise failure(40323, "A pipeline stage specification object must contain exactly one field.")
    name, spec = next(iter(specification.items()))
    builder = STAGES.get(name)
    if builder is None:
        raise failure(40324, f"Unrecognized pipeline stage name: '{name}'")
    _check_place(name, environment)
    return builder(spec, environment)


def _check_place(name: str, environment: Environment) -> None:
    if environment.inside == "$facet" and name in NOT_IN_FACET:
        raise failure(40600, f"{name} is not allowed to be used within a $facet stage")
    if environment.inside and name in ONLY_LAST:
        raise failure(51047, f"{name} is not allowed to be used within a {environment.inside} stage")
    if name in ONLY_FIRST and not environment.first:
        raise failure(40602, f"{name} is only valid as the first stage in a pipeline")
    if name in ONLY_LAST and not environment.last:
        raise failure(40601, f"{name} can only be the final stage in the pipeline")


def hoist(stages: Iterable[Stage]) -> list[Stage]:
    """Move each ``$match`` before the stages in front of it that leave alone what it reads."""
    result: list[Stage] = []
    for stage in stages:
        place = len(result)
        if stage.name == "$match" and stage.scope.reads.paths and not stage.scope.reads.whole:
            fields = {path.split(".", 1)[0] for path in stage.scope.reads.paths}
            while place and _leaves_alone(result[place - 1], fields):
                place -= 1
        result.insert(place, stage)
    return result


def _leaves_alone(stage: Stage, fields: set[str]) -> bool:
    return fields <= stage.keeps or (stage.changes is not None and not stage.changes & fields)


def fuse(stages: Iterable[Stage]) -> Iterator[Stage]:
    """Tell each ``$sort`` how many documents the ``$limit`` behind it lets through."""
    waiting = list(stages)
    for index, stage in enumerate(waiting):
        limit = _limit_behind(waiting[index + 1 :]) if stage.limited is not None else None
        yield stage if limit is None or stage.limited is None else replace(stage, run=stage.limited(limit))


def _limit_behind(following: list[Stage]) -> int | None:
    skipped = 0
    for stage in following:
        if stage.name == "$skip":
            skipped += stage.spec
        elif stage.name == "$limit":
            return skipped + int(stage.spec)
        else:
            return None
    return None


def run_stages(stages: Iterable[Stage], source: Iterator[Document], run: Run) -> Iterator[Document]:
    """Chain the stages' generators over ``source``."""
    for stage in stages:
        source = stage.run(source, run)
    return source
