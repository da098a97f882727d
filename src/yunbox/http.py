"""What every protocol needs of HTTP: a small request and response, and a dispatcher for raw ASGI apps.

The SDK endpoints are the hot path, so they are plain ASGI behind dictionaries of paths; whatever is not found there goes
to the fallback app.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson

from yunbox.errors import LimitExceeded

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json; charset=utf-8"
DEFAULT_BODY_LIMIT = 20 * 2**20

_SLASHES = re.compile("//+")
_log = logging.getLogger("yunbox.http")


class ClientDisconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


class Request:
    """One HTTP request: parsed lazily, body read once."""

    __slots__ = ("_body", "_by_name", "_receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self._body: bytes | None = None
        self._by_name: dict[bytes, bytes] | None = None

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The decoded path with repeated slashes collapsed."""
        return normal_path(self.scope["path"])

    @property
    def raw_path(self) -> str:
        """The path as it was sent, still percent-encoded."""
        raw = self.scope.get("raw_path") or self.scope["path"].encode()
        return bytes(raw).decode("latin-1").partition("?")[0]

    @property
    def query_string(self) -> str:
        return bytes(self.scope.get("query_string", b"")).decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last value of a repeated name wins."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Header pairs; names are lower case."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        return headers

    def header(self, name: str) -> str:
        """The value of a header (the first of several), or ``""``."""
        if self._by_name is None:
            self._by_name = dict(reversed(self.headers))
        return self._by_name.get(name.lower().encode("latin-1"), b"").decode("latin-1")

    @property
    def client_ip(self) -> str:
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def scheme(self) -> str:
        return str(self.scope.get("scheme", "http"))

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it arrives.

        Raises:
            ClientDisconnected: when the connection ends before the body does.
        """
        async for chunk in self._stream(await self._receive()):
            yield chunk

    async def _stream(self, message: Message) -> AsyncIterator[bytes]:
        more = True
        while more:
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            if chunk:
                yield chunk
            if more:
                message = await self._receive()

    async def body(self, limit: int = DEFAULT_BODY_LIMIT) -> bytes:
        """The whole body.

        Raises:
            LimitExceeded: when it is longer than ``limit`` bytes; the rest is read and thrown away, because most
                clients only look at an answer after they have sent everything.
        """
        if self._body is None:
            self._body = await self._read(limit)
        return self._body

    async def _read(self, limit: int) -> bytes:
        message = await self._receive()
        whole: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body") and len(whole) <= limit:
            return whole
        chunks: list[bytes] = []
        size = 0
        async for chunk in self._stream(message):
            size += len(chunk)
            if size <= limit:
                chunks.append(chunk)
            elif size > 8 * limit:
                break
        if size > limit:
            raise LimitExceeded(f"the request body is larger than {limit} bytes", limit=limit)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


@dataclass(slots=True)
class Response:
    """A complete HTTP answer."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Iterable[tuple[str, str]] = ()

    async def send(self, send: Send) -> None:
        """Write the answer to an ASGI connection."""
        headers = [(b"content-length", b"%d" % len(self.body))]
        if self.content_type:
            headers.append((b"content-type", self.content_type.encode("latin-1")))
        headers.extend((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(content: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer holding ``content`` as JSON."""
    return Response(orjson.dumps(content), status, JSON, headers)


Handler = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler) -> ASGIApp:
    """An ASGI app around one handler. An unforeseen error is logged and answered 500 without details."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except ClientDisconnected:
            return
        except Exception:
            _log.exception("unhandled error in %s %s", request.method, request.path)
            response = json_response({"code": "INTERNAL", "message": "internal error / 服务器内部错误"}, 500)
        await response.send(send)

    return app


@dataclass(frozen=True, slots=True)
class Route:
    """Where an app is mounted.

    ``exact``: this very path. ``prefix``: this path (ending in ``/``) and all below it. ``suffix``: any path whose
    last segment is this one (``/admin`` also answers ``/any/prefix/admin``), after exact and prefix routes.
    """

    match: Literal["exact", "prefix", "suffix"]
    path: str
    app: ASGIApp
    scheme: Literal["http", "websocket"] = "http"


class Dispatcher:
    """Finds the app for a path with one or two dictionary look-ups."""

    def __init__(self, routes: Iterable[Route], fallback: ASGIApp) -> None:
        self._fallback = fallback
        self._exact: dict[tuple[str, str], ASGIApp] = {}
        self._prefix: dict[str, list[tuple[str, ASGIApp]]] = {"http": [], "websocket": []}
        self._prefixes: dict[str, tuple[str, ...]] = {}
        self._suffix: dict[tuple[str, str], ASGIApp] = {}
        for route in routes:
            self._add(route)
        for scheme, prefixes in self._prefix.items():
            prefixes.sort(key=lambda item: -len(item[0]))
            self._prefixes[scheme] = tuple(prefix for prefix, _ in prefixes)

    def _add(self, route: Route) -> None:
        if route.match == "prefix":
            self._prefix[route.scheme].append((route.path, route.app))
        elif route.match == "exact":
            self._exact[route.scheme, route.path] = route.app
        else:
            self._suffix[route.scheme, route.path] = route.app

    def find(self, scheme: str, path: str) -> ASGIApp:
        """The app mounted for ``path``, or the fallback."""
        path = normal_path(path)
        if found := self._exact.get((scheme, path)):
            return found
        if path.startswith(self._prefixes[scheme]):
            return next(app for prefix, app in self._prefix[scheme] if path.startswith(prefix))
        return self._suffix.get((scheme, path[path.rfind("/") :]), self._fallback)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.find(scope["type"], scope["path"])(scope, receive, send)


def normal_path(path: str) -> str:
    """``path`` with repeated slashes collapsed: SDKs join an endpoint that ends in ``/`` by plain concatenation."""
    return _SLASHES.sub("/", path) if "//" in path else path
