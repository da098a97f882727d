"""Dotted paths in filters, sorts and indexes: how they reach values through objects and arrays.

A path goes through every object of an array on its way; a numeric part also names an array's element. The values found are
reported one by one, with `MISSING` where an object on the way lacks the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .values import MISSING

Predicate = Callable[[Any], bool]
Found = tuple[Any, int | None]


def split(path: str) -> tuple[str, ...]:
    """The parts of a dotted path."""
    return tuple(path.split("."))


def is_index(part: str) -> bool:
    """Whether a path part names an array element: decimal digits without a leading zero."""
    return part.isascii() and part.isdigit() and (part[0] != "0" or len(part) == 1)


def is_selector(part: str) -> bool:
    """Whether a part of an update's path is ``$[]`` or ``$[identifier]``."""
    return part.startswith("$[") and part.endswith("]")


def names_element(array: list[Any], part: str) -> bool:
    """Whether a part below an array is one element's position for keys of sorts and indexes: a number that no element
    has as a field."""
    return is_index(part) and not any(type(item) is dict and part in item for item in array)


def walk(value: Any, parts: tuple[str, ...], start: int = 0, *, expand: bool = True) -> Iterator[Found]:
    """Every value that ``parts[start:]`` reaches below the object ``value``, with the index of the outermost array element
    it was reached through. An array at the end of the path gives its elements and then itself; with ``expand`` off, itself
    alone.
    """
    count = len(parts)
    while True:
        value = _member(value, parts[start])
        start += 1
        if type(value) is list:
            if start == count:
                if expand:
                    yield from ((item, index) for index, item in enumerate(value))
                yield value, None
            else:
                yield from _through_array(value, parts, start, expand)
            return
        if start == count:
            yield value, None
            return
        if type(value) is not dict:
            yield MISSING, None
            return


def _member(value: Any, part: str) -> Any:
    return value.get(part, MISSING) if type(value) is dict else MISSING


def _through_array(array: list[Any], parts: tuple[str, ...], start: int, expand: bool) -> Iterator[Found]:
    part = parts[start]
    chosen = int(part) if is_index(part) else -1
    last = start + 1 == len(parts)
    for index, item in enumerate(array):
        if type(item) is dict:
            for found, _ in walk(item, parts, start, expand=expand):
                yield found, index
        if index == chosen:
            # An element that the path names itself is no match "by" an index: only what lies below it may be.
            if last:
                yield item, None
            elif type(item) is dict:
                yield from walk(item, parts, start + 1, expand=expand)
            elif type(item) is list:
                yield from _through_array(item, parts, start + 1, expand)


def values(document: Any, parts: tuple[str, ...], *, expand: bool = True) -> list[Any]:
    """All values that a path reaches in a document; see `walk`."""
    return [found for found, _ in walk(document, parts, 0, expand=expand)]


def any_value(parts: tuple[str, ...], predicate: Predicate, *, expand: bool = True) -> Callable[[Any], bool]:
    """A test of documents: whether any value the path reaches satisfies ``predicate``."""
    if len(parts) == 1:
        return _any_at_top(parts[0], predicate, expand)
    if len(parts) == 2:
        return _any_below(parts, predicate, expand)

    def test(document: Any) -> bool:
        value = document
        for part in parts:
            kind = type(value)
            if kind is dict:
                value = value.get(part, MISSING)
            elif kind is list:
                break
            else:
                return predicate(MISSING)
        if type(value) is not list:
            return predicate(value)
        return any(predicate(found) for found, _ in walk(document, parts, 0, expand=expand))

    return test


def _any_at_top(name: str, predicate: Predicate, expand: bool) -> Callable[[Any], bool]:
    if not expand:
        return lambda document: predicate(_member(document, name))

    def test(document: Any) -> bool:
        value = document.get(name, MISSING) if type(document) is dict else _member(document, name)
        if type(value) is list:
            for item in value:
                if predicate(item):
                    return True
        return predicate(value)

    return test


def _any_below(parts: tuple[str, ...], predicate: Predicate, expand: bool) -> Callable[[Any], bool]:
    first, second = parts

    def test(document: Any) -> bool:
        outer = _member(document, first)
        if type(outer) is dict:
            value = outer.get(second, MISSING)
            if type(value) is list and expand:
                for item in value:
                    if predicate(item):
                        return True
            return predicate(value)
        if type(outer) is not list:
            return predicate(MISSING)
        return any(predicate(found) for found, _ in _through_array(outer, parts, 1, expand))

    return test
