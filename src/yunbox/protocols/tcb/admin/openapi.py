"""``wx.*``: open API calls in protobuf, cloud pay, and the signatures that WeChat's servers make (tencent-server-wire.md §7)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any

import orjson

from yunbox.errors import FunctionNotFound, InvalidRequest
from yunbox.http import Response
from yunbox.protocols.tcb.admin import protobuf
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.admin.recording import keep
from yunbox.protocols.tcb.admin.simulation import simulate, simulate_open_data, simulate_payment
from yunbox.protocols.tcb.admin.wechat import Answer, App
from yunbox.protocols.tcb.errors import NUMBERS
from yunbox.protocols.tcb.sharing import SharingDenied, enter
from yunbox.protocols.tcb.values import parse

NO_SUCH_API = -604100
NO_PERMISSION = -604101
CROSS_SECONDS = 7200
"""How long the credentials for a shared environment hold; what is granted is looked up at every use."""
_OPEN, _SVRKIT, _TOKEN = 0, 2, 3
_BINARY = "application/octet-stream"


async def open_api(call: Call) -> Reply:
    """``cloud.openapi.*``, getOpenData, getVoIPSign, getCloudCallSign and cross-account tokens."""
    name = call.text("apiName")
    request = protobuf.read(_binary(call, "requestData"))
    kind = request.get(1, [_OPEN])[-1]
    if kind == _OPEN:
        return _open_reply(await _open(call, name, protobuf.message(request, 2)))
    if kind == _SVRKIT:
        inner = protobuf.message(request, 4)
        return _inner_reply(await _svrkit(call, protobuf.text(inner, 1) or name, protobuf.message(inner, 2)))
    if kind == _TOKEN:
        return await _cross_token(call, protobuf.text(protobuf.message(request, 5), 2))
    raise InvalidRequest(f"unknown kind {kind!r} of open API call / 未知的云调用类型")


async def _open(call: Call, name: str, data: dict[int, list[protobuf.Value]]) -> Answer | int:
    """The API's answer, or the number of what forbids it."""
    app, arguments = _app(call), dict(_arguments(data))
    answer = await _ask(call, app, name, arguments) if _permitted(call, name) else NO_PERMISSION
    await keep(call, name, arguments, answer, simulated=app is None)
    return answer


async def _ask(call: Call, app: App | None, name: str, arguments: dict[str, Any]) -> Answer | int:
    if app is None:
        return simulate(call, name)
    return await call.wechat.call(app, name, arguments) if call.wechat.knows(name) else NO_SUCH_API


def _app(call: Call) -> App | None:
    """The registered mini program that the caller belongs to, or the only one of the space."""
    apps = {app_id: config for _, app_id, config in call.services.spaces.apps(call.caller.space, "wechat")}
    app_id = call.caller.app_id if call.caller.app_id in apps else next(iter(apps)) if len(apps) == 1 else None
    secret = str(apps[app_id].get("secret") or "") if app_id else ""
    return App(app_id, secret) if app_id and secret else None


def _arguments(data: dict[int, list[protobuf.Value]]) -> Iterable[tuple[str, Any]]:
    for pair in data.get(1, []):
        fields = protobuf.read(pair if isinstance(pair, bytes) else b"")
        value = fields.get(2, [b""])[-1]
        yield protobuf.text(fields, 1), value if 4 in fields else parse(value if isinstance(value, bytes) else b"null")


def _permitted(call: Call, name: str) -> bool:
    """Whether the calling function's ``config.json`` lists the API; without a list every API may be called."""
    if call.caller.function is None:
        return True
    try:
        permissions = call.services.functions.get(call.caller.space, call.caller.function).permissions
    except FunctionNotFound:
        return False
    listed = permissions.get("openapi")
    return name in listed if isinstance(listed, list) else True


async def _cross_token(call: Call, env: str) -> Response:
    """Credentials for a shared environment: ``new cloud.Cloud({resourceAppid, resourceEnv}).init()``."""
    if not env:
        raise InvalidRequest("resourceEnv is missing / 缺少 resourceEnv")
    try:
        entered, _ = await enter(call.services, call.caller, env)
    except SharingDenied as error:
        return _protobuf([(3, NUMBERS[error.vendor_code])])
    made = call.services.functions.capabilities.issue(entered, CROSS_SECONDS)
    credentials = protobuf.write([(1, made.secret_id), (2, made.secret_key), (3, made.token)])
    return _inner_reply(protobuf.write([(1, credentials), (2, b"yunbox")]))


def _open_reply(answer: Answer | int) -> Response:
    if isinstance(answer, int):
        return _protobuf([(3, answer)])
    return _protobuf([(1, answer.body), (2, answer.content_type), (3, 0), (4, 200)])


async def _svrkit(call: Call, name: str, data: dict[int, list[protobuf.Value]]) -> bytes:
    """Calls that only WeChat's own servers can answer: always simulated."""
    listed = [item.decode("utf-8", "replace") for item in data.get(2, []) if isinstance(item, bytes)]
    if name == "ApiGetOpenDataByCloudId":
        found = [(cloud_id, simulate_open_data(call, cloud_id)) for cloud_id in listed]
        await keep(call, "getOpenData", {"list": listed}, [parse(data) for _, data in found])
        return protobuf.write([(1, protobuf.write([(1, cloud_id), (2, data)])) for cloud_id, data in found])
    if name == "ApiVoipSign":
        parts = [call.caller.app_id or "", *(protobuf.text(data, field) for field in (2, 3, 4))]
        signature = _signature(call, "voip", parts)
        await keep(call, "getVoIPSign", dict(zip(("groupId", "timestamp", "nonce"), parts[1:], strict=True)), {})
        return protobuf.write([(1, signature)])
    if name == "GetCloudCallSign":
        await keep(call, "getCloudCallSign", {"list": listed}, {})
        return protobuf.write([(1, _signature(call, "cloud call", listed))])
    raise InvalidRequest(f"unknown service call `{name[:60]}` / 未知的云调用")


def _signature(call: Call, purpose: str, parts: Iterable[str]) -> str:
    """Only WeChat can make the real signature; this one is stable, so that code around it can be tested."""
    key = call.services.keyring.derive(f"{purpose} signatures of {call.caller.space}")
    return hmac.new(key, "\n".join(parts).encode(), "sha1").hexdigest()


def _inner_reply(data: bytes) -> Response:
    return _protobuf([(1, data), (3, 0), (6, 0)])


def _protobuf(fields: Iterable[tuple[int, int | bytes | str]]) -> Response:
    return Response(protobuf.write(fields), content_type=_BINARY)


def _binary(call: Call, name: str) -> bytes:
    value = call.values.get(name)
    if not isinstance(value, bytes):
        raise InvalidRequest(f"the part `{name}` is missing / 缺少 {name}")
    return value


async def wx_api(call: Call) -> Reply:
    """The deprecated ``callOpenAPI``: JSON in and out."""
    name = call.text("apiName")
    data = parse(call.optional_text("requestData") or "{}")
    arguments, app = data if isinstance(data, dict) else {}, _app(call)
    known = app is not None and call.wechat.knows(name)
    answer = await call.wechat.call(app, name, arguments) if app and known else simulate(call, name)
    await keep(call, name, arguments, answer, simulated=not known)
    return {"data": {"responseData": answer.body.decode("utf-8", "replace")}}


async def pay_api(call: Call) -> Reply:
    """``cloudPay.*``: JSON bytes in and out."""
    data, name = parse(_binary(call, "requestData") or b"{}"), call.text("apiName")
    arguments = data if isinstance(data, dict) else {}
    answer = simulate_payment(call, name, arguments)
    await keep(call, f"cloudPay.{name}", arguments, answer)
    return Response(
        orjson.dumps({**answer, "simulated": True, "time": int(call.services.clock())}), content_type=_BINARY
    )


async def container_api(call: Call) -> Reply:
    """Container calls through WeChat: nothing here runs containers."""
    raise InvalidRequest(
        "containers are not configured: this server runs functions; call a function instead / 此服务未配置云托管，请改用云函数"
    )


ACTIONS: dict[str, Handler] = {
    "wx.api": wx_api,
    "wx.openApi": open_api,
    "wx.wxCallContainerApi": container_api,
    "wx.wxPayApi": pay_api,
}
