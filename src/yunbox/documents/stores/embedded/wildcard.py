"""Wildcard indexes: a row for each scalar of a document, under its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yunbox.errors import QueryError

from .extraction import Keys, Row
from .keys import index_key

ALL_PATHS = "$**"


def is_wildcard(path: str) -> bool:
    """Whether an index key stands for all paths, or for all below one."""
    return path == ALL_PATHS or path.endswith("." + ALL_PATHS)


class Scope:
    """The paths that a wildcard index has."""

    def __init__(self, path: str, projection: Mapping[str, Any] | None) -> None:
        """Raises `QueryError` for a projection that cannot be."""
        self._base = () if path == ALL_PATHS else (path.removesuffix("." + ALL_PATHS),)
        members = {} if projection is None else {name: bool(value) for name, value in projection.items()}
        if projection is not None:
            _check(path, projection)
        with_id = members.pop("_id", False)
        included = [name for name, value in members.items() if value]
        self._included = tuple(included + ["_id"] * with_id) if included else None
        self._excluded = tuple([name for name, value in members.items() if not value] + ["_id"] * (not with_id))

    def has(self, path: str) -> bool:
        """Whether the index has the scalars at a path."""
        if self._base:
            return _below(path, self._base)
        if self._included is not None:
            return _below(path, self._included)
        return not _below(path, self._excluded)


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root + ".") for root in roots)


def _check(path: str, projection: Mapping[str, Any]) -> None:
    kinds = {bool(value) for name, value in projection.items() if name != "_id"}
    plain = all(isinstance(value, bool | int | float) for value in projection.values())
    if path != ALL_PATHS or not projection or not plain or len(kinds) > 1:
        raise QueryError(
            "wildcardProjection needs the key {'$**': 1} and includes or excludes paths, not both",
            number=67,
            name="CannotCreateIndex",
        )


class WildcardKeyer:
    """Extracts the keys of a wildcard index: rows of (path, bracket, value)."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def keys(self, document: Mapping[str, Any]) -> Keys:
        """The keys of a document. Null and what is inside arrays of arrays have none, no condition being served by them."""
        rows: set[Row] = set()
        exact = True
        has_array = False
        for path, value, in_array in _scalars(document, ""):
            if self.scope.has(path):
                key, is_exact = index_key(value)
                rows.add((path, *key))
                exact = exact and is_exact
                has_array = has_array or in_array
        return Keys(rows, frozenset([0]) if has_array else frozenset(), exact)


def _scalars(value: Mapping[str, Any], prefix: str, in_array: bool = False) -> Iterator[tuple[str, Any, bool]]:
    for name, item in value.items():
        if "." in name:
            continue
        path = prefix + name
        if type(item) is dict:
            yield from _scalars(item, path + ".", in_array)
        elif type(item) is list:
            for element in item:
                if type(element) is dict:
                    yield from _scalars(element, path + ".", True)
                elif type(element) is not list and element is not None:
                    yield path, element, True
        elif item is not None:
            yield path, item, in_array
