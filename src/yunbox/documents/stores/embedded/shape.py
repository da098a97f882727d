"""What types a collection's paths were ever seen to hold: it makes pushing filters down to SQL exact and cheap.

A summary only grows, and grows before the document that made it grow can be read. Values inside arrays are not looked at:
the array itself is noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, NamedTuple

import orjson
from bson import DatetimeMS, ObjectId

from yunbox.documents.query import ejson

from .encoding import ANYWHERE, MAX_WRAPPED_PATHS

NULL: Final = 1
NUMBER: Final = 2
STRING: Final = 4
BOOLEAN: Final = 8
DATE: Final = 16
OBJECT_ID: Final = 32
OBJECT: Final = 64
ARRAY: Final = 128
OTHER: Final = 256
ANYTHING: Final = 511

MAX_PATHS = 2000
MAX_DEPTH = 100
"""Levels of objects and arrays in a stored document. The summary itself has two levels for each."""
MAX_FORMS = 64

_BITS: dict[type, int] = {
    type(None): NULL,
    int: NUMBER,
    float: NUMBER,
    str: STRING,
    bool: BOOLEAN,
    datetime: DATE,
    DatetimeMS: DATE,
    ObjectId: OBJECT_ID,
    dict: OBJECT,
    list: ARRAY,
}


_PLAIN: frozenset[type] = frozenset([str, int, float, bool, type(None)])


class Form(NamedTuple):
    """What objects with the same names and types at one path have in common.

    ``floats`` may turn out to be no numbers; ``objects`` and ``arrays`` have to be looked into; ``wrapped`` are the places, from
    the document's root, of values that are always wrapped, or `ANYWHERE` when the object may look like a wrapper itself.
    """

    floats: tuple[str, ...]
    objects: tuple[tuple[str, Node], ...]
    arrays: tuple[str, ...]
    wrapped: tuple[str, ...]


class Node:
    """One path: the types seen there, the paths below it, and the forms its objects had lately. ``prefix`` is how the places
    below it begin, ``depth`` the level of its objects.
    """

    __slots__ = ("bits", "children", "depth", "forms", "prefix")

    def __init__(self, bits: int = 0, prefix: str = "", depth: int = 1) -> None:
        self.bits = bits
        self.prefix = prefix
        self.depth = depth
        self.children: dict[str, Node] = {}
        self.forms: dict[tuple[Any, ...], Form] = {}

    def below(self, name: str, bits: int) -> Node:
        """A new path below this one."""
        return Node(bits, f"{self.prefix}{name}\t", self.depth + 1)


class Shape:
    """The summary of one collection. ``version`` moves with every change."""

    def __init__(self) -> None:
        self.root = Node()
        self.version = 0
        self.paths = 0
        self.anything = False

    def observe(self, document: Mapping[str, Any]) -> str | None:
        """Take note of a document about to be stored; returns its ``sp``.

        Raises:
            QueryError: Overflow (15) when it is nested too deep.
        """
        wrapped: list[str] = []
        self._walk(document, self.root, wrapped)
        return _places(wrapped)

    def observe_many(self, documents: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """Take note of documents about to be stored; returns the ``sp`` of each. Those of one form are looked at field by
        field. Raises as `observe` does.
        """
        wrapped = self._columns(documents, self.root)
        if wrapped is None:
            return [self.observe(document) for document in documents]
        return [_places(wrapped)] * len(documents)

    def _columns(self, values: Sequence[Mapping[str, Any]], node: Node) -> list[str] | None:
        """Where objects that have the same names all hold wrapped values; ``None`` when that is not the same for all, or takes
        a closer look.
        """
        if len(set(map(tuple, values))) != 1 or node.depth > MAX_DEPTH or _may_be_escaped(values[0]):
            return None
        wrapped: list[str] = []
        objects: list[tuple[list[Any], Node]] = []
        for name, *column in zip(values[0], *[value.values() for value in values], strict=True):
            kinds = set(map(type, column))
            bits = {_BITS.get(kind, OTHER) for kind in kinds}
            if (max(bits) > BOOLEAN and len(kinds) > 1) or (
                kinds & {float, list} and not _is_plain_column(column, kinds)
            ):
                return None
            for bit in bits:
                child = self._grow(node, name, bit)
            if bits == {OBJECT}:
                objects.append((column, child))
            elif max(bits) > BOOLEAN and bits != {ARRAY}:
                wrapped.append(node.prefix + name)
        for column, child in objects:
            below = self._columns(column, child)
            if below is None:
                return None
            wrapped += below
        return wrapped

    def _walk(self, value: Mapping[str, Any], node: Node, wrapped: list[str]) -> None:
        signature = (*value, *map(type, value.values()))
        floats, objects, arrays, always = node.forms.get(signature) or self._learn(value, node, signature)
        if always:
            wrapped += always
        for name in floats:
            item = value[name]
            if item - item != 0.0:
                self._grow(node, name, OTHER)
                wrapped.append(node.prefix + name)
        for name, child in objects:
            self._walk(value[name], child, wrapped)
        for name in arrays:
            if not _is_plain_array(value[name]):
                _check_depth(value[name], node.depth + 1)
                wrapped.append(ANYWHERE)

    def _learn(self, value: Mapping[str, Any], node: Node, signature: tuple[Any, ...]) -> Form:
        """Take note of the types in an object, and of its form."""
        if node.depth > MAX_DEPTH:
            raise ejson.too_deep(MAX_DEPTH)
        floats, objects, arrays, wrapped = [], [], [], []
        odd = False
        for name, item in value.items():
            bit = _BITS.get(type(item), OTHER)
            if type(item) is float:
                floats.append(name)
                if item - item != 0.0:
                    odd = True
                    continue
            child = self._grow(node, name, bit)
            if bit == OBJECT:
                objects.append((name, child))
            elif bit == ARRAY:
                arrays.append(name)
            elif bit > BOOLEAN:
                wrapped.append(node.prefix + name)
        if _may_be_escaped(value):
            wrapped = [ANYWHERE]
        if len(node.forms) >= MAX_FORMS:
            node.forms.clear()
        form = Form(tuple(floats), tuple(objects), tuple(arrays), tuple(wrapped))
        if not odd:
            # Who is told a form does not learn from it: of this one's numbers there is more to learn.
            node.forms[signature] = form
        return form

    def _grow(self, node: Node, name: str, bit: int) -> Node:
        child = node.children.get(name)
        if child is None:
            child = node.below(name, bit)
            if self.paths < MAX_PATHS:
                node.children[name] = child
                self.paths += 1
            elif not self.anything:
                self.anything = True
            else:
                return child
        elif not bit & ~child.bits:
            return child
        else:
            child.bits |= bit
        self.version += 1
        return child

    def types_at(self, parts: tuple[str, ...]) -> int:
        """The types ever seen at a path, reached through objects alone."""
        if self.anything:
            return ANYTHING
        node: Node | None = self.root
        for part in parts:
            node = node.children.get(part) if node is not None else None
        return 0 if node is None else node.bits

    def arrays_before(self, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The proper prefixes of a path at which an array was ever seen."""
        return [parts[:end] for end in range(1, len(parts)) if self.types_at(parts[:end]) & ARRAY]

    def dumps(self) -> bytes:
        """The summary as it is stored."""
        return orjson.dumps({"anything": self.anything, "version": self.version, "paths": _to_json(self.root)})

    @classmethod
    def loads(cls, text: bytes) -> Shape:
        stored = orjson.loads(text)
        shape = cls()
        shape.anything = stored["anything"]
        shape.version = stored["version"]
        shape.root = _from_json(stored["paths"], Node())
        shape.paths = _count(shape.root)
        return shape


def _places(wrapped: list[str]) -> str | None:
    if not wrapped:
        return None
    if len(wrapped) > MAX_WRAPPED_PATHS or ANYWHERE in wrapped:
        return ANYWHERE
    return "\n".join(wrapped)


def _is_plain_column(column: list[Any], kinds: set[type]) -> bool:
    """Whether arrays hold plain values only, or there is no odd number among others."""
    if kinds == {list}:
        return _is_plain_array(list(chain.from_iterable(column)))
    return _is_plain_array(column)


def _may_be_escaped(value: Mapping[str, Any]) -> bool:
    """Whether an object may look like a wrapper, which is escaped, or has a name that no path can be written with."""
    if 0 < len(value) < 3 and next(iter(value))[:1] == "$":
        return True
    return any("\n" in name or "\t" in name or name == ANYWHERE for name in value)


def _check_depth(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ejson.too_deep(MAX_DEPTH)
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list, tuple)):
            _check_depth(item, depth + 1)


def _is_plain_array(array: list[Any]) -> bool:
    kinds = set(map(type, array))
    if float in kinds:
        # A sum says it at once for most; the rest may have been too large.
        if len(kinds) > 1 or not math.isfinite(sum(array)):
            return kinds <= _PLAIN and all(math.isfinite(item) for item in array if type(item) is float)
        return True
    return kinds <= _PLAIN


def _to_json(node: Node) -> list[Any]:
    return [node.bits, {name: _to_json(child) for name, child in node.children.items()}]


def _from_json(stored: list[Any], node: Node) -> Node:
    node.bits = stored[0]
    node.children = {name: _from_json(child, node.below(name, 0)) for name, child in stored[1].items()}
    return node


def _count(node: Node) -> int:
    return len(node.children) + sum(_count(child) for child in node.children.values())
