"""Index keys: a value as (bracket, native value), ordered by SQLite exactly as MongoDB orders the values.

A key is *exact* when two different values never share it; the few that are not (long strings, decimals that no double
equals) are only ever used to over-select.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

from bson import Code, Decimal128

from yunbox.documents.query.values import (
    ARRAY,
    BINARY,
    BOOLEAN,
    CODE,
    CODE_WITH_SCOPE,
    DATE,
    INT64_MAX,
    INT64_MIN,
    NULL,
    NUMBER,
    OBJECT,
    OBJECT_ID,
    REGEX,
    STRING,
    TIMESTAMP,
    UNDEFINED,
    UNDEFINED_BRACKET,
    bracket,
    date_millis,
    regex_parts,
)

Key = tuple[float, Any]

MAX_KEY_LENGTH = 1024
EMPTY_ARRAY: Key = (UNDEFINED_BRACKET, 0)
NULL_KEY: Key = (NULL, 0)


def key_of(value: Any) -> Key:
    """The key of a value; a missing one has the key of null."""
    kind = type(value)
    if kind is str:
        return (STRING, value)
    if kind is int and INT64_MIN <= value <= INT64_MAX:
        return (NUMBER, value)
    place = bracket(value)
    if place == NUMBER:
        return (NUMBER, _number(value))
    if place == UNDEFINED_BRACKET:
        return EMPTY_ARRAY if value is UNDEFINED else NULL_KEY
    return (place, _native(place, value))


def index_key(value: Any) -> tuple[Key, bool]:
    """The key under which an index holds a value, shortened if need be, and whether it is exact."""
    place, native = key_of(value)
    if isinstance(native, str | bytes) and len(native) > MAX_KEY_LENGTH:
        return (place, native[:MAX_KEY_LENGTH]), False
    if isinstance(value, Decimal128) and place == NUMBER and isinstance(native, bytes):
        return (NUMBER, _nearest(value.to_decimal())), False
    return (place, native), True


def collated_key(weights: tuple[Any, ...]) -> bytes:
    """Bytes that compare as the keys do that a collation makes of strings."""
    return b"".join(map(_weight, weights)) + b"\x01"


def _weight(weight: Any) -> bytes:
    if isinstance(weight, tuple):
        return b"\x05" + collated_key(weight)
    if isinstance(weight, str):
        return b"\x03" + _escaped(_utf8(weight))
    if isinstance(weight, bytes):
        return b"\x04" + _escaped(weight)
    digits = int(weight).to_bytes((weight.bit_length() + 7) // 8)
    return b"\x02" + len(digits).to_bytes(3) + digits


def _number(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return _decimal(value.to_decimal())
    return float(value) if isinstance(value, float) or not INT64_MIN <= value <= INT64_MAX else int(value)


def _decimal(value: Decimal) -> Any:
    """The int or double that equals a decimal, or its canonical text as bytes when none does."""
    nearest = _nearest(value)
    if value.is_infinite() or Decimal(nearest) == value:
        return nearest
    return str(value.normalize()).encode()


def _nearest(value: Decimal) -> int | float:
    if value.is_finite() and value == value.to_integral_value() and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    return float(value)


def _native(place: float, value: Any) -> Any:
    if place == DATE:
        return date_millis(value)
    if place == OBJECT_ID:
        return value.binary
    if place == BOOLEAN:
        return int(value)
    if place in (OBJECT, ARRAY):
        return _nested(value)
    if place == BINARY:
        return struct.pack(">IB", len(value), getattr(value, "subtype", 0)) + bytes(value)
    if place == TIMESTAMP:
        return struct.pack(">II", value.time, value.inc)
    if place == REGEX:
        return "\0".join(regex_parts(value))
    if place in (CODE, CODE_WITH_SCOPE):
        return _code(value)
    return 0


def _code(value: Code) -> Any:
    return str(value) if value.scope is None else str(value).encode() + b"\0" + _nested(dict(value.scope))


def _nested(value: Any) -> bytes:
    """Bytes that compare as the objects or arrays do: field by field, and the shorter first."""
    parts = []
    if isinstance(value, dict):
        for name, item in value.items():
            place, native = key_of(item)
            parts.append(b"\x01" + _bytes_of(place) + _escaped(_utf8(name)) + _native_bytes(native))
    else:
        for item in value:
            place, native = key_of(item)
            parts.append(b"\x01" + _bytes_of(place) + _native_bytes(native))
    return b"".join(parts) + b"\0"


def _bytes_of(place: float) -> bytes:
    return bytes([int(place * 4)])


def _utf8(text: str) -> bytes:
    """Text that cannot be stored has a key as well: it may be asked for."""
    return text.encode("utf-8", "surrogatepass")


def _escaped(text: bytes) -> bytes:
    return text.replace(b"\0", b"\0\xff") + b"\0\0"


def _native_bytes(native: Any) -> bytes:
    if isinstance(native, str):
        return _escaped(_utf8(native))
    if isinstance(native, bytes):
        return _escaped(native)
    return _number_bytes(native)


def _number_bytes(value: int | float) -> bytes:
    # The double orders; what an int loses by becoming one follows.
    double = float(value)
    bits: int = struct.unpack(">Q", struct.pack(">d", double + 0.0))[0]
    ordered = bits ^ (2**64 - 1) if bits >> 63 else bits ^ (1 << 63)
    rest = value - int(double) if isinstance(value, int) else 0
    return struct.pack(">QH", ordered, rest + 2**15)
