"""Conditions that have indexes of their own kind: ``$text``, ``$near``, ``$geoWithin``, ``$geoIntersects``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yunbox.documents.query.geo import Near
from yunbox.documents.query.match import Matcher
from yunbox.documents.query.text import TextSearch

from .access import Access
from .catalog import Collection, Index
from .geo_index import near_box, region_box
from .text_index import match_expression, weights_of

_OPERATORS = frozenset({"$text", "$near", "$nearSphere", "$geoNear", "$geoWithin", "$within", "$geoIntersects"})


def is_special(filter: Mapping[str, Any]) -> bool:
    """Whether a filter has a geo or text condition that an index could serve."""
    return any(True for _ in _conditions(filter))


def _conditions(filter: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(path, operator, operand) of the conditions that all matching documents fulfil."""
    for name, value in filter.items():
        if name == "$text":
            yield "", name, value
        elif name == "$and" and isinstance(value, list):
            for member in value:
                if isinstance(member, dict):
                    yield from _conditions(member)
        elif type(value) is dict:
            for operator, operand in value.items():
                if operator in _OPERATORS:
                    yield name, operator, operand


def special_access(collection: Collection, filter: Mapping[str, Any], matcher: Matcher) -> Access | None:
    """The access through a geo or text index, if there is one for the filter.

    Without a text index ``$text`` searches every string of every document, where MongoDB refuses to.
    """
    if matcher.text is not None:
        return _text_access(collection, matcher.text)
    for path, operator, operand in _conditions(filter):
        index = _geo_index(collection, path)
        box = region_box(operator, operand)
        if index is not None and box is not None:
            return Access(index, [box.condition(index.table)], bounds=[(path, operator)])
    return None


def _text_access(collection: Collection, search: TextSearch) -> Access | None:
    index = next((one for one in collection.indexes if one.kind == "text" and one.ready), None)
    if index is None:
        return None
    search.weights = weights_of(index.document)
    expression = match_expression(search.terms)
    condition = (
        f"t.rid IN (SELECT rowid FROM {index.table} WHERE {index.table} MATCH '{expression}')" if expression else "0"
    )
    return Access(index, [condition], bounds=[("$text", expression)])


def _geo_index(collection: Collection, path: str) -> Index | None:
    for index in collection.indexes:
        if index.kind == "geo" and index.ready and index.partial is None and index.fields[0].path == path:
            return index
    return None


def near_access(collection: Collection, near: Near, radius: float) -> Access | None:
    """The access to everything within ``radius`` of a ``$near`` condition, if there is an index for it."""
    index = _geo_index(collection, near.path)
    if index is None:
        return None
    return Access(index, [near_box(near, radius).condition(index.table)], bounds=[(near.path, "$near")])
