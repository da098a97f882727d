"""Functions behind plain HTTP: ``/http/<space>/<path>`` (semantics.md FA-9).

The function's argument describes the request; its return value is the body, or with ``mpserverlessComposedResponse`` the
whole answer.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import FunctionNotFound, LimitExceeded, QuotaExceeded, YunboxError
from yunbox.http import JSON, ClientDisconnected, Request, Response
from yunbox.protocols.mpserverless.errors import GatewayError, error_code
from yunbox.services import Services

PREFIX = "/http/"
MAX_BYTES = 2**20
_RESOURCE = "http triggers"
_COMPOSED = "mpserverlessComposedResponse"
_TEXT_TYPES = (
    "text/",
    "application/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/javascript",
)
# Hop-by-hop headers and lengths are the connection's business, not the function's.
# Functions share the server's origin with its console, so their pages run in an origin of their own.
_SAFETY = (
    ("content-security-policy", "sandbox allow-scripts allow-forms allow-popups allow-modals"),
    ("x-content-type-options", "nosniff"),
)
_STATUSES = ((FunctionNotFound, 404), (QuotaExceeded, 429))
_OWN_HEADERS = frozenset(
    ("connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "content-type", *dict(_SAFETY))
)


def is_enabled(services: Services, space_id: str) -> bool:
    """Whether the space's functions answer to HTTP; they do unless that was switched off."""
    return services.spaces.rule(space_id, _RESOURCE, "") is not False


def enable(services: Services, space_id: str, enabled: bool) -> None:
    services.spaces.set_rule(space_id, _RESOURCE, "", enabled)


def route(services: Services, space_id: str, function: str, path: str) -> None:
    """Let ``function`` answer ``path`` and everything below it; an empty path removes it.

    Raises:
        GatewayError: when another function has this path.
    """
    current = routes(services, space_id)
    kept = {known: name for known, name in current.items() if name != function}
    if path:
        path = "/" + path.strip("/")
        if path in kept:
            raise GatewayError(
                "InvalidHttpTriggerPath", f"path {path} belongs to function `{kept[path]}` / 路径已被占用"
            )
        kept[path] = function
    if kept != current:
        keep_routes(services, space_id, kept)


def routes(services: Services, space_id: str) -> dict[str, str]:
    """The paths of a space and the functions that answer them."""
    return dict(services.spaces.rule(space_id, _RESOURCE, "routes") or {})


def keep_routes(services: Services, space_id: str, wanted: dict[str, str]) -> None:
    """Replace the paths of a space; a function may have several."""
    services.spaces.set_rule(space_id, _RESOURCE, "routes", wanted)


class HttpTrigger:
    """Calls the function whose path a request begins with; the longest path wins."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """Any HTTP method."""
        request_id = str(uuid.uuid4())
        try:
            return await self._call(request, request_id)
        except ClientDisconnected:
            raise
        except YunboxError as error:
            status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 400)
            content = {"error": {"code": error_code(error), "message": error.message}}
            return Response(orjson.dumps(content), status, JSON, (("request-id", request_id),))

    async def _call(self, request: Request, request_id: str) -> Response:
        space_id, _, rest = request.path.removeprefix(PREFIX).partition("/")
        space = self._services.spaces.get(space_id)
        if not is_enabled(self._services, space.id):
            raise GatewayError(
                "InvalidSpace.NotInService", "HTTP triggers are off in this space / 未开启云函数 HTTP 触发"
            )
        function, path = _match(routes(self._services, space.id), "/" + rest)
        if function is None:
            raise FunctionNotFound(space.id, f"of path /{rest}")
        caller = Caller(
            "guest",
            space.id,
            source="http",
            client_ip=request.client_ip,
            user_agent=request.header("user-agent"),
            request_id=request_id,
        )
        event = _event(request, path, await _body(request))
        done = await self._services.functions.invoke(caller, function, event)
        return _answer(done.result_json, request_id)


def _match(routes: dict[str, str], path: str) -> tuple[str | None, str]:
    """The function of the longest matching path, and what follows that path."""
    for known in sorted(routes, key=len, reverse=True):
        if known == "/" or path == known or path.startswith(known + "/"):
            return routes[known], "/" + path.removeprefix(known).lstrip("/")
    return None, path


async def _body(request: Request) -> bytes:
    try:
        return await request.body(MAX_BYTES)
    except LimitExceeded:
        raise GatewayError(
            "RequestContentLength.Exceeded", f"the request body is larger than {MAX_BYTES} bytes"
        ) from None


def _event(request: Request, path: str, body: bytes) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    is_text = not body or headers.get("content-type", "text/plain").lower().startswith(_TEXT_TYPES)
    try:
        text, encoded = (body.decode(), False) if is_text else (base64.b64encode(body).decode(), True)
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    return {
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "queryStringParameters": request.query,
        "body": text,
        "isBase64Encoded": encoded,
    }


def _answer(result: bytes, request_id: str) -> Response:
    own = (("request-id", request_id), *_SAFETY)
    value = orjson.loads(result) if result else None
    if isinstance(value, dict) and value.get(_COMPOSED):
        return _composed(value, own)
    if isinstance(value, str):
        return _limited(Response(value.encode(), 200, "text/plain; charset=utf-8", own))
    return _limited(Response(result or b"null", 200, JSON, own))


def _composed(value: dict[str, Any], own: tuple[tuple[str, str], ...]) -> Response:
    status, headers, body = value.get("statusCode", 200), value.get("headers") or {}, value.get("body", "")
    if (
        isinstance(status, bool)
        or not isinstance(status, int)
        or not 200 <= status <= 599
        or not isinstance(headers, dict)
    ):
        raise _bad_answer("statusCode must be 200 to 599, headers an object")
    names = {str(name).lower(): str(text) for name, text in headers.items()}
    if any("\r" in text or "\n" in text or not text.isascii() or not name.isascii() for name, text in names.items()):
        raise _bad_answer("headers must be plain text in one line each")
    kept = tuple((name, text) for name, text in names.items() if name not in _OWN_HEADERS)
    return _limited(Response(_composed_body(body, value), status, names.get("content-type", JSON), (*own, *kept)))


def _composed_body(body: Any, value: dict[str, Any]) -> bytes:
    if not isinstance(body, str):
        return orjson.dumps(body)
    if not value.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise _bad_answer("body is not base64") from None


def _limited(response: Response) -> Response:
    if len(response.body) > MAX_BYTES:
        raise GatewayError("ResponseContentLength.Exceeded", f"the function's answer is larger than {MAX_BYTES} bytes")
    return response


def _bad_answer(problem: str) -> GatewayError:
    return GatewayError("InvalidComposedResponseBody", f"the function's composed response is not usable: {problem}")
