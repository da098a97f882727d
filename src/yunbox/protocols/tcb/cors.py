"""Cross-origin rules for web clients (tencent-client.md §6): the protocols' own paths, uploads and downloads alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.errors import PermissionDenied
from yunbox.http import Request, Response

METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
EXPOSED = "x-request-id, x-tcb-trace, content-length, content-type, content-disposition, etag, date"
_MAX_AGE = "86400"
_USUAL_HEADERS = (
    "content-type, authorization, accept-language, x-sdk-version, x-seqid, x-tcb-trace, x-tcb-region, x-request-id,"
    " x-device-id, x-cos-meta-fileid, x-cos-security-token, x-cloudbase-credentials, x-http-method-override"
)


def allows(settings: Mapping[str, Any], origin: str) -> bool:
    """Whether web pages of ``origin`` may call a space with these settings (``cors_origins``: a list, or ``*``)."""
    listed = [entry.strip().rstrip("/") for entry in str(settings.get("cors_origins") or "*").split(",")]
    host = origin.partition("://")[2]
    return "*" in listed or origin in listed or host in listed


def check_origin(settings: Mapping[str, Any], request: Request) -> None:
    """
    Raises:
        PermissionDenied: when the request comes from a page of an origin that is not on the space's list.
    """
    origin = request.header("origin")
    if origin and not allows(settings, origin):
        raise PermissionDenied(
            f"web origin {origin} is not allowed; add it to the space's cors_origins / 请将该域名加入安全域名",
            reason="origin",
        )


def cors_headers(request: Request) -> list[tuple[str, str]]:
    """Headers that let the page which sent ``request`` read the answer; none for requests that no page sent."""
    origin = request.header("origin")
    if not origin:
        return []
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", EXPOSED),
        ("vary", "Origin"),
    ]


def preflight(request: Request) -> Response:
    """The answer to an ``OPTIONS`` request. Which space is meant is not known yet: the call itself is checked."""
    wanted = request.header("access-control-request-headers") or _USUAL_HEADERS
    headers = [
        *cors_headers(request),
        ("access-control-allow-methods", METHODS),
        ("access-control-allow-headers", wanted),
        ("access-control-max-age", _MAX_AGE),
    ]
    if request.header("access-control-request-private-network") == "true":
        headers.append(("access-control-allow-private-network", "true"))
    return Response(b"", 204, "", headers)
