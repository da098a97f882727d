"""What a rule's expression comes to for one caller and one query: known parts are computed, the rest is a condition."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from yunbox.documents.rules import language as lang
from yunbox.documents.rules.conditions import (
    Always,
    Atom,
    Condition,
    False_,
    Never,
    both,
    either,
    holds,
    is_true,
    opposite,
    ordered,
)


class RuleFailed(Exception):
    """An expression cannot be computed; whatever depends on it is denied."""


class NeedsDocument(Exception):
    """Another document must be read first: put it into :attr:`Situation.documents` and evaluate again."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class _Unknown:
    """A value that is not known before the operation has run."""


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of the documents that are asked for."""

    path: str


@dataclass(slots=True)
class Situation:
    """What the variables of a rule stand for.

    ``document`` is the whole document when it is known (``create``); otherwise ``pins`` are the fields that the query
    fixes. ``documents`` are what ``get()`` found, by path.
    """

    auth: Mapping[str, Any] | None
    now: int
    document: Mapping[str, Any] | None = None
    pins: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    documents: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    resource: Mapping[str, Any] | None = None


def condition_of(node: lang.Node, situation: Situation) -> Condition:
    """What must hold of a document for ``node`` to be true.

    Raises:
        NeedsDocument: when ``get()`` asks for a document that is not there yet.
    """
    match node:
        case lang.Both(left, right):
            first = condition_of(left, situation)
            if isinstance(first, False_ | Never):
                return first
            return both(first, condition_of(right, situation))
        case lang.Either(left, right):
            first = condition_of(left, situation)
            return first if isinstance(first, Always) else either(first, condition_of(right, situation))
        case lang.Not(operand):
            return opposite(condition_of(operand, situation))
    try:
        return _leaf(node, situation)
    except RuleFailed as error:
        return Never(str(error))


def _leaf(node: lang.Node, situation: Situation) -> Condition:
    match node:
        case lang.Compare(operator, left, right):
            return _compare(operator, value_of(left, situation), value_of(right, situation))
        case lang.In(item, items):
            return _in(value_of(item, situation), _items(items, situation))
    value = value_of(node, situation)
    if isinstance(value, _Field):
        return Atom(value.path, "true")
    if value is UNKNOWN:
        raise RuleFailed("the rule needs a value that is not known in advance")
    return Always() if is_true(value) else False_()


_FLIPPED = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}


def _compare(operator: str, left: Any, right: Any) -> Condition:
    if left is UNKNOWN or right is UNKNOWN or (isinstance(left, _Field) and isinstance(right, _Field)):
        raise RuleFailed("the rule compares values that are not known in advance")
    if isinstance(left, _Field):
        return Atom(left.path, operator, right)
    if isinstance(right, _Field):
        return Atom(right.path, _FLIPPED[operator], left)
    if operator not in ("==", "!=") and ordered(left, right) is None:
        raise RuleFailed(f"the rule compares {left!r} with {right!r}, which have no order")
    return Always() if holds(operator, left, right) else False_()


def _items(node: lang.Node, situation: Situation) -> Any:
    """The right side of ``in``: a query that fixes a field to one value finds arrays that hold it, too."""
    items = value_of(node, situation)
    if situation.document is None and not isinstance(items, list | Mapping | _Field) and items is not UNKNOWN:
        with suppress(RuleFailed):
            unfixed = value_of(node, replace(situation, pins={}))
            return unfixed if isinstance(unfixed, _Field) else items
    return items


def _in(item: Any, items: Any) -> Condition:
    if item is UNKNOWN or items is UNKNOWN or (isinstance(item, _Field) and isinstance(items, _Field)):
        raise RuleFailed("the rule compares values that are not known in advance")
    if isinstance(items, _Field):
        return Atom(items.path, "contains", item)
    if isinstance(items, Mapping):
        items = list(items)
    if not isinstance(items, list):
        raise RuleFailed("`in` needs a list on its right")
    if isinstance(item, _Field):
        return Atom(item.path, "in", items)
    return Always() if holds("in", item, items) else False_()


def value_of(node: lang.Node, situation: Situation) -> Any:
    """The value of an expression: known, a field of the documents asked for, or :data:`UNKNOWN`.

    Raises:
        RuleFailed: when it has none.
        NeedsDocument: see :func:`condition_of`.
    """
    match node:
        case lang.Literal(value):
            return value
        case lang.Variable(name):
            return _variable(name, situation)
        case lang.Member(of, key):
            return _member(value_of(of, situation), value_of(key, situation), situation)
        case lang.ListOf(items):
            return _known_list([value_of(item, situation) for item in items])
        case lang.Template(parts):
            return _text([value_of(part, situation) for part in parts])
        case lang.Get(path):
            return _get(value_of(path, situation), situation)
    condition = condition_of(node, situation)
    if isinstance(condition, Always | False_):
        return isinstance(condition, Always)
    return UNKNOWN


def _variable(name: str, situation: Situation) -> Any:
    match name:
        case "auth":
            return situation.auth
        case "now":
            return situation.now
        case "request":
            return {"data": situation.data} if situation.data is not None else {}
        case "resource":
            return situation.resource
    return _Field("") if situation.document is None else situation.document


def _member(of: Any, key: Any, situation: Situation) -> Any:
    if of is UNKNOWN or key is UNKNOWN or isinstance(key, _Field):
        return UNKNOWN
    if isinstance(of, _Field):
        return _field_member(of, key, situation)
    if isinstance(of, Mapping):
        return of.get(str(key))
    if isinstance(of, list) and isinstance(key, int) and not isinstance(key, bool):
        return of[key] if 0 <= key < len(of) else None
    if isinstance(of, list | str) and key == "length":
        return len(of)
    raise RuleFailed(f"the rule reads `{key}` of {'null' if of is None else repr(of)}")


def _field_member(of: _Field, key: Any, situation: Situation) -> Any:
    if not isinstance(key, str | int) or isinstance(key, bool) or str(key).startswith("$"):
        raise RuleFailed(f"`{key}` is no name of a field")
    path = f"{of.path}.{key}" if of.path else str(key)
    return situation.pins[path] if path in situation.pins else _Field(path)


def _known_list(items: list[Any]) -> Any:
    return UNKNOWN if any(item is UNKNOWN or isinstance(item, _Field) for item in items) else items


def _text(parts: list[Any]) -> str:
    for part in parts:
        if not isinstance(part, str | int | float) or isinstance(part, bool):
            raise RuleFailed("a template needs values that the query fixes with `==` or a one-element `in`")
    return "".join(str(part) for part in parts)


def _get(path: Any, situation: Situation) -> Any:
    if not isinstance(path, str) or path.count(".") < 2 or not path.startswith("database."):
        raise RuleFailed("get() needs a path `database.COLLECTION.ID`")
    if path not in situation.documents:
        raise NeedsDocument(path)
    return situation.documents[path]
