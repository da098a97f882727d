"""What Python callers pass as values, as the engine takes them: what pymongo encodes, and nothing that it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from re import Pattern
from typing import Any

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.dbref import DBRef

from .failures import OperationFailure
from .query.values import UNDEFINED

_BSON = (datetime, DatetimeMS, ObjectId, Int64, Decimal128, Binary, bytes, Regex, Pattern, Timestamp)
_RARE = (MinKey, MaxKey, Code, type(UNDEFINED))
_PLAIN = frozenset({str, int, float, bool, type(None), *_BSON, *_RARE})


def encodable(value: Any) -> Any:
    """A copy of a value with dicts for its mappings and references, and lists for its tuples.

    Raises:
        OperationFailure: BadValue (2) for what a document cannot hold, such as a set, a `uuid.UUID` or an enumeration;
            Overflow (15) for values nested without end.
    """
    try:
        return _copied(value)
    except RecursionError:
        raise OperationFailure("BSONObj exceeds maximum nested object depth", number=15, name="Overflow") from None


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {name: _copied(member) for name, member in value.items()}
    if kind is list or kind is tuple:
        return [_copied(member) for member in value]
    return _converted(value)


def _converted(value: Any) -> Any:
    if isinstance(value, DBRef):
        return _copied(dict(value.as_doc()))
    if isinstance(value, Mapping):
        return {name: _copied(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(member) for member in value]
    if isinstance(value, (str, int, float, *_BSON, *_RARE)) and not isinstance(value, Enum):
        return value
    raise OperationFailure(f"cannot encode object: {value!r}, of type: {type(value)}", number=2, name="BadValue")
