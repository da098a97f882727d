"""The gateway's answer: always HTTP 200 and JSON, never ``"error": null`` (aliyun-wire.md §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from yunbox.http import Response
from yunbox.protocols.mpserverless import values


class _Nothing:
    """The answer of a function that returned ``undefined``: an envelope without ``data``."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A function's answer: ``data``, the request id under which its log is found, and headers beside it (FA-11)."""

    data: Any
    request_id: str
    header: Mapping[str, str]


NOTHING: Final = _Nothing()

CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "request-id"),
)
PREFLIGHT = (
    *CORS,
    ("Access-Control-Allow-Methods", "POST, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "content-type,x-basement-token,x-serverless-sign,x-serverless-ua,x-serverless-space-id",
    ),
    ("Access-Control-Max-Age", "86400"),
)


def spliced(text: bytes) -> Any:
    """JSON text that goes into an answer as it stands."""
    return orjson.Fragment(text)


def success(data: Any, request_id: str) -> Response:
    """The answer that carries ``data``, or what is in a :class:`Reply`."""
    header: Mapping[str, str] = {}
    if isinstance(data, Reply):
        data, request_id, header = data.data, data.request_id, data.header
    body: dict[str, Any] = {"success": True, "header": {"x-serverless-request-id": request_id, **header}}
    if data is not NOTHING:
        body["data"] = data
    return _respond(body, request_id)


def failure(code: str, message: str, request_id: str) -> Response:
    """The answer that makes the app's promise reject with ``code`` and ``message``."""
    error = {"code": code, "message": message}
    body = {"success": False, "error": error, "header": {"x-serverless-request-id": request_id}}
    return _respond(body, request_id)


def preflight() -> Response:
    """The answer to a browser's CORS preflight."""
    return Response(b"", 204, "", PREFLIGHT)


def dumps(content: Any) -> bytes:
    """``content`` as JSON text; values that JSON does not have in the form the SDKs read."""
    return orjson.dumps(content, default=values.encode, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _respond(body: dict[str, Any], request_id: str) -> Response:
    return Response(dumps(body), headers=(("request-id", request_id), *CORS))
