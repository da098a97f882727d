"""Messages of a function's process: ``u32 big-endian length | JSON``; the field ``t`` names the kind."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgspec
import orjson

LIMIT = 7 * 2**20
"""Largest frame in bytes: a 6 MiB event or result and its surroundings."""


class Ready(msgspec.Struct, tag_field="t", tag="ready"):
    """The process runs; sent once."""

    node: str


class Loaded(msgspec.Struct, tag_field="t", tag="loaded"):
    """The function's module is loaded."""

    milliseconds: float


class Running(msgspec.Struct, tag_field="t", tag="running"):
    """A first invocation has got past loading the module."""

    id: str


class Result(msgspec.Struct, tag_field="t", tag="result"):
    """The function returned; ``value`` is JSON text, empty for ``undefined``; ``memory`` is what the process has used at
    most, in bytes.
    """

    id: str
    memory: int
    value: msgspec.Raw = msgspec.Raw()


class Failure(msgspec.Struct, tag_field="t", tag="failure"):
    """The function threw, could not be loaded, or returned what JSON cannot say."""

    id: str
    reason: str
    message: str
    stack: str = ""
    code: str = ""


class Log(msgspec.Struct, tag_field="t", tag="log"):
    """A printed line; ``id`` is empty outside an invocation."""

    id: str
    level: str
    at: int
    text: str


class Call(msgspec.Struct, tag_field="t", tag="call"):
    """The function asks the platform for something, with the capability of the invocation that asks."""

    id: int
    key: str
    token: str
    method: str
    params: msgspec.Raw


Message = Ready | Loaded | Running | Result | Failure | Log | Call

_decoder = msgspec.json.Decoder(Message)


class FrameError(Exception):
    """The other side does not speak the protocol; its state is unknown."""


class Frames:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes.

        Raises:
            FrameError: for a frame that is too long or not a known message.
        """
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        start = 0
        while len(buffer) - start >= 4:
            (length,) = struct.unpack_from(">I", buffer, start)
            if length > LIMIT:
                raise FrameError(f"a frame of {length} bytes")
            end = start + 4 + length
            if len(buffer) < end:
                break
            messages.append(_decode(bytes(buffer[start + 4 : end])))
            start = end
        del buffer[:start]
        return messages


def _decode(body: bytes) -> Message:
    try:
        message: Message = _decoder.decode(body)
    except msgspec.MsgspecError:
        message = _decode_repaired(body)
    return message


def _decode_repaired(body: bytes) -> Message:
    """JavaScript's JSON may hold halves of surrogate pairs, which UTF-8 cannot: they become U+FFFD."""
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        message: Message = _decoder.decode(whole.encode())
    except (ValueError, msgspec.MsgspecError) as error:
        raise FrameError(str(error)) from None
    return message


def encode(kind: str, **fields: Any) -> bytes:
    """One frame for the process."""
    body = orjson.dumps({"t": kind, **fields})
    return struct.pack(">I", len(body)) + body
