"""The envelope of ``POST …/admin``: a JSON object or a multipart form, read once into values and what was signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from yunbox.errors import InvalidRequest, LimitExceeded
from yunbox.protocols.tcb.signing import Field, JsonText
from yunbox.protocols.tcb.values import parse

_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MAX_PARTS = 100


@dataclass(slots=True)
class Envelope:
    """One request body. ``values`` are parsed; ``fields`` are the same as they were signed; ``files`` are form parts."""

    values: dict[str, Any]
    fields: dict[str, Field]
    content_types: dict[str, str] = field(default_factory=dict)

    @property
    def action(self) -> str:
        action = self.values.get("action")
        return action if isinstance(action, str) else ""


def read_json(body: bytes) -> Envelope:
    """The envelope in a JSON body.

    Raises:
        InvalidRequest: when it is not a JSON object.
    """
    values = parse(body)
    if not isinstance(values, dict):
        raise InvalidRequest("the request body must be a JSON object / 请求体必须是 JSON 对象")
    raw = _RAW.decode(body)
    fields: dict[str, Field] = {
        name: value if isinstance(value, str) else JsonText(bytes(raw[name]).decode()) for name, value in values.items()
    }
    return Envelope(values, fields)


def read_multipart(body: bytes, content_type: str) -> Envelope:
    """The envelope in a multipart form: text parts are strings, parts with a type or a file name are bytes.

    Raises:
        InvalidRequest: when the form is broken.
    """
    envelope = Envelope({}, {})
    try:
        for part, data in _parts(body, content_type):
            binary = part.content_type is not None or part.filename is not None
            value: Field = data if binary else data.decode("utf-8", "replace")
            name = part.name or ""
            envelope.values[name] = envelope.fields[name] = value
            if part.content_type:
                envelope.content_types[name] = part.content_type
    except MultipartError as error:
        raise InvalidRequest(f"malformed multipart body: {error} / 表单格式错误") from None
    return envelope


def _parts(body: bytes, content_type: str) -> Iterable[tuple[MultipartSegment, bytes]]:
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    segment: MultipartSegment | None = None
    data: list[bytes] = []
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS, header_charset="utf8") as parser:
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segment, data = event, []
            elif event is None:
                assert segment is not None
                yield segment, b"".join(data)
            else:
                data.append(bytes(event))


def check_size(body: bytes, limit: int) -> None:
    """Raises ``LimitExceeded`` when a JSON body is larger than ``limit`` bytes."""
    if len(body) > limit:
        raise LimitExceeded(f"the request body is larger than {limit} bytes / 请求体过大", limit=limit)
