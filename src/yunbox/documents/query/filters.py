"""The parsed form of a filter: nodes that test documents, and conditions that test the values of one path.

Nodes compile to closures once; `locate` walks the same tree again to find the array index for the positional ``$``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from . import paths
from .paths import Predicate

Test = Callable[[Any], bool]
Located = tuple[bool, int | None]


class Condition(Protocol):
    """What the value at a path must satisfy."""

    def at_path(self, parts: tuple[str, ...]) -> Test:
        """A test of documents: the condition holds for what ``parts`` reaches."""

    def at_value(self) -> Predicate:
        """A test of one value, which is not taken apart if it is an array."""

    def locate(self, document: Any, parts: tuple[str, ...]) -> Located:
        """Whether the condition holds, and through which array index."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One predicate. ``expand``: arrays at the end of the path are tried element by element too. ``fast`` makes a
    specialised test for a top-level field. ``index`` is the element by which an array-level predicate holds.
    """

    predicate: Predicate
    expand: bool = True
    fast: Callable[[str], Test] | None = None
    index: Callable[[Any], int | None] | None = None

    def at_path(self, parts: tuple[str, ...]) -> Test:
        if self.fast is not None and len(parts) == 1:
            return self.fast(parts[0])
        return paths.any_value(parts, self.predicate, expand=self.expand)

    def at_value(self) -> Predicate:
        return self.predicate

    def locate(self, document: Any, parts: tuple[str, ...]) -> Located:
        for value, index in paths.walk(document, parts, 0, expand=self.expand):
            if self.predicate(value):
                if index is None and self.index is not None:
                    index = self.index(value)
                return True, index
        return False, None


@dataclass(frozen=True, slots=True)
class Both:
    """Every condition holds, each for any of the values the path reaches. The array index that counts is the last one found,
    or the ``first`` one.
    """

    conditions: Sequence[Condition]
    first: bool = False

    def at_path(self, parts: tuple[str, ...]) -> Test:
        return every([condition.at_path(parts) for condition in self.conditions])

    def at_value(self) -> Predicate:
        return every([condition.at_value() for condition in self.conditions])

    def locate(self, document: Any, parts: tuple[str, ...]) -> Located:
        found = None
        for condition in self.conditions:
            matched, index = condition.locate(document, parts)
            if not matched:
                return False, None
            if index is not None and (found is None or not self.first):
                found = index
        return True, found


@dataclass(frozen=True, slots=True)
class Combined:
    """Conditions on one path joined by ``$and``, ``$or`` or ``$nor``."""

    operator: str
    conditions: Sequence[Condition]

    def _join(self, tests: Sequence[Test]) -> Test:
        if self.operator == "$and":
            return every(tests)
        test = some(tests)
        return test if self.operator == "$or" else lambda value: not test(value)

    def at_path(self, parts: tuple[str, ...]) -> Test:
        return self._join([condition.at_path(parts) for condition in self.conditions])

    def at_value(self) -> Predicate:
        return self._join([condition.at_value() for condition in self.conditions])

    def locate(self, document: Any, parts: tuple[str, ...]) -> Located:
        if not self.at_path(parts)(document):
            return False, None
        found = [condition.locate(document, parts)[1] for condition in self.conditions]
        return True, next((index for index in found if index is not None), None)


@dataclass(frozen=True, slots=True)
class Opposite:
    """The condition does not hold."""

    condition: Condition

    def at_path(self, parts: tuple[str, ...]) -> Test:
        test = self.condition.at_path(parts)
        return lambda document: not test(document)

    def at_value(self) -> Predicate:
        test = self.condition.at_value()
        return lambda value: not test(value)

    def locate(self, document: Any, parts: tuple[str, ...]) -> Located:
        return not self.condition.locate(document, parts)[0], None


class Node(Protocol):
    """Part of a filter."""

    def compile(self) -> Test:
        """A test of documents."""

    def locate(self, document: Any) -> Located:
        """Whether a document matches, and by which array index."""


@dataclass(frozen=True, slots=True)
class Field:
    """A condition on a path."""

    path: str
    condition: Condition

    def compile(self) -> Test:
        return self.condition.at_path(paths.split(self.path))

    def locate(self, document: Any) -> Located:
        return self.condition.locate(document, paths.split(self.path))


@dataclass(frozen=True, slots=True)
class And:
    nodes: Sequence[Node]

    def compile(self) -> Test:
        return every([node.compile() for node in self.nodes])

    def locate(self, document: Any) -> Located:
        found = None
        for node in self.nodes:
            matched, index = node.locate(document)
            if not matched:
                return False, None
            found = found if index is None else index
        return True, found


@dataclass(frozen=True, slots=True)
class Or:
    """``$or``. ``merged`` says the same as a condition on one path, when there is one: nothing else locates an element."""

    nodes: Sequence[Node]
    merged: Node | None = None

    def compile(self) -> Test:
        return some([node.compile() for node in self.nodes])

    def locate(self, document: Any) -> Located:
        if self.merged is not None:
            return self.merged.locate(document)
        return any(node.locate(document)[0] for node in self.nodes), None


@dataclass(frozen=True, slots=True)
class Nor:
    nodes: Sequence[Node]

    def compile(self) -> Test:
        test = some([node.compile() for node in self.nodes])
        return lambda document: not test(document)

    def locate(self, document: Any) -> Located:
        return not any(node.locate(document)[0] for node in self.nodes), None


@dataclass(frozen=True, slots=True)
class Whole:
    """A test of the entire document: ``$expr``, ``$jsonSchema``, ``$text`` and the like."""

    test: Test

    def compile(self) -> Test:
        return self.test

    def locate(self, document: Any) -> Located:
        return self.test(document), None


def every(tests: Sequence[Test]) -> Test:
    """All tests pass; unrolled for the usual small numbers."""
    if not tests:
        return lambda value: True
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)

    def all_pass(value: Any) -> bool:
        for test in tests:  # noqa: SIM110 - half the time of all()
            if not test(value):
                return False
        return True

    return all_pass


def some(tests: Sequence[Test]) -> Test:
    """At least one test passes."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) or second(value)

    def any_passes(value: Any) -> bool:
        for test in tests:  # noqa: SIM110 - half the time of any()
            if test(value):
                return True
        return False

    return any_passes


def as_object(value: Any) -> Any:
    """An array seen as an object whose fields are its indexes."""
    return {str(index): item for index, item in enumerate(value)} if type(value) is list else value


def element_match(test: Predicate, *, objects_only: bool) -> Leaf:
    """``$elemMatch``: one element of the array passes. ``objects_only``: elements that are not objects (or arrays, seen as
    objects) are passed over.
    """

    def index(value: Any) -> int | None:
        if type(value) is not list:
            return None
        for position, item in enumerate(value):
            if objects_only:
                if type(item) is list:
                    item = as_object(item)
                elif type(item) is not dict:
                    continue
            if test(item):
                return position
        return None

    return Leaf(lambda value: index(value) is not None, expand=False, index=index)
