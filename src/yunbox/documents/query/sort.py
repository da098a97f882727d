"""Sort orders: which value of a document counts, and how orders combine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bson import Decimal128

from yunbox.errors import QueryError

from . import paths
from .collation import compile_collation
from .values import MISSING, UNDEFINED, Collation, Document, is_number, sort_key

SortSpec = Mapping[str, Any] | Sequence[tuple[str, Any]]


def normalize_sort(spec: SortSpec) -> list[tuple[str, int]]:
    """The pairs (path, 1 or -1) of a sort. Raises `QueryError` for anything but 1, -1 and ``{$meta: …}`` (given as -1: best
    score first).
    """
    plain = plain_sort(spec)
    if plain is not None:
        return list(plain)
    return [(path, _direction(path, value)) for path, value in _pairs(spec)]


def plain_sort(spec: Any) -> tuple[tuple[str, int], ...] | None:
    """The pairs of a sort by fields alone, 1 or -1 each; ``None`` for one that has to be looked at closely."""
    order = []
    for pair in spec.items() if type(spec) is dict else spec if type(spec) is list else ("",):
        if type(pair) is not tuple or len(pair) != 2:
            return None
        path, value = pair
        if type(value) is not int or value not in (1, -1) or type(path) is not str or path[:1] in ("", "$"):
            return None
        if "." in path and "" in path.split("."):
            return None
        order.append(pair)
    return tuple(order)


def natural_direction(spec: Any) -> int:
    """1 or -1 for a sort by nothing but ``$natural``, otherwise 0."""
    if not spec or len(spec) != 1 or isinstance(spec, str):
        return 0
    (first,) = spec
    if type(first) is tuple and first and first[0] != "$natural":
        return 0
    ((path, value),) = _pairs(spec)
    return _direction("natural", value) if path == "$natural" else 0


def _pairs(spec: Any) -> list[tuple[str, Any]]:
    pairs = list(spec.items()) if isinstance(spec, Mapping) else spec
    if isinstance(pairs, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    ):
        return [(path, value) for path, value in pairs]
    raise QueryError("a sort must be an object, or a list of paths with 1 or -1", number=14, name="TypeMismatch")


def meta_fields(spec: SortSpec) -> dict[str, str]:
    """The paths of a sort that stand for metadata: path to keyword (``textScore``, ``randVal`` …)."""
    return {path: value["$meta"] for path, value in _pairs(spec) if isinstance(value, dict) and "$meta" in value}


def _direction(path: str, value: Any) -> int:
    if not path:
        raise QueryError("FieldPath cannot be constructed with empty string", number=40352, name="Location40352")
    if path.endswith("."):
        raise QueryError("FieldPath must not end with a '.'.", number=40353, name="Location40353")
    if "" in path.split("."):
        raise QueryError("FieldPath field names may not be empty strings.", number=15998, name="Location15998")
    if isinstance(value, dict):
        if list(value) != ["$meta"]:
            raise QueryError(f"Illegal key in $sort specification: {path}", number=15974, name="Location15974")
        return -1
    if path.startswith("$"):
        raise QueryError(
            f"FieldPath field names may not start with '$'. Consider using $getField or $setField. ({path})",
            number=16410,
            name="Location16410",
        )
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if not is_number(value):
        raise QueryError(
            "Illegal key in $sort specification: the value must be 1, -1 or {$meta: ...}",
            number=15974,
            name="Location15974",
        )
    if number not in (1, -1):
        raise QueryError(
            "$sort key ordering must be 1 (for ascending) or -1 (for descending)", number=15975, name="Location15975"
        )
    return int(number)


def _path_key(
    parts: tuple[str, ...], descending: bool, collation: Collation | None
) -> Callable[[Any], tuple[Any, ...]]:
    """The sort key of one path: for arrays the smallest element (the greatest when descending); a missing field counts as
    null, an empty array as less than null.
    """
    choose = max if descending else min
    single = parts[0] if len(parts) == 1 else None

    def key(document: Any) -> tuple[Any, ...]:
        if single is not None and type(document) is dict:
            value = document.get(single)
            if type(value) is not list:
                return _NULL_KEY if value is MISSING else sort_key(value, collation)
        return choose([sort_key(item, collation) for item in _key_values(document, parts)])

    return key


_NULL_KEY = sort_key(None)


def _key_values(value: Any, parts: tuple[str, ...]) -> list[Any]:
    """The index keys of a path: elements of a final array, UNDEFINED for an empty one, null for what is missing, also
    below those elements of an array that are no objects.
    """
    for position, part in enumerate(parts):
        if type(value) is dict:
            value = value.get(part, MISSING)
        elif type(value) is not list:
            return [None]
        elif paths.names_element(value, part):
            value = value[int(part)] if int(part) < len(value) else MISSING
        else:
            below = parts[position:]
            keys = [key for item in value for key in (_key_values(item, below) if type(item) is dict else [None])]
            return keys or [None]
    if type(value) is list:
        return value or [UNDEFINED]
    return [None if value is MISSING else value]


@functools.total_ordering
class _Descending:
    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.key < self.key)

    def __hash__(self) -> int:
        return hash(self.key)


def compile_sort(spec: SortSpec, collation: Any = None) -> Callable[[Document], Any]:
    """A key function for `sorted` and `heapq`. Metadata (``$meta``) counts as equal here: its caller knows the scores, see
    `meta_fields`.
    """
    compiled = compile_collation(collation)
    meta = meta_fields(spec)
    parts = [
        (_path_key(paths.split(path), direction < 0, compiled), direction)
        for path, direction in normalize_sort(spec)
        if path not in meta
    ]
    if len(parts) == 1:
        key, direction = parts[0]
        return key if direction > 0 else lambda document: _Descending(key(document))
    return lambda document: tuple(
        [key(document) if direction > 0 else _Descending(key(document)) for key, direction in parts]
    )
