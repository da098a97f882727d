"""WeChat's HTTP API for cloud development: ``/cgi-bin/token`` and ``/tcb/*`` (semantics.md §14.1)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import LimitExceeded, YunboxError
from yunbox.http import Request, Response, Route, endpoint, json_response
from yunbox.protocols.metering import measure
from yunbox.protocols.wechat_http import credentials, database, functions, migration, storage, tokens
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.errors import ApiError, api_error
from yunbox.services import Services
from yunbox.spaces import Space

_log = logging.getLogger("yunbox.wechat")

ACTIONS: dict[str, Handler] = {
    **credentials.ACTIONS,
    **database.ACTIONS,
    **functions.ACTIONS,
    **migration.ACTIONS,
    **storage.ACTIONS,
}
"""Every call by the last part of its path."""

_IN_URL = ("invokecloudfunction",)
_WITHOUT_ENV = ("getqcloudtoken",)
"""Calls that say nothing of a space, and are about the token's first."""


class HttpApi:
    """Answers the HTTP API; every answer is HTTP 200 with ``errcode`` and ``errmsg``."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def token(self, request: Request) -> Response:
        """``GET /cgi-bin/token?grant_type=client_credential&appid=…&secret=…``."""
        query = request.query
        try:
            if query.get("grant_type") != "client_credential":
                raise ApiError(40002, "invalid grant_type: send client_credential")
            token = tokens.issue(self._services, query.get("appid", ""), query.get("secret", ""))
        except ApiError as error:
            return _failure(error)
        return json_response({"access_token": token, "expires_in": tokens.LIFETIME_S})

    async def call(self, request: Request) -> Response:
        """``POST /tcb/NAME?access_token=…``."""
        try:
            reply = await self._answer(request)
        except ApiError as error:
            return _failure(error)
        except LimitExceeded as error:
            return _failure(ApiError(47001, error.message))
        except YunboxError as error:
            return _failure(api_error(error))
        except Exception:
            _log.exception("unhandled error in %s", request.path)
            return _failure(ApiError(-1, "system error / 系统错误，请稍候再试"))
        return reply

    async def _answer(self, request: Request) -> Response:
        query = request.query
        token = query.get("access_token") or query.get("cloudbase_access_token", "")
        spaces = tokens.spaces_of(self._services, token)
        name = request.path.rpartition("/")[2].lower()
        handler = ACTIONS.get(name)
        if handler is None:
            raise ApiError(40066, f"there is no call `{name}`")
        if request.method != "POST":
            raise ApiError(43002, "require POST method")
        body = await request.body(self._services.settings.max_body_mb * 2**20)
        values = {} if name in _IN_URL else _values(body)
        env = query.get("env") if name in _IN_URL else values.get("env")
        space = spaces[0] if name in _WITHOUT_ENV and not env and spaces else _choose(spaces, env)
        caller = Caller("admin", space.id, source="wx_http", client_ip=request.client_ip)
        started, sent = time.perf_counter(), 0
        try:
            reply = await handler(Call(self._services, space, caller, values, query, body))
            response = json_response({"errcode": 0, "errmsg": "ok", **reply})
            sent = len(response.body)
            return response
        finally:
            measure(self._services, caller, f"tcb/{name}", failed=not sent, started=started, sent=sent)


def _values(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        raise ApiError(44002, "empty post data")
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise ApiError(47001, "data format error: the body is not a JSON object")
    return values


def _choose(spaces: list[Space], env: Any) -> Space:
    if not env:
        raise ApiError(40101, "missing parameter `env`")
    for space in spaces:
        if space.id == env:
            return space
    raise ApiError(-501005, f"environment `{env}` does not exist or the token may not use it / 环境不存在或无权使用")


def _failure(error: ApiError) -> Response:
    return json_response({"errcode": error.number, "errmsg": error.message})


def routes(services: Services) -> list[Route]:
    """Every path of this protocol."""
    api = HttpApi(services)
    return [
        Route("exact", "/cgi-bin/token", endpoint(api.token)),
        Route("prefix", "/tcb/", endpoint(api.call)),
    ]
