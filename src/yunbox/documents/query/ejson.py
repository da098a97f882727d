"""Extended JSON: the text form in which documents are stored, and the forms that drivers send.

The stored form is relaxed Extended JSON with numeric dates (``{"$date": <int ms>}``). An object of the user's that looks
like one of the wrappers is stored as ``{"$esc": {…}}``, so that every value survives the round trip.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from re import Pattern
from typing import Any

import orjson
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.errors import BSONError

from yunbox.errors import QueryError

from .values import (
    INT32_MAX,
    INT32_MIN,
    INT64_MAX,
    INT64_MIN,
    UNDEFINED,
    date_millis,
    from_millis,
    regex_parts,
)

MAX_DEPTH = 200

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_STRICT_OPTIONS = _OPTIONS | orjson.OPT_STRICT_INTEGER


def dumps(value: Any) -> bytes:
    """The stored text of a value. Raises `QueryError` for what a document cannot hold (a lone surrogate, an int above
    64 bits, nesting beyond 200).
    """
    wrap = _Wrapping()
    try:
        try:
            text = orjson.dumps(value, wrap, _STRICT_OPTIONS)
        except TypeError:
            # Perhaps for an int above 53 bits. orjson itself would go on to 64 bits without a sign.
            wrap.count = 0
            _check_integers(value)
            text = orjson.dumps(value, wrap, _OPTIONS)
        if _may_differ(text, wrap.count) or (b"null" in text and _has_odd_number([value])):
            return orjson.dumps(to_plain(value))
    except (TypeError, RecursionError) as error:
        raise _unstorable(value, error) from error
    return text


def dumps_many(values: Sequence[Any]) -> list[bytes]:
    """The stored texts of values: what `dumps` gives for each, but looked through together."""
    wrap = _Wrapping()
    try:
        texts = [orjson.dumps(value, wrap, _STRICT_OPTIONS) for value in values]
    except (TypeError, RecursionError):
        return [dumps(value) for value in values]
    together = b"".join(texts)
    if _may_differ(together, wrap.count):
        return [dumps(value) for value in values]
    if b"null" in together:
        return [dumps(value) if b"null" in text else text for value, text in zip(values, texts, strict=True)]
    return texts


class _Wrapping:
    """Wraps what JSON has no type for, and counts the wrappers."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, item: Any) -> Any:
        convert = _WRAP.get(type(item))
        if convert is None:
            return _wrap(item)
        result = convert(item)
        if type(result) is dict:
            self.count += 1
        return result


def _may_differ(text: bytes, wrapped: int) -> bool:
    """Whether orjson's text, with so many wrappers, may be wrong: it knows nothing of look-alikes and null bytes.

    Single characters are found much faster, and mostly settle it.
    """
    if text.count(b"$") != wrapped and text.count(b'"$') != wrapped:
        return True
    return b"\\" in text and b"\\u0000" in text


def dumps_scalar(value: Any) -> bytes:
    """The same as `dumps`, sooner for numbers, strings and the like."""
    kind = type(value)
    if kind is str or kind is bool or value is None or (kind is float and math.isfinite(value)):
        try:
            return orjson.dumps(value)
        except TypeError as error:
            raise _unstorable(value, error) from error
    return dumps(value)


def _check_integers(value: Any) -> None:
    """Raises `QueryError` for an int that does not fit into 64 bits with a sign."""
    kind = type(value)
    if kind is dict:
        for item in value.values():
            _check_integers(item)
    elif kind is list or kind is tuple:
        for item in value:
            _check_integers(item)
    elif kind is int and not INT64_MIN <= value <= INT64_MAX:
        raise QueryError("the document cannot be stored: an int exceeds 64 bits", number=2, name="BadValue")


def _has_odd_number(value: Any) -> bool:
    """Whether a NaN or an infinity may be anywhere inside."""
    for item in value.values() if type(value) is dict else value:
        kind = type(item)
        if kind is str or kind is int or item is None:
            continue
        if kind is float:
            if not math.isfinite(item):
                return True
        elif kind is dict or kind is list or kind is tuple:
            if _has_odd_number(item):
                return True
        elif kind is not bool and kind not in _WRAP:
            return True
    return False


def is_encodable(text: str) -> bool:
    """Whether a string can be stored: one with half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unstorable(value: Any, error: Exception) -> QueryError:
    if isinstance(error, RecursionError) or "ecursion" in str(error):
        return too_deep()
    return QueryError(f"the document cannot be stored: {error}", number=2, name="BadValue")


def too_deep(limit: int = MAX_DEPTH) -> QueryError:
    """The error for a value of more than ``limit`` levels."""
    return QueryError(f"BSONObj exceeds maximum nested object depth: {limit}", number=15, name="Overflow")


def loads(text: bytes | str) -> Any:
    """The value of a stored text."""
    parsed = orjson.loads(text)
    mark: Any = '"$' if isinstance(text, str) else b'"$'
    return from_plain(parsed) if mark in text else parsed


def to_plain(value: Any, depth: int = 0) -> Any:
    """The stored form of a value as an object of JSON types."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$numberDouble": _double_text(value)}
    if depth > MAX_DEPTH:
        raise too_deep()
    if isinstance(value, dict):
        plain = {_field_name(name): to_plain(item, depth + 1) for name, item in value.items()}
        return {"$esc": plain} if _looks_wrapped(value) else plain
    if isinstance(value, (list, tuple)):
        return [to_plain(item, depth + 1) for item in value]
    wrapped = _wrap(value)
    if type(wrapped) is not dict:
        return to_plain(wrapped, depth)
    if "$scope" in wrapped:
        wrapped["$scope"] = to_plain(wrapped["$scope"], depth + 1)
    return wrapped


def _field_name(name: str) -> str:
    if "\0" in name:
        raise QueryError("a field name cannot contain a null byte", number=2, name="BadValue")
    return name


def _looks_wrapped(value: dict[str, Any]) -> bool:
    if len(value) == 1:
        (name,) = value
        return name in _UNWRAP
    return len(value) == 2 and "$code" in value and "$scope" in value


def _double_text(value: float) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _wrap_long(value: Int64) -> Any:
    return {"$numberLong": str(int(value))} if INT32_MIN <= value <= INT32_MAX else int(value)


def _wrap_binary(value: Any) -> dict[str, Any]:
    subtype = getattr(value, "subtype", 0)
    return {"$binary": {"base64": b64encode(value).decode(), "subType": f"{subtype:02x}"}}


def _wrap_regex(value: Any) -> dict[str, Any]:
    pattern, options = regex_parts(value)
    return {"$regularExpression": {"pattern": pattern, "options": options}}


def _wrap_code(value: Code) -> dict[str, Any]:
    return {"$code": str(value)} if value.scope is None else {"$code": str(value), "$scope": dict(value.scope)}


def _wrap_date(value: Any) -> dict[str, Any]:
    return {"$date": date_millis(value)}


_WRAP: dict[type, Callable[[Any], Any]] = {
    datetime: _wrap_date,
    DatetimeMS: _wrap_date,
    ObjectId: lambda value: {"$oid": str(value)},
    Int64: _wrap_long,
    Decimal128: lambda value: {"$numberDecimal": str(value)},
    Binary: _wrap_binary,
    bytes: _wrap_binary,
    Regex: _wrap_regex,
    Pattern: _wrap_regex,
    Timestamp: lambda value: {"$timestamp": {"t": value.time, "i": value.inc}},
    MinKey: lambda value: {"$minKey": 1},
    MaxKey: lambda value: {"$maxKey": 1},
    Code: _wrap_code,
    type(UNDEFINED): lambda value: {"$undefined": True},
}


def _wrap(value: Any) -> Any:
    wrap = _WRAP.get(type(value))
    if wrap is not None:
        return wrap(value)
    for kind in type(value).__mro__[1:]:
        if kind in _WRAP:
            return _WRAP[kind](value)
        if kind in (dict, list, str, int, float):
            return kind(value)
    raise TypeError(f"a document cannot hold a {type(value).__name__}")


def _parse_double(text: Any) -> float:
    return float(text)


def _unwrap_long(text: Any) -> int:
    number = int(text)
    return Int64(number) if INT32_MIN <= number <= INT32_MAX else number


def _unwrap_binary(body: Any) -> Any:
    data = b64decode(body["base64"])
    subtype = int(body["subType"], 16)
    return data if subtype == 0 else Binary(data, subtype)


_UNWRAP: dict[str, Callable[[Any], Any]] = {
    "$date": from_millis,
    "$oid": ObjectId,
    "$numberLong": _unwrap_long,
    "$numberDouble": _parse_double,
    "$numberDecimal": Decimal128,
    "$binary": _unwrap_binary,
    "$regularExpression": lambda body: Regex(body["pattern"], body["options"]),
    "$timestamp": lambda body: Timestamp(body["t"], body["i"]),
    "$minKey": lambda body: MinKey(),
    "$maxKey": lambda body: MaxKey(),
    "$undefined": lambda body: UNDEFINED,
    "$code": Code,
    "$esc": lambda body: _unwrap_fields(body),
}


def from_plain(value: Any) -> Any:
    """The value of a stored form that is already parsed; containers are changed in place and returned."""
    kind = type(value)
    if kind is dict:
        if len(value) == 1:
            # By far the most.
            if "$date" in value:
                return from_millis(value["$date"])
            for name, body in value.items():
                unwrap = _UNWRAP.get(name)
                if unwrap is not None:
                    return unwrap(body)
        elif len(value) == 2 and "$code" in value and "$scope" in value:
            return Code(value["$code"], from_plain(value["$scope"]))
        return _unwrap_fields(value)
    if kind is list:
        for index, item in enumerate(value):
            inner = type(item)
            if inner is dict or inner is list:
                value[index] = from_plain(item)
    return value


def _unwrap_fields(value: dict[str, Any]) -> dict[str, Any]:
    for name, item in value.items():
        kind = type(item)
        if kind is dict or kind is list:
            value[name] = from_plain(item)
    return value


def from_wire(value: Any) -> Any:
    """Decode parsed JSON with canonical or relaxed wrappers, as drivers send it, into a new value.

    ``{"$regex": …}`` stays a document: it is an operator. Raises `QueryError` (FailedToParse) for a wrapper whose content
    cannot be read, and for nesting beyond 200.
    """
    return _from_wire(value, 0)


def _from_wire(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is dict:
        return _object_from_wire(value, depth)
    if kind is list:
        if depth > MAX_DEPTH:
            raise too_deep()
        return [_from_wire(item, depth + 1) for item in value]
    if kind is int and not INT64_MIN <= value <= INT64_MAX:
        return float(value)
    return value


def _object_from_wire(value: dict[str, Any], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise too_deep()
    for name in value:
        if name[:1] == "$":
            decode = _FROM_WIRE.get(name)
            if decode is not None and _is_whole_wrapper(name, value):
                try:
                    return decode(value[name], value)
                except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError, BSONError) as error:
                    raise QueryError(
                        f"cannot read {name} in Extended JSON: {error}", number=9, name="FailedToParse"
                    ) from error
        break
    return {name: _from_wire(item, depth + 1) for name, item in value.items()}


def _is_whole_wrapper(name: str, value: dict[str, Any]) -> bool:
    if len(value) == 1:
        return True
    return len(value) == 2 and (name, *value) in (
        ("$binary", "$binary", "$type"),
        ("$code", "$code", "$scope"),
    )


def _date_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    if isinstance(body, dict):
        return from_millis(int(body["$numberLong"]))
    if isinstance(body, str):
        moment = datetime.fromisoformat(body)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return from_millis(date_millis(moment))
    return from_millis(int(body))


def _binary_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    if isinstance(body, str):
        body = {"base64": body, "subType": whole.get("$type", "00")}
    subtype = body["subType"]
    return _unwrap_binary(
        {"base64": body["base64"], "subType": subtype if isinstance(subtype, str) else f"{subtype:x}"}
    )


def _code_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    return Code(body, _from_wire(whole["$scope"], 0)) if "$scope" in whole else Code(body)


def _integer_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    number = int(body)
    if not INT64_MIN <= number <= INT64_MAX:
        raise ValueError("out of the range of a 64 bit integer")
    return number


def _long_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    return _unwrap_long(_integer_from_wire(body, whole))


def _uuid_from_wire(body: Any, whole: dict[str, Any]) -> Any:
    return Binary(bytes.fromhex(body.replace("-", "")), 4)


_FROM_WIRE: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "$numberInt": _integer_from_wire,
    "$numberLong": _long_from_wire,
    "$numberDouble": lambda body, whole: float(body),
    "$numberDecimal": lambda body, whole: Decimal128(body),
    "$date": _date_from_wire,
    "$oid": lambda body, whole: ObjectId(bytes.fromhex(body)),
    "$regularExpression": lambda body, whole: Regex(body["pattern"], body.get("options", "")),
    "$binary": _binary_from_wire,
    "$uuid": _uuid_from_wire,
    "$timestamp": lambda body, whole: Timestamp(int(body["t"]), int(body["i"])),
    "$minKey": lambda body, whole: MinKey(),
    "$maxKey": lambda body, whole: MaxKey(),
    "$undefined": lambda body, whole: UNDEFINED,
    "$symbol": lambda body, whole: str(body),
    "$code": _code_from_wire,
}


def to_canonical(value: Any) -> Any:
    """Canonical Extended JSON (``{"$numberInt": "5"}``, ``{"$date": {"$numberLong": "…"}}``) as an object of JSON types."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if isinstance(value, dict):
        return {name: to_canonical(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_canonical(item) for item in value]
    if isinstance(value, float):
        return {"$numberDouble": _double_text(value)}
    if isinstance(value, Int64):
        return {"$numberLong": str(int(value))}
    if kind is int:
        return {"$numberInt" if INT32_MIN <= value <= INT32_MAX else "$numberLong": str(value)}
    wrapped = _wrap(value)
    if "$date" in wrapped:
        return {"$date": {"$numberLong": str(wrapped["$date"])}}
    if "$scope" in wrapped:
        wrapped["$scope"] = to_canonical(wrapped["$scope"])
    return wrapped
