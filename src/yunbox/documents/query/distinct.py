"""Distinct values of a path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import paths
from .collation import compile_collation
from .values import MISSING, Document, sort_key


def distinct_values(documents: Iterable[Document], key: str, *, collation: Any = None) -> list[Any]:
    """The different values that ``key`` reaches, in the order they are first met; arrays give their elements."""
    compiled = compile_collation(collation)
    parts = paths.split(key)
    found: dict[Any, Any] = {}
    for document in documents:
        for value in path_values(document, parts):
            found.setdefault(sort_key(value, compiled), value)
    return list(found.values())


def path_values(document: Document, parts: tuple[str, ...]) -> list[Any]:
    """The values of one document that count for `distinct_values`: the elements of a final array instead of the array."""
    result: list[Any] = []
    for value, _ in paths.walk(document, parts, 0, expand=False):
        if type(value) is list:
            result.extend(value)
        elif value is not MISSING:
            result.append(value)
    return result
