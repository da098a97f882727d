"""The envelope of ``/v1/*``: a bearer token, a path and a method; errors by HTTP status."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from msgspec.structs import replace

from yunbox.errors import InvalidRequest, Unauthenticated, YunboxError
from yunbox.http import Request, Response, json_response
from yunbox.protocols.metering import measure
from yunbox.protocols.tcb.auth.handler import method_of
from yunbox.protocols.tcb.cors import check_origin, cors_headers, preflight
from yunbox.protocols.tcb.gateway.errors import gateway_error
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.call import Call, token_of
from yunbox.services import Services
from yunbox.tools.random_names import random_uuid

_log = logging.getLogger("yunbox.gateway")

_FAMILIES = {"storages": "storage", "model": "database"}
"""First part of a path -> whose words its errors have."""

Handler = Callable[[Call, dict[str, str]], Awaitable[Any]]
"""A call and the named parts of its path -> what is encoded as JSON."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One method on one path; ``{name}`` in ``path`` matches a segment."""

    method: str
    path: tuple[str, ...]
    handler: Handler

    @property
    def name(self) -> str:
        return f"{self.method} {'/'.join(self.path)}"

    def match(self, method: str, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The named parts, or ``None`` when this is another resource."""
        if method != self.method or len(segments) != len(self.path):
            return None
        parts: dict[str, str] = {}
        for wanted, given in zip(self.path, segments, strict=True):
            if wanted.startswith("{"):
                parts[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return parts


class Resources:
    """Handlers by method and path, below ``/v1/``."""

    def __init__(self) -> None:
        self._all: list[Resource] = []

    def add(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register the decorated handler."""

        def register(handler: Handler) -> Handler:
            self._all.append(Resource(method, tuple(path.split("/")), handler))
            return handler

        return register

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Resource, dict[str, str]] | None:
        for resource in self._all:
            if (parts := resource.match(method, segments)) is not None:
                return resource, parts
        return None

    def names(self) -> list[str]:
        return sorted(resource.name for resource in self._all)

    def include(self, other: Resources) -> None:
        self._all += other._all


class GatewayHandler:
    """Decodes, finds the resource, encodes."""

    def __init__(self, services: Services, resources: Resources) -> None:
        self._services = services
        self._resources = resources

    async def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight(request)
        request_id = request.header("x-request-id") or random_uuid()
        headers = [*cors_headers(request), ("x-request-id", request_id)]
        segments = tuple(unquote(part) for part in request.raw_path.split("/v1/", 1)[1].strip("/").split("/"))
        try:
            body = await self._run(request, segments, request_id)
        except YunboxError as error:
            _log.info("%s %s failed: %s", request.method, request.path, error.message)
            status, told = gateway_error(error, _FAMILIES.get(segments[0], segments[0]))
            return json_response({"code": told.code, "message": told.message, "requestId": request_id}, status, headers)
        return Response(body, headers=headers)

    async def _run(self, request: Request, segments: tuple[str, ...], request_id: str) -> bytes:
        method = method_of(request)
        found = self._resources.find(method, segments)
        if found is None:
            raise InvalidRequest(
                f"{method} {request.path} is not supported here / 暂不支持该接口", reason="unsupported"
            )
        token = token_of(request)
        if not token:
            raise Unauthenticated("the access token is missing; sign in first / 请先登录", reason="missing")
        caller = self._services.identity.identify(token)
        space = self._services.spaces.get(caller.space)
        check_origin(space.settings, request)
        caller = replace(
            caller, client_ip=request.client_ip, user_agent=request.header("user-agent"), request_id=request_id
        )
        resource, parts = found
        call = Call(self._services, space, caller, await self._params(request), request)
        started, body = time.perf_counter(), b""
        try:
            body = orjson.dumps(await resource.handler(call, parts))
            return body
        finally:
            name = f"v1 {resource.name}"
            measure(self._services, caller, name, failed=not body, started=started, sent=len(body))

    async def _params(self, request: Request) -> dict[str, Any]:
        """The query and the body's fields together; a body that is no object is under ``""``."""
        body = await request.body(self._services.settings.max_body_mb * 2**20)
        content = parse(body) if body.strip() else {}
        return {**request.query, **content} if isinstance(content, dict) else {**request.query, "": content}
