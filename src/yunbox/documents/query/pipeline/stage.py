"""What a stage is, what it is compiled with, and what it runs with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..effort import pulse, require_growth
from ..expressions import Scope
from ..expressions.failures import failure
from ..expressions.general import METADATA
from .lookup import Document, Lookup

CHECK_EVERY = 256
MAX_NESTING = 20


@dataclass(frozen=True)
class Run:
    """One execution of a pipeline."""

    lookup: Lookup
    variables: Mapping[str, Any]
    check: Callable[[], None]
    max_memory_bytes: int
    allow_disk_use: bool
    cache: dict[Any, Any] = field(default_factory=dict)

    def annotate(self, document: Document, **metadata: Any) -> None:
        """Note what ``$meta`` says about ``document``."""
        self.variables[METADATA][id(document)] = (document, metadata)

    def inherit(self, document: Document, origin: Document) -> None:
        """Let ``document``, made from ``origin``, keep what was noted about it."""
        noted = self.variables[METADATA]
        if id(origin) in noted:
            noted[id(document)] = (document, noted[id(origin)][1])

    def with_variables(self, variables: Mapping[str, Any]) -> Run:
        """The same execution with other variables bound."""
        return replace(self, variables=variables)

    def checked(self, source: Iterator[Document]) -> Iterator[Document]:
        """``source``, asking now and then whether to go on."""
        check = self.check
        for count, document in enumerate(source):
            if not count % CHECK_EVERY:
                check()
                pulse()
            yield document


StageRunner = Callable[[Iterator[Document], Run], Iterator[Document]]


@dataclass(frozen=True)
class Stage:
    """A compiled stage.

    ``scope.reads`` says which paths it reads. ``closes`` is true when its output holds nothing but what it read.
    ``generates`` is true when it ignores its input. ``collections`` are the other collections it touches.
    ``changes`` are the top-level fields it sets or removes while it keeps all others and every document's matching
    independent of its neighbours; None when that cannot be said. ``keeps`` are top-level fields it passes on unchanged.
    ``pushable``: a ``$match`` without variables. ``limited`` makes the runner of a ``$sort`` that keeps the first n.
    """

    name: str
    run: StageRunner
    scope: Scope
    closes: bool = False
    generates: bool = False
    writes: bool = False
    collections: frozenset[str] = frozenset()
    spec: Any = None
    pushable: bool = False
    changes: frozenset[str] | None = None
    keeps: frozenset[str] = frozenset()
    limited: Callable[[int], StageRunner] | None = None


@dataclass(frozen=True)
class Environment:
    """What stages are compiled with."""

    collection: str
    variables: frozenset[str] = frozenset()
    collation: Any = None
    nesting: int = 0
    inside: str = ""
    first: bool = False
    last: bool = False

    def scope(self) -> Scope:
        """A fresh scope: one per stage, so that each knows its own reads."""
        return Scope(self.variables, self.collation)

    def within(self, name: str, variables: Iterable[str] = (), collection: str | None = None) -> Environment:
        """The environment of a pipeline nested in the stage ``name``, with more variables in reach."""
        if self.nesting >= MAX_NESTING:
            raise failure(15, f"{name} nests pipelines too deeply")
        return replace(
            self,
            inside=name,
            nesting=self.nesting + 1,
            variables=self.variables.union(variables),
            collection=self.collection if collection is None else collection,
        )


Builder = Callable[[Any, Environment], Stage]
STAGES: dict[str, Builder] = {}


def stage(*names: str) -> Callable[[Builder], Builder]:
    """Register a stage builder, which gets the stage's raw specification, under its names."""

    def register(builder: Builder) -> Builder:
        for name in names:
            STAGES[name] = builder
        return builder

    return register


def per_document(transform: Callable[[Document, Mapping[str, Any]], Document]) -> StageRunner:
    """A runner that turns each document into one other."""

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        variables = run.variables
        annotated = variables[METADATA]
        for document in run.checked(source):
            result = require_growth(transform(document, variables), document)
            if annotated:
                run.inherit(result, document)
            yield result

    return run
