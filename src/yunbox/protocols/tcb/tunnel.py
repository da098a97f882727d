"""``httpOverCallFunction``: requests of the SDKs to the gateway and to the sign-in, inside a function call.

Mini programs send them this way through ``wx.cloud`` (js-sdk 2.x and 3.x with ``useWxCloud``; wx-cloud-client-sdk). They
are made as the caller of the function, unless they carry an authorization of their own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import orjson

from yunbox.errors import InvalidRequest, YunboxError
from yunbox.http import Message, Request, Response
from yunbox.protocols.tcb import auth, gateway
from yunbox.protocols.tcb.auth.handler import AuthHandler
from yunbox.protocols.tcb.gateway.handler import GatewayHandler
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.built_in import built_in
from yunbox.protocols.tcb.web.call import Call

_OUTER = frozenset({"origin", "host", "content-length", "cookie"})
"""Headers that belong to the call around the request, whose page has been checked."""


@built_in("httpOverCallFunction")
async def http_over_call(call: Call, event: dict[str, Any]) -> dict[str, Any]:
    """``{statusCode, headers, body}``: what the path of ``url`` answers here, whatever its host."""
    request = _inner(call, event)
    if request.path.startswith(("/auth/v1/", "/auth/v2/")):
        response = await AuthHandler(call.services, auth.ACTIONS)(request)
    elif request.path.startswith("/v1/"):
        response = await GatewayHandler(call.services, gateway.RESOURCES)(request)
    else:
        raise InvalidRequest(f"`{request.path[:100]}` cannot be reached through callFunction / 不支持的请求地址")
    headers = {name.lower(): value for name, value in response.headers}
    return {"statusCode": response.status, "headers": headers, "body": _content(response)}


def _inner(call: Call, event: dict[str, Any]) -> Request:
    url = _url(event.get("url"))
    body = event.get("body")
    content = body.encode() if isinstance(body, str) else b"" if body is None else orjson.dumps(body)
    scope = {
        **call.request.scope,
        "method": str(event.get("method") or "GET").upper(),
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": _headers(call, event.get("headers")),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request(scope, receive)


def _url(text: Any) -> SplitResult:
    try:
        return urlsplit(str(text or ""))
    except ValueError:
        raise InvalidRequest(f"`{str(text)[:100]}` is not a URL / 请求地址无效") from None


def _headers(call: Call, given: Any) -> list[tuple[bytes, bytes]]:
    named = {str(name).lower(): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    headers = {name: value for name, value in named.items() if name not in _OUTER}
    token = call.token
    if token and not headers.get("authorization"):
        headers["authorization"] = f"Bearer {token}"
    headers["host"] = call.request.header("host")
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _content(response: Response) -> Any:
    try:
        return parse(response.body) if response.body else {}
    except YunboxError:
        return response.body.decode("utf-8", "replace")
