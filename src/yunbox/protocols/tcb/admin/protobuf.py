"""The little of Protocol Buffers that open API calls need: flat messages of numbers, texts and nested messages."""

from __future__ import annotations

from collections.abc import Iterable

from yunbox.errors import InvalidRequest

Value = int | bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MASK = (1 << 64) - 1


def read(data: bytes) -> dict[int, list[Value]]:
    """The values of each field number, in order; numbers are unsigned.

    Raises:
        InvalidRequest: when it is not a message.
    """
    fields: dict[int, list[Value]] = {}
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        value, position = _read_value(data, position, tag & 7)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _read_value(data: bytes, position: int, kind: int) -> tuple[Value, int]:
    if kind == _VARINT:
        return _read_varint(data, position)
    if kind == _BYTES:
        length, position = _read_varint(data, position)
    else:
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
    if length < 0 or position + length > len(data):
        raise InvalidRequest("malformed protobuf message / 请求数据格式错误")
    return data[position : position + length], position + length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & _MASK, position
    raise InvalidRequest("malformed protobuf message / 请求数据格式错误")


def write(fields: Iterable[tuple[int, int | bytes | str]]) -> bytes:
    """A message of (field number, value) pairs. A negative number takes ten bytes, as ``int32`` does."""
    message = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            message += _varint(number << 3 | _VARINT) + _varint(value & _MASK)
        else:
            data = value.encode() if isinstance(value, str) else value
            message += _varint(number << 3 | _BYTES) + _varint(len(data)) + data
    return bytes(message)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def text(fields: dict[int, list[Value]], number: int) -> str:
    """The last value of a field as text, or ``""``."""
    value = fields.get(number, [b""])[-1]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def message(fields: dict[int, list[Value]], number: int) -> dict[int, list[Value]]:
    """The nested message of a field; empty when it is missing."""
    value = fields.get(number, [b""])[-1]
    return read(value) if isinstance(value, bytes) else {}
