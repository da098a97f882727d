"""``POST /`` (or ``GET /``) of ``<service>.tencentcloudapi.com``: verify, run the action, answer ``{Response: …}``."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import LimitExceeded, SpaceNotFound, Unauthenticated, YunboxError
from yunbox.http import ClientDisconnected, Request, Response, json_response
from yunbox.protocols.metering import measure
from yunbox.protocols.tcb.admin.authentication import resolve, secret_for
from yunbox.protocols.tcb.origins import public_origin
from yunbox.protocols.tencentcloud.addresses import Target
from yunbox.protocols.tencentcloud.call import Call, Handler
from yunbox.protocols.tencentcloud.errors import ApiError, code_of
from yunbox.protocols.tencentcloud.registry import ACTIONS, SERVICES, UNSUPPORTED
from yunbox.protocols.tencentcloud.signing import Credential, read_authorization, verify
from yunbox.services import Services

MAX_BODY = 100 * 2**20
"""Largest request: a function's package as base64 (the SDK sends 50 MB at most)."""

_VERSIONS = {
    "tcb": "2018-06-08",
    "scf": "2018-04-16",
    "flexdb": "2018-11-27",
    "tcbr": "2022-02-17",
}
_ENV_NAMES = ("EnvId", "Namespace", "TargetNamespace", "ServiceId")
"""Parameters that name an environment."""

_log = logging.getLogger("yunbox.tencentcloud")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of which service; ``origin`` is where the caller finds this server."""

    service: str
    version: str
    action: str
    values: Mapping[str, Any]
    origin: str


class CloudApi:
    """Answers the cloud API; every answer is HTTP 200."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request, target: Target) -> Response:
        """A request to ``<service>.tencentcloudapi.com``."""
        request_id, action = str(uuid.uuid4()), request.header("x-tc-action")
        answer = self._answer(request, target, action, request_id)
        return json_response(await _told(target.service, action, request_id, answer))

    async def relay(self, caller: Caller, asked: Asked) -> dict[str, Any]:
        """What the action answers to a caller whom somebody else has verified: the whole answer, errors included."""
        request_id = str(uuid.uuid4())
        return await _told(asked.service, asked.action, request_id, self._run(caller, asked, request_id))

    async def _answer(self, request: Request, target: Target, action: str, request_id: str) -> dict[str, Any]:
        caller, body = await self._authenticate(request, target)
        origin = public_origin(self._services, caller, request)
        version, values = request.header("x-tc-version"), _values(request, body)
        return await self._run(caller, Asked(target.service, version, action, values, origin), request_id)

    async def _run(self, caller: Caller, asked: Asked, request_id: str) -> dict[str, Any]:
        handler = _handler(asked)
        _check_environment(caller, asked.values)
        space, name = self._services.spaces.get(caller.space), f"{asked.service}.{asked.action}"
        call = Call(self._services, space, caller, asked.service, asked.action, asked.values, request_id, asked.origin)
        started, failed = time.perf_counter(), True
        try:
            answer = await handler(call)
            failed = False
        finally:
            measure(self._services, caller, name, failed=failed, started=started, sent=0)
        return answer

    async def _authenticate(self, request: Request, target: Target) -> tuple[Caller, bytes]:
        """Who has signed a request, and its body, which is read in full only for known keys."""
        try:
            credential = read_authorization(request)
            secret = _secret(self._services, request, credential, target)
        except ApiError:
            await _drained(request, self._services.settings.max_body_mb * 2**20)
            raise
        try:
            body = await request.body(MAX_BODY)
        except LimitExceeded as error:
            raise ApiError("RequestSizeLimitExceeded", error.message) from None
        verify(request, target, credential, body, secret, self._services.clock)
        try:
            caller = resolve(self._services, request, credential.secret_id, request.header("x-tc-token"), "")
        except Unauthenticated as error:
            raise ApiError("AuthFailure.TokenFailure", error.message) from None
        if caller.grantee is not None:
            raise ApiError("UnauthorizedOperation", "a shared environment is not administered / 共享环境不可管理")
        return caller, body


async def _told(service: str, action: str, request_id: str, answer: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """``{"Response": …}`` with the answer or the error."""
    try:
        content = await answer
    except ClientDisconnected:
        raise
    except YunboxError as error:
        code = code_of(error, service)
        _log.info("%s %r failed: %s: %s", request_id, f"{service}.{action[:80]}", code, error.message)
        content = {"Error": {"Code": code, "Message": error.message}}
    except Exception:
        _log.exception("request %s failed", request_id)
        content = {"Error": {"Code": "InternalError", "Message": "internal error / 服务器内部错误"}}
    return {"Response": {**content, "RequestId": request_id}}


def _secret(services: Services, request: Request, credential: Credential, target: Target) -> str:
    if credential.service != target.service:
        raise ApiError(
            "AuthFailure.SignatureFailure",
            f"the credential is for the service `{credential.service}`, the request for `{target.service}`",
        )
    try:
        secret = secret_for(services, credential.secret_id, request.header("x-tc-token"))
    except Unauthenticated as error:
        raise ApiError("AuthFailure.TokenFailure", error.message) from None
    if secret is None:
        raise ApiError(
            "AuthFailure.SecretIdNotFound",
            "the secret id is not found; use the secret_id and secret_key of `yunbox space show SPACE` / 密钥不存在",
        )
    return secret


async def _drained(request: Request, limit: int) -> None:
    """Read a body that will not be looked at, because the SDK looks at the answer only afterwards."""
    try:
        await request.body(limit)
    except LimitExceeded:
        return


def _handler(asked: Asked) -> Handler:
    service, action = asked.service, asked.action
    if not action:
        raise ApiError("MissingParameter", "the header X-TC-Action is missing / 缺少 X-TC-Action")
    if service in _VERSIONS and asked.version != _VERSIONS[service]:
        raise ApiError(
            "NoSuchVersion", f"X-TC-Version of {service} is {_VERSIONS[service]}, not `{asked.version[:20]}`"
        )
    name = f"{service}.{action}"
    if name in ACTIONS:
        return ACTIONS[name]
    if reason := UNSUPPORTED.get(name) or SERVICES.get(service):
        raise ApiError("UnsupportedOperation", f"{action[:80]}: {reason}")
    raise ApiError("InvalidAction", f"the action `{name[:90]}` is not found / 接口不存在")


def _values(request: Request, body: bytes) -> Mapping[str, Any]:
    if request.method == "GET":
        return request.query
    try:
        values = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise ApiError("InvalidParameter", "the body is not a JSON object / 请求体不是 JSON 对象")
    return values


def _check_environment(caller: Caller, values: Mapping[str, Any]) -> None:
    """
    Raises:
        SpaceNotFound: when a space's keys are used with another environment's name. For a function every name means
            its own space (DESIGN §9.6).
    """
    if caller.kind == "function":
        return
    for name in _ENV_NAMES:
        value = values.get(name)
        if value and value != caller.space:
            wanted = str(value)[:64]
            raise SpaceNotFound(
                f"these keys belong to the space `{caller.space}`, not to `{wanted}` / 密钥不属于环境 `{wanted}`"
            )
