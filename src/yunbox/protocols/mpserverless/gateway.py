"""The gateway: ``POST …/client`` and ``POST …/server``, and the same methods for running functions.

A request walks: body → signature → caller → `registry.METHODS` → envelope. A method's handler is found by the method's
name, a database command's by the command's name in `database.COMMANDS`.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import LimitExceeded, NotFound, PermissionDenied, Unauthenticated, YunboxError
from yunbox.http import ClientDisconnected, Request, Response
from yunbox.protocols.metering import measure
from yunbox.protocols.mpserverless import envelope, signing
from yunbox.protocols.mpserverless.call import Call, Origin
from yunbox.protocols.mpserverless.errors import INTERNAL, GatewayError, error_code
from yunbox.protocols.mpserverless.registry import METHODS, OPEN_METHODS
from yunbox.services import Services
from yunbox.spaces.space import Space
from yunbox.tools.clock import Clock
from yunbox.tools.random_names import random_uuid

CLIENT_CLOCK_TOLERANCE_S = 24 * 3600
SERVER_CLOCK_TOLERANCE_S = 15 * 60

_FORM = "application/x-www-form-urlencoded"
_log = logging.getLogger("yunbox.mpserverless")


class Gateway:
    """Answers signed gateway requests with the services of one server."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def client(self, request: Request) -> Response:
        """``POST …/client``: a mini program, signed with the space's client secret."""
        return await self._answer(request, self._client_call)

    async def server(self, request: Request) -> Response:
        """``POST …/server``: a holder of the space's private key, as administrator or acting as a user."""
        return await self._answer(request, self._server_call)

    async def _answer(self, request: Request, read: Any) -> Response:
        if request.method == "OPTIONS":
            return envelope.preflight()
        request_id, started = random_uuid(), time.perf_counter()
        call: Call | None = None
        failure: YunboxError | None = None
        try:
            call = await read(request, await self._body(request), request_id)
            response = envelope.success(await invoke(call), request_id)
        except ClientDisconnected:
            raise
        except YunboxError as error:
            failure, code = error, error_code(error)
            request_id = str(error.data.get("request_id") or request_id)
            _log.info("%s %s failed: %s: %s", request_id, call.method if call else request.path, code, error.message)
            response = envelope.failure(code, error.message, request_id)
        except Exception:
            _log.exception("request %s failed", request_id)
            failure = YunboxError("internal error / 服务器内部错误")
            response = envelope.failure(INTERNAL, failure.message, request_id)
        if call is not None:
            _measure(call, failure is not None, started, len(response.body))
        return response

    async def _body(self, request: Request) -> dict[str, Any]:
        if request.method != "POST":
            raise GatewayError("InvalidMethod.Format", f"send a POST request, not {request.method}")
        limit = self._services.settings.max_body_mb * 2**20
        raw = await request.body(limit)
        if request.header("content-encoding") == "gzip":
            raw = _gunzip(raw, limit)
        return decode_body(raw, request.header("content-type"))

    async def _client_call(self, request: Request, body: dict[str, Any], request_id: str) -> Call:
        space = self._space(body)
        if not signing.client_signature_matches(space.client_secret, body, request.header("x-serverless-sign")):
            raise _wrong_signature("clientSecret")
        _check_clock(self._services.clock, body, CLIENT_CLOCK_TOLERANCE_S)
        _check_origin(space, request.header("origin"))
        caller = self._client_caller(space, body)
        return self._call(request, space, caller, body, "client", request_id)

    def _client_caller(self, space: Space, body: Mapping[str, Any]) -> Caller:
        if body.get("method") in OPEN_METHODS:
            return Caller("guest", space.id)
        token = body.get("token")
        if not token or not isinstance(token, str):
            raise Unauthenticated("the call carries no token; authorize first / 未进行用户授权，请先调用 authorize")
        return self._services.identity.verify_session(space, token)

    async def _server_call(self, request: Request, body: dict[str, Any], request_id: str) -> Call:
        space = self._space(body)
        if not signing.server_signature_matches(space.server_public_key, body, request.header("x-serverless-sign")):
            raise _wrong_signature("serverSecret")
        _check_clock(self._services.clock, body, SERVER_CLOCK_TOLERANCE_S)
        caller = self._server_caller(space, body.get("userId"))
        return self._call(request, space, caller, body, "server", request_id)

    def _server_caller(self, space: Space, user_id: Any) -> Caller:
        """The administrator, on behalf of a user when the body names one (``setUserId``), known or not."""
        if not user_id:
            return Caller("admin", space.id)
        try:
            return replace(self._services.identity.caller_for(space, str(user_id)), kind="admin")
        except NotFound:
            return Caller("admin", space.id, user_id=str(user_id))

    def _space(self, body: Mapping[str, Any]) -> Space:
        space_id = body.get("spaceId")
        if not isinstance(space_id, str) or not space_id:
            raise GatewayError("MissingParams", "`spaceId` is missing / 缺少参数 `spaceId`")
        return self._services.spaces.get(space_id)

    def _call(
        self, request: Request, space: Space, caller: Caller, body: Mapping[str, Any], source: str, request_id: str
    ) -> Call:
        caller = replace(
            caller,
            source=source,
            client_ip=request.client_ip,
            user_agent=request.header("x-serverless-ua") or request.header("user-agent"),
            request_id=request_id,
        )
        host = request.header("host")
        configured = self._services.address.configured
        origin = Origin(request.scheme, host) if host and not configured else own_origin(self._services)
        return Call(self._services, space, caller, _method(body), decode_params(body), origin)


async def host_call(services: Services, caller: Caller, method: str, params: Mapping[str, Any]) -> bytes:
    """A method called by a running function, whose caller the pool knows: JSON text of an object with ``requestId`` and,
    unless the answer has none, its ``data``.

    Raises:
        GatewayError: with the vendor's code, whatever went wrong with the call.
    """
    call = Call(services, services.spaces.get(caller.space), caller, method, params, own_origin(services))
    started, failure, text = time.perf_counter(), None, b""
    try:
        text = envelope.dumps(_frame(await invoke(call)))
    except YunboxError as error:
        failure = GatewayError(error_code(error), error.message)
    _measure(call, failure is not None, started, len(text))
    if failure is not None:
        raise failure
    return text


def _measure(call: Call, failed: bool, started: float, sent: int) -> None:
    name = call.method if call.method in METHODS else "other"
    measure(call.services, call.caller, name, failed=failed, started=started, sent=sent)


def _frame(data: Any) -> dict[str, Any]:
    """What a function's process gets for one call."""
    request_id = data.request_id if isinstance(data, envelope.Reply) else random_uuid()
    data = data.data if isinstance(data, envelope.Reply) else data
    return {"requestId": request_id} if data is envelope.NOTHING else {"requestId": request_id, "data": data}


def own_origin(services: Services) -> Origin:
    """The server's configured or own address, for answers that no request led to."""
    scheme, _, host = services.address.public.partition("://")
    return Origin(scheme, host)


async def invoke(call: Call) -> Any:
    """Run the handler of ``call.method``.

    Raises:
        GatewayError: when no such method exists.
        YunboxError: what the handler raises.
    """
    handler = METHODS.get(call.method)
    if handler is None:
        raise GatewayError(
            "InvalidMethod.Format", f"method `{call.method}` does not exist / 方法 `{call.method}` 不存在"
        )
    return await handler(call)


def decode_body(raw: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a JSON or form body.

    Raises:
        GatewayError: ``InvalidBody.Format`` when it is neither.
    """
    if content_type.partition(";")[0].strip().lower() == _FORM:
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise GatewayError("InvalidBody.Format", "the request body is not JSON / 请求体不是 JSON") from None
    if not isinstance(body, dict):
        raise GatewayError("InvalidBody.Format", "the request body is not a JSON object / 请求体不是 JSON 对象")
    return body


def decode_params(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object in the ``params`` text of a request body.

    Raises:
        GatewayError: ``InvalidParams.Format`` when it holds none.
    """
    text = body.get("params")
    if text is None or text == "":
        return {}
    params = _parse(text) if isinstance(text, str) else None
    if not isinstance(params, dict):
        raise GatewayError(
            "InvalidParams.Format", "`params` is not a JSON object in a string / `params` 应为 JSON 对象字符串"
        )
    return params


def _parse(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _parse_halved(text)


def _parse_halved(text: str) -> Any:
    """JSON with half of a surrogate pair in it, as JavaScript writes text that was cut through an emoji; ``None`` when
    that is not what is wrong with it.
    """
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-16", "surrogatepass")
        return orjson.loads(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return None


def _method(body: Mapping[str, Any]) -> str:
    method = body.get("method")
    if not isinstance(method, str) or not method:
        raise GatewayError("MissingMethod", "`method` is missing / 缺少参数 `method`")
    return method


def _gunzip(raw: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = decoder.decompress(raw, limit)
    except zlib.error:
        raise GatewayError("InvalidBody.Format", "the request body is not gzip") from None
    if decoder.unconsumed_tail:
        raise LimitExceeded(f"the request body is larger than {limit} bytes", limit=limit)
    return content


def _check_clock(clock: Clock, body: Mapping[str, Any], tolerance: int) -> None:
    try:
        seconds = int(body["timestamp"]) / 1000
    except (KeyError, TypeError, ValueError):
        raise GatewayError("MissingParams", "`timestamp` (milliseconds) is missing / 缺少参数 `timestamp`") from None
    if abs(clock.near(seconds) - seconds) > tolerance:
        raise GatewayError(
            "InvalidTimestamp.Expired",
            "the request's timestamp is too far from the server's clock; check the device's clock / 请求时间戳已过期，请检查设备时间",
        )


def _check_origin(space: Space, origin: str) -> None:
    """Only web pages send an origin; a space may name the ones that it serves (ENV-12)."""
    if not origin:
        return
    allowed = [entry.strip().rstrip("/") for entry in str(space.settings.get("cors_origins") or "*").split(",")]
    if not {"*", origin, origin.partition("://")[2]} & set(allowed):
        raise PermissionDenied(
            f"pages of {origin} may not call this space; add the origin to it / 该域名未加入跨域白名单"
        )


def _wrong_signature(secret: str) -> GatewayError:
    return GatewayError(
        "SignatureNotMatch",
        f"the signature does not match; check `{secret}` and `spaceId` / 签名不匹配，请检查 `{secret}` 和 `spaceId`",
    )
