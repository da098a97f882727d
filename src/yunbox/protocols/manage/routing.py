"""From a method and a path to the handler, and from its result or error to an answer."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, Unauthenticated, YunboxError
from yunbox.http import ClientDisconnected, Receive, Request, Response, Scope, Send, json_response
from yunbox.protocols.manage.errors import error_body, status_of
from yunbox.services import Services
from yunbox.spaces import Space

NDJSON = "application/x-ndjson; charset=utf-8"

_log = logging.getLogger("yunbox.manage")
_NAME = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer sent in the pieces in which it comes."""

    chunks: AsyncIterator[bytes]
    content_type: str = NDJSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the services, the parts of its path by name, and its query parameters."""

    services: Services
    request: Request
    names: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def space(self) -> Space:
        """The space that the path names.

        Raises:
            SpaceNotFound: when there is none.
        """
        return self.services.spaces.get(self.names["space"])

    @property
    def admin(self) -> Caller:
        """The administrator of that space."""
        return Caller(kind="admin", space=self.space.id, source="server", client_ip=self.request.client_ip)

    def number(self, name: str, default: int) -> int:
        """A whole number from the query.

        Raises:
            InvalidRequest: when it is something else.
        """
        text = self.query.get(name, "")
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise InvalidRequest(f"`{name}` must be a whole number, not {text!r}")
        return int(text)

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object from the query; an absent one is empty.

        Raises:
            InvalidRequest: when it is no JSON object.
        """
        try:
            value = orjson.loads(self.query.get(name) or "{}")
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"`{name}` is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise InvalidRequest(f"`{name}` must be a JSON object")
        return value

    async def body(self) -> dict[str, Any]:
        """The JSON object of the body; an empty body is an empty object.

        Raises:
            InvalidRequest: when it is no JSON object.
        """
        content = await self.request.body()
        try:
            value = orjson.loads(content) if content else {}
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the request body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise InvalidRequest("the request body must be a JSON object")
        return value


Handler = Callable[[Call], Awaitable[Any]]
"""What answers a call: JSON content, a complete :class:`Response`, or a :class:`Stream`."""

Row = tuple[str, str, Handler]
"""Method, path with ``{names}`` (``{name:path}`` takes slashes too), handler."""


class Router:
    """An ASGI app over a table of routes, closed to everyone without the administrator's token."""

    def __init__(self, services: Services, prefix: str, rows: Iterable[Row]) -> None:
        self._services = services
        self._prefix = prefix
        self._rows = [(method, _pattern(path), handler) for method, path, handler in rows]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnected:
            return
        except YunboxError as error:
            answer = json_response(error_body(error), status_of(error))
        except Exception:
            _log.exception("unhandled error in %s %s", request.method, request.path)
            content = {
                "error": {"code": "internal", "message": "internal error; the server's log has it / 服务器内部错误"}
            }
            answer = json_response(content, 500)
        if isinstance(answer, Stream):
            await _send_stream(answer, send)
        else:
            await answer.send(send)

    async def _answer(self, request: Request) -> Response | Stream:
        check_admin(self._services, request)
        handler, names = self._find(request)
        if handler is None:
            message = f"{request.method} {request.path} does not exist / 接口不存在"
            return json_response({"error": {"code": "not_found", "message": message}}, 404)
        result = await handler(Call(self._services, request, names, request.query))
        return result if isinstance(result, Response | Stream) else json_response(result)

    def _find(self, request: Request) -> tuple[Handler | None, dict[str, str]]:
        path = request.raw_path
        path = path[path.find(self._prefix) + len(self._prefix) :].rstrip("/")
        for method, pattern, handler in self._rows:
            if method == request.method and (match := pattern.fullmatch(path)):
                return handler, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(lambda match: f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})", path))


def check_admin(services: Services, request: Request) -> None:
    """
    Raises:
        Unauthenticated: when a request does not carry the administrator's token.
    """
    scheme, _, token = request.header("authorization").partition(" ")
    expected = _admin_token(services)
    given = token.strip() if scheme.lower() == "bearer" else ""
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Unauthenticated(
            "the administrator's token is missing or wrong; it is in DATA/admin.token / 管理员令牌不正确"
        )


def _admin_token(services: Services) -> str:
    """The token as it is now: replacing the file changes it at once."""
    try:
        return (services.settings.data / "admin.token").read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


async def _send_stream(answer: Stream, send: Send) -> None:
    headers = [(b"content-type", answer.content_type.encode())]
    headers.extend((name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for chunk in answer.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
