"""Filters as trees that SQL can be made from, apart from the values in them.

The tree of a filter holds its structure and the types of its operands, so that all filters of one form share a tree (and a
plan); the operands stand in a list beside it. What SQL cannot decide becomes `OPAQUE`: only the matcher can.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

import apsw
from bson import DatetimeMS, Int64, ObjectId, Regex

from yunbox.documents.query import ejson
from yunbox.documents.query.ejson import is_encodable
from yunbox.documents.query.regex import compile_regex
from yunbox.documents.query.values import INT64_MAX, INT64_MIN, Collation, date_millis, regex_parts

from .connection import json_array
from .keys import collated_key

Tree = tuple[Any, ...]
"""``("and"|"or", trees)``, ``("not", tree)``, ``("opaque",)``, or a leaf ``(operator, parts, kind, slot)``.

Operators: eq gt gte lt lte in exists prefix like regex. ``slot`` is the number (from 1) of the operand, 0 when there is none;
a prefix has a second operand, the end of what begins with it.
"""

Native = Callable[[Any], tuple[str, Any]]
"""Gives the kind of an operand and what SQL compares with; no kind when SQL cannot."""

OPAQUE: Final[Tree] = ("opaque",)
ALL: Final[Tree] = ("and", ())
MAX_DEPTH: Final = 40
MAX_LEAVES: Final = 400
"""SQLite takes chains of up to 1000 conditions, and unions of up to 500 statements."""
MAX_LIKE_LENGTH: Final = 500
MAX_KNOWN_PATH: Final = 100
"""Paths are remembered up to this length: they come from clients."""
LEAVES: Final = frozenset({"eq", "gt", "gte", "lt", "lte", "in", "exists", "prefix", "like", "regex"})

_COMPARISONS = {"$eq": "eq", "$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_ESCAPED_IN_JSON = re.compile(r'["\\\x00-\x1f]')
_ORDERED = frozenset({"number", "string", "date", "collated"})


class Parsed:
    """A filter's tree and operands, as they are bound to statements.

    With a collation strings are of the kind ``collated``, their operands are index keys: SQL cannot compare them with what
    documents hold.
    """

    __slots__ = ("_members", "_natives", "operands", "tree")

    def __init__(self, filter: Mapping[str, Any], collation: Collation | None = None) -> None:
        self.operands: list[Any] = []
        self._members = 0
        self._natives: Mapping[type, Native] = (
            _NATIVE if collation is None else {**_NATIVE, str: partial(_collated, collation)}
        )
        self.tree = self._conjunction(filter, 0)
        if self._members > MAX_LEAVES // 8:
            self._shorten()

    def _shorten(self) -> None:
        """Leave to the matcher what is too much for SQL."""
        if _size(self.tree) > MAX_LEAVES:
            kept: list[Tree] = [OPAQUE]
            left = MAX_LEAVES
            for member in self.tree[1] if self.tree[0] == "and" else ():
                left -= _size(member)
                if left < 0:
                    break
                kept.append(member)
            self.tree = ("and", tuple(kept))
            del self.operands[_last_slot(self.tree) :]

    def _conjunction(self, filter: Mapping[str, Any], depth: int) -> Tree:
        if depth > MAX_DEPTH:
            return OPAQUE
        self._members += len(filter)
        trees = []
        for name, value in filter.items():
            trees.append(self._member(name, value, depth))
        return trees[0] if len(trees) == 1 else ("and", tuple(trees))

    def _member(self, name: str, value: Any, depth: int) -> Tree:
        parts = path_parts(name)
        if parts is None:
            return self._logical(name, value, depth)
        kind = type(value)
        if kind is dict:
            return self._operators(parts, value, depth)
        if kind is Regex or kind is re.Pattern:
            return self._regex(parts, *regex_parts(value))
        return self._compare("eq", parts, value)

    def _logical(self, name: str, value: Any, depth: int) -> Tree:
        if name == "$comment":
            return ALL
        if name not in ("$and", "$or", "$nor") or type(value) is not list or not value:
            return OPAQUE
        if not all(type(item) is dict for item in value):
            return OPAQUE
        trees = tuple([self._conjunction(item, depth + 1) for item in value])
        if name == "$and":
            return ("and", trees)
        return ("or", trees) if name == "$or" else ("not", ("or", trees))

    def _operators(self, parts: tuple[str, ...], value: dict[str, Any], depth: int) -> Tree:
        if not value or next(iter(value))[:1] != "$" or depth > MAX_DEPTH:
            return OPAQUE
        if "$regex" in value:
            return self._regex_operator(parts, value)
        trees = []
        for name, operand in value.items():
            trees.append(self._operator(parts, name, operand, depth))
        return trees[0] if len(trees) == 1 else ("and", tuple(trees))

    def _operator(self, parts: tuple[str, ...], name: str, operand: Any, depth: int) -> Tree:
        comparison = _COMPARISONS.get(name)
        if comparison is not None:
            return self._compare(comparison, parts, operand)
        handler = _OPERATORS.get(name)
        return OPAQUE if handler is None else handler(self, parts, operand, depth)

    def _compare(self, operator: str, parts: tuple[str, ...], operand: Any) -> Tree:
        kind, native = self._natives.get(type(operand), _unknown)(operand)
        if kind in _ORDERED:
            self.operands.append(native)
            return (operator, parts, kind, len(self.operands))
        if operator != "eq" or kind == "":
            return OPAQUE
        if kind == "objectId":
            self.operands.append(native)
            return ("eq", parts, kind, len(self.operands))
        return ("eq", parts, kind, 0)

    def _native(self, operand: Any) -> tuple[str, Any]:
        """The kind of an operand and what SQL compares with; no kind when SQL cannot."""
        return self._natives.get(type(operand), _unknown)(operand)

    def not_equal(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        if isinstance(operand, Regex | re.Pattern):
            return OPAQUE
        return _negated(self._compare("eq", parts, operand))

    def among(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        if type(operand) is not list:
            return OPAQUE
        groups: dict[str, list[Any]] = {}
        trees: list[Tree] = []
        for item in operand:
            kind, native = self._native(item)
            if kind == "collated":
                groups.setdefault(kind, []).append(native.hex())
            elif kind in ("number", "string", "date", "objectId"):
                groups.setdefault(kind, []).append(native)
            elif kind:
                trees.append(("eq", parts, kind, 0))
            else:
                return OPAQUE
        for kind, natives in groups.items():
            self.operands.append(json_array(natives))
            trees.append(("in", parts, kind, len(self.operands)))
        return trees[0] if len(trees) == 1 else ("or", tuple(trees))

    def not_among(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        return _negated(self.among(parts, operand, depth))

    def negation(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        if isinstance(operand, Regex | re.Pattern):
            return _negated(self._regex(parts, *regex_parts(operand)))
        if type(operand) is not dict or not operand:
            return OPAQUE
        return _negated(self._operators(parts, operand, depth + 1))

    def exists(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        if type(operand) not in (bool, int, float):
            return OPAQUE
        tree: Tree = ("exists", parts, "", 0)
        return tree if operand else ("not", tree)

    def every(self, parts: tuple[str, ...], operand: Any, depth: int) -> Tree:
        if type(operand) is not list or not operand or not all(self._native(item)[0] for item in operand):
            return OPAQUE
        self._members += len(operand)
        return ("and", tuple([self._compare("eq", parts, item) for item in operand]))

    def _regex_operator(self, parts: tuple[str, ...], value: dict[str, Any]) -> Tree:
        pattern, options = value["$regex"], value.get("$options", "")
        if isinstance(pattern, Regex | re.Pattern) and not options:
            pattern, options = regex_parts(pattern)
        if len(value) > 1 + ("$options" in value) or not isinstance(pattern, str) or not isinstance(options, str):
            return OPAQUE
        return self._regex(parts, pattern, options)

    def _regex(self, parts: tuple[str, ...], pattern: str, options: str) -> Tree:
        if "\0" in pattern:
            return OPAQUE
        expression = compile_regex(pattern, options)
        prefix, texts = expression.required
        # An index with a collation does not hold the strings themselves.
        end = _end_of(prefix) if self._natives is _NATIVE else ""
        like = _like(texts if end else (prefix, *texts))
        trees = []
        if end:
            trees.append(self._text_leaf("prefix", parts, prefix))
            self.operands.append(end)
        if like:
            trees.append(self._text_leaf("like", parts, like))
        trees.append(self._text_leaf("regex", parts, apsw.pyobject(expression.test)))
        return trees[0] if len(trees) == 1 else ("and", tuple(trees))

    def _text_leaf(self, operator: str, parts: tuple[str, ...], operand: Any) -> Tree:
        self.operands.append(operand)
        return (operator, parts, "string", len(self.operands))


def _end_of(prefix: str) -> str:
    """The least text above all that begin with a prefix; empty when there is none."""
    if not prefix or prefix[-1] == chr(sys.maxunicode) or not is_encodable(prefix):
        return ""
    following = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(0xE000 if following == 0xD800 else following)


def _like(texts: tuple[str, ...]) -> str:
    """The LIKE pattern for the JSON of strings that contain texts one after the other; empty when it would say nothing.

    It is for JSON because there are no null bytes in it, at which SQLite's LIKE would end.
    """
    pattern = "%".join(_ESCAPED_IN_JSON.sub("%", text) for text in texts)[:MAX_LIKE_LENGTH]
    return f"%{pattern}%" if pattern.strip("%_") and is_encodable(pattern) else ""


def _size(tree: Tree) -> int:
    """How many conditions there are in a tree."""
    if tree[0] in ("and", "or"):
        return sum(map(_size, tree[1]))
    return _size(tree[1]) if tree[0] == "not" else 1


def _last_slot(tree: Tree) -> int:
    if tree[0] in ("and", "or"):
        return max(map(_last_slot, tree[1]), default=0)
    if tree[0] == "not":
        return _last_slot(tree[1])
    return 0 if tree == OPAQUE else tree[3] + (tree[0] == "prefix")


def is_opaque(tree: Tree) -> bool:
    """Whether only the matcher can say all that a filter means."""
    if tree[0] in ("and", "or"):
        return any(map(is_opaque, tree[1]))
    return is_opaque(tree[1]) if tree[0] == "not" else tree == OPAQUE


def _negated(tree: Tree) -> Tree:
    return OPAQUE if tree == OPAQUE else ("not", tree)


def path_parts(path: str) -> tuple[str, ...] | None:
    """The parts of a path that SQL can follow, or ``None``."""
    return _known_parts(path) if len(path) <= MAX_KNOWN_PATH else _parts(path)


def _parts(path: str) -> tuple[str, ...] | None:
    parts = tuple(path.split("."))
    if len(parts) > ejson.MAX_DEPTH:
        return None
    for part in parts:
        if not part or part[0] == "$" or "\0" in part or not is_encodable(part):
            return None
    return parts


_known_parts = lru_cache(maxsize=1024)(_parts)


def _unknown(value: Any) -> tuple[str, Any]:
    return "", None


def _number(value: Any) -> tuple[str, Any]:
    return ("number", int(value)) if INT64_MIN <= value <= INT64_MAX else ("", None)


def _double(value: float) -> tuple[str, Any]:
    return ("number", value) if value - value == 0 else ("", None)


def _string(value: str) -> tuple[str, Any]:
    return ("string", value) if is_encodable(value) else ("", None)


def _collated(collation: Collation, value: str) -> tuple[str, Any]:
    return ("collated", collated_key(collation.key(value))) if is_encodable(value) else ("", None)


_NATIVE: dict[type, Native] = {
    int: _number,
    Int64: _number,
    float: _double,
    str: _string,
    bool: lambda value: ("true" if value else "false", None),
    type(None): lambda value: ("null", None),
    datetime: lambda value: ("date", date_millis(value)),
    DatetimeMS: lambda value: ("date", date_millis(value)),
    ObjectId: lambda value: ("objectId", str(value)),
}

_OPERATORS: dict[str, Callable[[Parsed, tuple[str, ...], Any, int], Tree]] = {
    "$ne": Parsed.not_equal,
    "$in": Parsed.among,
    "$nin": Parsed.not_among,
    "$not": Parsed.negation,
    "$exists": Parsed.exists,
    "$all": Parsed.every,
}
