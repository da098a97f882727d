"""What Python callers pass as values, as the engine takes them: what pymongo encodes, and nothing that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from re import Pattern
from typing import Any
from uuid import UUID

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.dbref import DBRef

from .failures import OperationFailure
from .query.values import UNDEFINED, date_millis, from_millis

_BSON = (
    DatetimeMS,
    ObjectId,
    Int64,
    Decimal128,
    Binary,
    Code,
    Regex,
    Pattern,
    Timestamp,
    MinKey,
    MaxKey,
    type(UNDEFINED),
)
_PLAIN = frozenset({str, int, float, bool, type(None), datetime, bytes, *_BSON})
_DERIVED: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes,
    datetime: lambda value: from_millis(date_millis(value)),
}
"""Python's types that others are derived from, and what makes a value of a derived type a plain one."""


def encodable(value: Any) -> Any:
    """A copy of a value with dicts for its mappings and references, and lists for its tuples.

    Raises:
        OperationFailure: BadValue (2) for what a document cannot hold, such as a set, a `uuid.UUID`, a key that is no string
            or an enumeration; Overflow (15) for values nested without end.
    """
    try:
        return _copied(value)
    except RecursionError:
        raise OperationFailure("BSONObj exceeds maximum nested object depth", number=15, name="Overflow") from None


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_copied(member) for member in value]
    if kind is dict or isinstance(value, Mapping):
        return {name if type(name) is str else _key(name): _copied(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(member) for member in value]
    return _converted(value)


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise _refused(f"documents must have only string keys, key was {name!r}")
    return str.__str__(name)


def _converted(value: Any) -> Any:
    if isinstance(value, DBRef):
        return _copied(dict(value.as_doc()))
    if isinstance(value, _BSON):
        return value
    for kind, plain in _DERIVED.items():
        if isinstance(value, kind):
            return plain(value)
    hint = "; give bson.Binary.from_uuid(…) or its text" if isinstance(value, UUID) else ""
    raise _refused(f"cannot encode object: {value!r}, of type: {type(value)}{hint}")


def _refused(message: str) -> OperationFailure:
    return OperationFailure(message, number=2, name="BadValue")
