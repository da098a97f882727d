"""What types a collection's paths were ever seen to hold: it makes pushing filters down to SQL exact and cheap.

A summary only grows, and grows before the document that made it grow can be read. Values inside arrays are not looked at:
the array itself is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

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


class Node:
    """One path: the types seen there, and the paths below it."""

    __slots__ = ("bits", "children")

    def __init__(self, bits: int = 0) -> None:
        self.bits = bits
        self.children: dict[str, Node] = {}


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
        self._walk(document, self.root, "", wrapped, 1)
        if not wrapped:
            return None
        if len(wrapped) > MAX_WRAPPED_PATHS or ANYWHERE in wrapped:
            return ANYWHERE
        return "\n".join(wrapped)

    def _walk(self, value: Mapping[str, Any], node: Node, prefix: str, wrapped: list[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ejson.too_deep(MAX_DEPTH)
        children = node.children
        for name, item in value.items():
            kind = type(item)
            bit = _BITS.get(kind, OTHER)
            if kind is float and item - item != 0.0:
                bit = OTHER
            child = children.get(name)
            if child is None or bit & ~child.bits:
                child = self._grow(children, child, name, bit)
            if bit <= BOOLEAN:
                continue
            if bit == OBJECT:
                _note_object(name, item, wrapped)
                self._walk(item, child, f"{prefix}{name}\t", wrapped, depth + 1)
            elif bit == ARRAY:
                if not _is_plain_array(item):
                    _check_depth(item, depth + 1)
                    wrapped.append(ANYWHERE)
            else:
                wrapped.append(ANYWHERE if "\n" in name or "\t" in name or name == ANYWHERE else prefix + name)

    def _grow(self, children: dict[str, Node], child: Node | None, name: str, bit: int) -> Node:
        if child is None:
            child = Node(bit)
            if self.paths < MAX_PATHS:
                children[name] = child
                self.paths += 1
            elif not self.anything:
                self.anything = True
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
        shape.root = _from_json(stored["paths"])
        shape.paths = _count(shape.root)
        return shape


def _note_object(name: str, item: Mapping[str, Any], wrapped: list[str]) -> None:
    # A user's object that looks like a wrapper is escaped, and a path with a separator in it cannot be written down.
    if "\n" in name or "\t" in name or (0 < len(item) < 3 and next(iter(item))[:1] == "$"):
        wrapped.append(ANYWHERE)


def _check_depth(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ejson.too_deep(MAX_DEPTH)
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list, tuple)):
            _check_depth(item, depth + 1)


def _is_plain_array(array: list[Any]) -> bool:
    for item in array:
        kind = type(item)
        if kind is str or kind is int or kind is bool or item is None:
            continue
        if kind is float and item - item == 0:
            continue
        return False
    return True


def _to_json(node: Node) -> list[Any]:
    return [node.bits, {name: _to_json(child) for name, child in node.children.items()}]


def _from_json(stored: list[Any]) -> Node:
    node = Node(stored[0])
    node.children = {name: _from_json(child) for name, child in stored[1].items()}
    return node


def _count(node: Node) -> int:
    return len(node.children) + sum(_count(child) for child in node.children.values())
