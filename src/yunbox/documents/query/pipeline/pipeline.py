"""Compile a pipeline, tell the store what it may push down, and run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..collation import compile_collation
from ..ejson import too_deep
from ..expressions.failures import failure
from ..expressions.general import METADATA
from ..let import bind
from ..nesting import bounded
from . import (
    bucketing,
    densifying,
    filling,
    grouping,
    joining,
    near,
    reversing,
    selecting,
    shaping,
    sorting,
    sources,
    windows,
    writing,
)
from .compiling import compile_stages, run_stages
from .lookup import Document, Lookup
from .stage import Environment, Run, Stage

FAMILIES = (
    bucketing,
    densifying,
    filling,
    grouping,
    joining,
    near,
    reversing,
    selecting,
    shaping,
    sorting,
    sources,
    windows,
    writing,
)
MAX_MEMORY_BYTES = 100 * 2**20
MAX_DEPENDENCIES = 8
NO_COLLECTION = "$cmd.aggregate"
"""The collection of a pipeline that has none, and must make its own documents."""


class Pipeline:
    """A compiled pipeline; it holds no state of a run and may run many times, also concurrently."""

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        variables: Mapping[str, Any],
        max_memory_bytes: int = MAX_MEMORY_BYTES,
        allow_disk_use: bool = False,
    ) -> None:
        self.stages = tuple(stages)
        self._variables = dict(variables)
        self._max_memory_bytes = max_memory_bytes
        self._allow_disk_use = allow_disk_use

    def run(
        self, source: Iterable[Document], lookup: Lookup, *, check: Callable[[], None] | None = None
    ) -> Iterator[Document]:
        """Stream the results for the documents of ``source``, which are never changed.

        ``check`` is called every 256 documents and may raise to cancel. Raises `QueryError`.
        """
        variables = {"NOW": datetime.now(UTC), METADATA: {}, **self._variables}
        run = Run(lookup, variables, check or _never, self._max_memory_bytes, self._allow_disk_use)
        return _bounded(run_stages(self.stages, iter(source), run))

    @property
    def generates(self) -> bool:
        """True when the first stage makes its own documents, so that the source is not read at all."""
        return bool(self.stages) and self.stages[0].generates

    @property
    def writes(self) -> bool:
        """True when the pipeline ends in ``$out`` or ``$merge``."""
        return any(stage.writes for stage in self.stages)

    def collections(self) -> frozenset[str]:
        """The other collections it reads or writes, nested pipelines included."""
        return frozenset[str]().union(*(stage.collections for stage in self.stages))

    def leading_match(self) -> Document | None:
        """The filter of the leading ``$match`` stages that the store may apply instead; None when there is none."""
        filters = [stage.spec for stage in self.stages[: self._matches()]]
        if not filters:
            return None
        return filters[0] if len(filters) == 1 else {"$and": filters}

    def without_leading_match(self) -> Pipeline:
        """The pipeline that remains when the store has applied `leading_match`."""
        return self._with(self.stages[self._matches() :])

    def leading_sort(self) -> list[tuple[str, int]] | None:
        """The ``$sort`` the pipeline now begins with, as (path, 1 | -1) pairs, when it uses plain keys only."""
        first = self.stages[0] if self.stages else None
        return list(first.spec) if first is not None and first.name == "$sort" and first.spec else None

    def without_leading_sort(self) -> Pipeline:
        """The pipeline that remains when the store delivers documents in the order of `leading_sort`."""
        return self._with(self.stages[1:] if self.leading_sort() else self.stages)

    def leading_group(self) -> Document | None:
        """The specification of the ``$group`` the pipeline now begins with."""
        first = self.stages[0] if self.stages else None
        return dict(first.spec) if first is not None and first.name == "$group" else None

    def without_leading_group(self) -> Pipeline:
        """The pipeline that remains when the store has computed `leading_group`."""
        return self._with(self.stages[1:] if self.leading_group() else self.stages)

    def leading_limit(self) -> int | None:
        """How many source documents are enough when the pipeline now begins with ``$skip`` and ``$limit``."""
        skipped = 0
        for stage in self.stages:
            if stage.name == "$limit":
                return skipped + int(stage.spec)
            if stage.name != "$skip":
                return None
            skipped += stage.spec
        return None

    def dependencies(self) -> set[str] | None:
        """The paths of source documents it reads, ``_id`` included when needed; None means whole documents.

        Paths may be dotted; none is a prefix of another; at most 8.
        """
        paths: set[str] = set()
        for stage in self.stages:
            if stage.scope.reads.whole:
                return None
            paths |= stage.scope.reads.paths
            if stage.closes:
                kept = {path for path in paths if not _has_prefix(path, paths)}
                return kept if len(kept) <= MAX_DEPENDENCIES else None
        return None

    def _matches(self) -> int:
        count = 0
        while count < len(self.stages) and self.stages[count].name == "$match" and self.stages[count].pushable:
            count += 1
        return count

    def _with(self, stages: Sequence[Stage]) -> Pipeline:
        return Pipeline(
            stages,
            variables=self._variables,
            max_memory_bytes=self._max_memory_bytes,
            allow_disk_use=self._allow_disk_use,
        )


@bounded
def compile_pipeline(
    pipeline: Sequence[Mapping[str, Any]],
    *,
    collection: str,
    let: Mapping[str, Any] | None = None,
    collation: Any = None,
    max_memory_bytes: int = MAX_MEMORY_BYTES,
    allow_disk_use: bool = False,
    now: datetime | None = None,
) -> Pipeline:
    """Compile ``pipeline`` for ``collection``. Raises `QueryError` with MongoDB's number for what cannot be parsed.

    ``let`` binds variables for the whole pipeline; ``now`` is ``$$NOW`` (default: the time of each run);
    ``max_memory_bytes`` bounds each blocking stage, which spills to a temporary file with ``allow_disk_use``.
    """
    collation = compile_collation(collation)
    variables = bind(let or {}, collation)
    environment = Environment(collection, frozenset(variables), collation)
    stages = compile_stages(pipeline, environment)
    if collection == NO_COLLECTION and not (stages and stages[0].generates):
        name = next(iter(pipeline[0])) if pipeline else "an empty pipeline"
        raise failure(73, f"{{aggregate: 1}} is not valid for '{name}'; a collection is required.")
    if now is not None:
        variables["NOW"] = now
    return Pipeline(stages, variables=variables, max_memory_bytes=max_memory_bytes, allow_disk_use=allow_disk_use)


def _bounded(results: Iterator[Document]) -> Iterator[Document]:
    try:
        yield from results
    except RecursionError:
        raise too_deep() from None


def _has_prefix(path: str, paths: set[str]) -> bool:
    return any(path[:index] in paths for index, character in enumerate(path) if character == ".")


def _never() -> None:
    """Nothing cancels this run."""
