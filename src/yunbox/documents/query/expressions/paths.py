"""Field paths in expressions: arrays on the way are mapped over, missing members left out."""

from __future__ import annotations

from typing import Any

from ..ejson import MAX_DEPTH, too_deep
from ..paths import split
from ..values import MISSING
from .failures import failure
from .registry import Document, Evaluate, Variables


def split_path(path: str) -> tuple[str, ...]:
    """The names in a dotted path, validated the way MongoDB validates field paths."""
    if not path:
        raise failure(40352, "FieldPath cannot be constructed with empty string")
    if path.endswith("."):
        raise failure(40353, "FieldPath must not end with a '.'.")
    names = split(path)
    if len(names) > MAX_DEPTH:
        raise too_deep()
    for name in names:
        check_field_name(name)
    return names


def check_field_name(name: str) -> None:
    """Raise unless ``name`` can be one component of a field path."""
    if not name:
        raise failure(15998, "FieldPath field names may not be empty strings.")
    if name.startswith("$"):
        raise failure(
            16410, f"FieldPath field names may not start with '$'. Consider using $getField or $setField: {name}"
        )
    if "\0" in name:
        raise failure(16411, "FieldPath field names may not contain '\\0'.")
    if "." in name:
        raise failure(16412, "FieldPath field names may not contain '.'. Consider using $getField or $setField.")


def resolve(value: Any, names: tuple[str, ...], start: int = 0) -> Any:
    """The value at ``names[start:]`` below ``value``; `MISSING` when there is none."""
    for index in range(start, len(names)):
        if isinstance(value, dict):
            value = value.get(names[index], MISSING)
        elif isinstance(value, list):
            below = (resolve(item, names, index) for item in value)
            return [item for item in below if item is not MISSING]
        else:
            return MISSING
    return value


def field(names: tuple[str, ...]) -> Evaluate:
    """An expression that reads a path of the current document."""
    if len(names) == 1:
        name = names[0]

        def top(document: Document, variables: Variables) -> Any:
            return document.get(name, MISSING) if type(document) is dict else resolve(document, names)

        return top
    if len(names) == 2:
        return _second(names)

    def deep(document: Document, variables: Variables) -> Any:
        return resolve(document, names)

    return deep


def _second(names: tuple[str, ...]) -> Evaluate:
    first, second = names

    def nested(document: Document, variables: Variables) -> Any:
        if type(document) is dict:
            inner = document.get(first, MISSING)
            if type(inner) is dict:
                return inner.get(second, MISSING)
            return resolve(inner, names, 1)
        return resolve(document, names)

    return nested
