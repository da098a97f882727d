"""``POST <any prefix>/web?env=E``: the envelope of every call of the 1.x and 2.x web SDKs (tencent-client.md §2.1)."""

from __future__ import annotations

import logging
import time
from typing import Any

from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, PermissionDenied, YunboxError
from yunbox.http import Request, Response, json_response
from yunbox.protocols.metering import measure
from yunbox.protocols.tcb.cors import check_origin, cors_headers, preflight
from yunbox.protocols.tcb.values import parse
from yunbox.protocols.tcb.web.call import Action, Actions, Call, token_of
from yunbox.protocols.tcb.web.errors import web_error
from yunbox.services import Services
from yunbox.spaces import Space
from yunbox.tools.random_names import random_uuid

PUBLIC = frozenset(
    {
        "auth.getJwt",
        "auth.logout",
        "auth.signInWithTicket",
        "auth.signInAnonymously",
        "auth.signIn",
        "auth.fetchAccessTokenWithRefreshToken",
        "auth.isUsernameRegistered",
    }
)
"""Actions that need no access token; one that is sent anyway is not looked at."""

_log = logging.getLogger("yunbox.web")


class WebHandler:
    """Decodes, finds the action by its name, encodes. The HTTP status is always 200: SDKs give up on any other."""

    def __init__(self, services: Services, actions: Actions) -> None:
        self._services = services
        self._actions = actions

    async def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight(request)
        request_id, started, failed = random_uuid(), time.perf_counter(), True
        action = ""
        call: Call | None = None
        try:
            params = await self._params(request)
            action = str(params.get("action", ""))
            handler, call = self._find(request, action, params, request_id)
            answer = await handler(call)
            failed = False
        except YunboxError as error:
            _log.info("%s failed: %s", action or request.path, error.message)
            vendor = web_error(error, action)
            answer = {"code": vendor.code, "message": vendor.message}
        except Exception:
            _log.exception("%s failed unexpectedly (request %s)", action or request.path, request_id)
            answer = {"code": "SYS_ERR", "message": "internal error / 服务器内部错误"}
        headers = [*cors_headers(request), ("x-request-id", request_id)]
        response = json_response({"requestId": request_id, **answer}, headers=headers)
        if call is not None:
            measure(self._services, call.caller, action, failed=failed, started=started, sent=len(response.body))
        return response

    async def _params(self, request: Request) -> dict[str, Any]:
        if request.method != "POST":
            raise InvalidRequest("use POST / 请使用 POST 请求")
        params = parse(await request.body(self._services.settings.max_body_mb * 2**20))
        if not isinstance(params, dict):
            raise InvalidRequest("the body must be a JSON object / 请求体必须是 JSON 对象")
        return params

    def _find(self, request: Request, action: str, params: dict[str, Any], request_id: str) -> tuple[Action, Call]:
        handler = self._actions.find(action)
        if handler is None:
            raise InvalidRequest(f"unknown action `{action}`; it is not supported here / 不支持的 action: {action}")
        space = self._services.spaces.get(str(request.query.get("env") or params.get("env") or ""))
        check_origin(space.settings, request)
        caller = self._caller(space, request, action, params)
        caller = replace(
            caller, client_ip=request.client_ip, user_agent=request.header("user-agent"), request_id=request_id
        )
        if caller.grantee is not None and action.startswith("auth."):
            raise PermissionDenied(
                "users from other environments have no account here / 共享环境的用户不能使用账号接口"
            )
        return handler, Call(self._services, space, caller, params, request)

    def _caller(self, space: Space, request: Request, action: str, params: dict[str, Any]) -> Caller:
        token = "" if action in PUBLIC else params.get("access_token") or token_of(request)
        if not isinstance(token, str):
            raise InvalidRequest("access_token must be text")
        return self._services.identity.verify(space, token) if token else self._services.identity.guest(space)
