"""The keys a document has in an index: one row for each distinct combination of values its paths reach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain, count, repeat
from typing import Any

from yunbox.documents.query.paths import names_element
from yunbox.documents.query.values import INT64_MAX, INT64_MIN, MISSING, NULL, NUMBER, STRING, UNDEFINED
from yunbox.errors import QueryError

from .keys import MAX_KEY_LENGTH, NULL_KEY, Key, collated_key, index_key, key_of

Row = tuple[Any, ...]
_Walk = tuple[Any, tuple[str, ...]]
"""A value and the parts that remain to be walked below it."""


_NONE: frozenset[int] = frozenset()
_FIRST: frozenset[int] = frozenset([0])
_PLACES: dict[type, float] = {str: STRING, int: NUMBER, float: NUMBER, type(None): NULL}
"""The brackets of values that are their own keys; null's is 0."""


class Keys:
    """``rows`` are flat (t0, k0, t1, k1 …); ``multikey`` are the components reached through an array."""

    __slots__ = ("exact", "multikey", "rows")

    def __init__(self, rows: set[Row], multikey: frozenset[int], exact: bool) -> None:
        self.rows = rows
        self.multikey = multikey
        self.exact = exact


class Keyer:
    """Extracts the keys of one index. ``whole`` keys are never shortened, so that different values keep different keys."""

    def __init__(
        self, paths: list[tuple[str, ...]], *, sparse: bool, whole: bool = False, collation: Any = None
    ) -> None:
        self._paths = paths
        self._sparse = sparse
        self._whole = whole
        self._collation = collation
        self._plain = collation is None

    def keys(self, document: dict[str, Any]) -> Keys:
        """The keys of a document.

        Raises:
            QueryError: CannotIndexParallelArrays (171) when two components reach different arrays.
        """
        row = self.plain_row(document)
        if row is not None:
            return Keys({row}, _NONE, True)
        if self._plain and len(self._paths) == 1 and len(self._paths[0]) == 1:
            rows = _plain_elements(document.get(self._paths[0][0]))
            if rows is not None:
                return Keys(rows, _FIRST, True)
        multikey: set[int] = set()
        tuples = self._expand([(document, parts) for parts in self._paths], multikey)
        return self._build(tuples, frozenset(multikey))

    def plain_row(self, document: dict[str, Any]) -> Row | None:
        """The one row of a document with short strings, numbers and nulls in all components, else ``None``."""
        if not self._plain:
            return None
        row: list[Any] = []
        for parts in self._paths:
            value: Any = document
            for part in parts:
                if type(value) is not dict:
                    return None
                value = value.get(part)
            kind = type(value)
            if kind is str:
                if len(value) > MAX_KEY_LENGTH:
                    return None
                row += (STRING, value)
            elif (kind is int and INT64_MIN <= value <= INT64_MAX) or (kind is float and value - value == 0.0):
                row += (NUMBER, value)
            elif value is None and not self._sparse:
                row += NULL_KEY
            else:
                return None
        return tuple(row)

    def numbered(self, documents: Sequence[dict[str, Any]], first: int) -> tuple[list[Row], frozenset[int]] | None:
        """The rows of many documents, each followed by the document's number, and the components reached through an array;
        ``None`` unless each component has short strings, numbers and nulls only, or the only one arrays of such.
        """
        if not self._plain:
            return None
        columns: list[Iterable[Any]] = []
        for parts in self._paths:
            values = column(documents, parts)
            if values is None:
                return None
            kinds = set(map(type, values))
            if kinds == {list} and len(self._paths) == 1:
                rows = _numbered_elements(values, first)
                return None if rows is None else (rows, _FIRST)
            if not _are_plain(values, kinds) or (self._sparse and type(None) in kinds):
                return None
            columns += _key_columns(values, kinds)
        return list(zip(*columns, count(first), strict=False)), _NONE

    def values(self, document: dict[str, Any], row: Row) -> list[Any]:
        """The values of a document that one of its rows stands for."""
        for values in self._expand([(document, parts) for parts in self._paths], set()):
            if row in self._build([values], _NONE).rows:
                return [None if value is MISSING else value for value in values]
        return [None] * len(self._paths)

    def _expand(self, walks: list[_Walk], multikey: set[int]) -> list[tuple[Any, ...]]:
        stopped = [_descend(value, parts) for value, parts in walks]
        arrays = [n for n, (value, parts) in enumerate(stopped) if type(value) is list and parts is not None]
        if not arrays:
            return [tuple(value for value, _ in stopped)]
        array = stopped[arrays[0]][0]
        if any(stopped[n][0] is not array for n in arrays):
            first, second = (".".join(self._paths[n]) for n in (arrays[0], arrays[-1]))
            raise QueryError(
                f"cannot index parallel arrays [{second}] [{first}]", number=171, name="CannotIndexParallelArrays"
            )
        multikey.update(arrays)
        result: list[tuple[Any, ...]] = []
        for item in array or [UNDEFINED]:
            below = list(stopped)
            for n in arrays:
                below[n] = _into(item, below[n][1])
            result += self._expand(below, multikey)  # type: ignore[arg-type]
        return result

    def _build(self, tuples: list[tuple[Any, ...]], multikey: frozenset[int]) -> Keys:
        rows: set[Row] = set()
        exact = True
        for values in tuples:
            if self._sparse and all(value is MISSING for value in values):
                continue
            row: list[Any] = []
            for value in values:
                if self._collation is not None and type(value) is str:
                    key, is_exact = self._collated(value)
                    row += key
                    exact = exact and is_exact
                    continue
                if type(value) is str and len(value) <= MAX_KEY_LENGTH:
                    row += (STRING, value)
                    continue
                key, is_exact = (key_of(value), True) if self._whole else index_key(value)
                row += key
                exact = exact and is_exact
            rows.add(tuple(row))
        return Keys(rows, multikey, exact)

    def _collated(self, value: str) -> tuple[Key, bool]:
        key = collated_key(self._collation.key(value))
        if self._whole or len(key) <= MAX_KEY_LENGTH:
            return (STRING, key), True
        return (STRING, key[:MAX_KEY_LENGTH]), False


def column(documents: Sequence[dict[str, Any]], parts: tuple[str, ...]) -> list[Any] | None:
    """What each document has at a path, null for nothing; ``None`` when one has something else than objects on the way."""
    values: list[Any] = [document.get(parts[0]) for document in documents]
    for part in parts[1:]:
        if set(map(type, values)) != {dict}:
            return None
        values = [value.get(part) for value in values]
    return values


def _are_plain(values: list[Any], kinds: set[type]) -> bool:
    """Whether all values are short strings, 64-bit integers, finite doubles or nulls."""
    if not kinds <= _PLACES.keys():
        return False
    for kind in kinds:
        mine = values if len(kinds) == 1 else [value for value in values if type(value) is kind]
        if kind is str and max(map(len, mine)) > MAX_KEY_LENGTH:
            return False
        if kind is int and not (min(mine) >= INT64_MIN and max(mine) <= INT64_MAX):
            return False
        if kind is float and not math.isfinite(sum(mine)):
            return False
    return True


def _key_columns(values: list[Any], kinds: set[type]) -> tuple[Iterable[Any], Iterable[Any]]:
    """The brackets and the native values of plain values."""
    if len(kinds) == 1 and type(None) not in kinds:
        return repeat(_PLACES[next(iter(kinds))]), values
    return [_PLACES[type(value)] for value in values], [0 if value is None else value for value in values]


def _numbered_elements(arrays: list[list[Any]], first: int) -> list[Row] | None:
    """The rows of arrays of short strings and integers, else ``None``."""
    elements = list(chain.from_iterable(arrays))
    kinds = set(map(type, elements))
    if not all(arrays) or not kinds <= {str, int} or not _are_plain(elements, kinds):
        return None
    if len(kinds) == 1:
        place = _PLACES[kinds.pop()]
        return [(place, item, number) for number, array in enumerate(arrays, first) for item in set(array)]
    return [(_PLACES[type(item)], item, number) for number, array in enumerate(arrays, first) for item in set(array)]


def _plain_elements(value: Any) -> set[Row] | None:
    """The rows of an array of short strings and integers, else ``None``."""
    if type(value) is not list or not value:
        return None
    rows: set[Row] = set()
    for item in value:
        if type(item) is str and len(item) <= MAX_KEY_LENGTH:
            rows.add((STRING, item))
        elif type(item) is int and INT64_MIN <= item <= INT64_MAX:
            rows.add((NUMBER, item))
        else:
            return None
    return rows


def _descend(value: Any, parts: tuple[str, ...] | None) -> tuple[Any, tuple[str, ...] | None]:
    """Walk through objects to the end of the path or to an array; ``None`` remains when the value is final."""
    if parts is None:
        return value, None
    for position, part in enumerate(parts):
        if type(value) is dict:
            value = value.get(part, MISSING)
        elif type(value) is list:
            if names_element(value, part):
                value = value[int(part)] if int(part) < len(value) else MISSING
            else:
                return value, parts[position:]
        else:
            return MISSING, None
    return (value, ()) if type(value) is list else (value, None)


def _into(item: Any, parts: tuple[str, ...] | None) -> tuple[Any, tuple[str, ...] | None]:
    if not parts:
        return item, None
    return (item, parts) if type(item) is dict else (MISSING, None)
