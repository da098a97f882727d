"""The envelope of ``/auth/v1/*``: finds the space, the user and the handler of a path."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any

import orjson
from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, PermissionDenied, SpaceNotFound, Unauthenticated, YunboxError
from yunbox.http import Request, Response, json_response
from yunbox.protocols.metering import measure
from yunbox.protocols.tcb.auth.errors import auth_error
from yunbox.protocols.tcb.cors import check_origin, cors_headers, preflight
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.call import Actions, Call, token_of
from yunbox.services import Services
from yunbox.spaces import Space

_OVERRIDE = "x-http-method-override"
_log = logging.getLogger("yunbox.auth")


def method_of(request: Request) -> str:
    """The method meant: mini programs have no PATCH and say so in a header (tencent-client.md §7)."""
    return (request.header(_OVERRIDE) or request.method).upper()


class AuthHandler:
    """Runs the handler registered as ``METHOD path`` (below the version)."""

    def __init__(self, services: Services, actions: Actions) -> None:
        self._services = services
        self._actions = actions

    async def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight(request)
        request_id = request.header("x-request-id") or str(uuid.uuid4())
        headers = [*cors_headers(request), ("x-request-id", request_id)]
        try:
            return Response(await self._run(request), headers=headers)
        except YunboxError as error:
            _log.info("%s %s failed: %s", request.method, request.path, error.message)
            answer = auth_error(error)
            body = {
                "error": answer.error,
                "error_code": answer.error_code,
                "error_description": error.message,
                "request_id": request_id,
            }
            return json_response(body, answer.status, headers)

    async def _run(self, request: Request) -> bytes:
        method, path = method_of(request), request.path.split("/", 3)[3].strip("/")
        name, rest = f"{method} {path}", ""
        handler = self._actions.find(name)
        if handler is None:
            target, _, rest = path.rpartition("/")
            name = f"{method} {target}/*"
            handler = self._actions.find(name)
        if handler is None:
            raise InvalidRequest(
                f"{method} /auth/v1/{path} is not supported here / 暂不支持该接口", reason="unsupported"
            )
        params = await self._params(request)
        space, caller = self._identify(request, params)
        check_origin(space.settings, request)
        caller = replace(caller, client_ip=request.client_ip, user_agent=request.header("user-agent"))
        call = Call(self._services, space, caller, {**params, **({"*": rest} if rest else {})}, request)
        started, body = time.perf_counter(), b""
        try:
            body = orjson.dumps(await handler(call))
            return body
        finally:
            measure(self._services, caller, f"auth {name}", failed=not body, started=started, sent=len(body))

    async def _params(self, request: Request) -> dict[str, Any]:
        """The query and the body together; browsers send the body as text/plain."""
        body = await request.body()
        content = parse(body) if body.strip() else {}
        if not isinstance(content, dict):
            raise InvalidRequest("the body must be a JSON object / 请求体必须是 JSON 对象")
        return {**request.query, **content}

    def _identify(self, request: Request, params: dict[str, Any]) -> tuple[Space, Caller]:
        if token := token_of(request):
            caller = self._services.identity.identify(token)
            if caller.grantee is not None:
                raise PermissionDenied(
                    "users from other environments have no account here / 共享环境的用户不能使用账号接口"
                )
            return self._services.spaces.get(caller.space), caller
        client_id = params.get("client_id")
        if not isinstance(client_id, str) or not client_id:
            raise Unauthenticated(
                "neither client_id nor an access token was given / 缺少 client_id 或登录凭证", reason="missing"
            )
        try:
            space = self._services.spaces.get(client_id)
        except SpaceNotFound as error:
            raise InvalidRequest(error.message) from None
        return space, self._services.identity.guest(space)
