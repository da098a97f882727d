"""$toHashedIndexKey: the 64-bit hash under which a hashed index stores a value."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Protocol

import bson

from ..values import MISSING
from .building import function
from .numbers import is_number, truncated_long

_NUMBER, _STRING, _OBJECT, _ARRAY = 10, 15, 20, 25
_CANONICAL = {
    0x01: 10, 0x02: 15, 0x03: 20, 0x04: 25, 0x05: 30, 0x06: 0, 0x07: 35, 0x08: 40, 0x09: 45, 0x0A: 5, 0x0B: 50, 0x0C: 55,
    0x0D: 60, 0x0E: 15, 0x0F: 65, 0x10: 10, 0x11: 47, 0x12: 10, 0x13: 10, 0x7F: 127, 0xFF: 255,
}  # fmt: skip


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


@function("$toHashedIndexKey", 1)
def hashed_index_key(value: Any) -> bson.Int64:
    """The hash as a long; equal numbers of different types hash alike."""
    digest = hashlib.md5(struct.pack("<i", 0), usedforsecurity=False)
    _feed(digest, None if value is MISSING else value)
    return bson.Int64(struct.unpack("<q", digest.digest()[:8])[0])


def _feed(digest: _Hash, value: Any, name: str | None = None) -> None:
    encoded = bson.encode({"": value})
    digest.update(struct.pack("<i", -1 if encoded[4] == 0xFF else _CANONICAL[encoded[4]]))
    if name is not None:
        digest.update(name.encode() + b"\0")
    if is_number(value):
        digest.update(struct.pack("<q", truncated_long(value)))
    elif isinstance(value, dict):
        _feed_members(digest, value)
    elif isinstance(value, list):
        _feed_members(digest, {str(index): item for index, item in enumerate(value)})
    else:
        digest.update(encoded[6:-1])


def _feed_members(digest: _Hash, members: dict[str, Any]) -> None:
    for name, member in members.items():
        _feed(digest, member, name)
    digest.update(struct.pack("<i", 0) + b"\0")
