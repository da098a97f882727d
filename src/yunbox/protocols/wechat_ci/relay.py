"""Calls on behalf of the space: the cloud API relayed or signed for, and keys for its buckets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.protocols.tencentcloud.addresses import REGION
from yunbox.protocols.tencentcloud.endpoint import Asked
from yunbox.protocols.tencentcloud.signing import authorization
from yunbox.protocols.wechat_ci.call import Call, CiError, Handler

_SERVICES = ("tcb", "scf", "flexdb")
_KEY_SECONDS = 1800
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9-]{1,64}")


async def attributes(call: Call) -> dict[str, Any]:
    """What is special about the app: nothing."""
    return {"data": {"platform": False, "appType": 0, "isSandbox": False, "released": True}}


async def agent(call: Call) -> dict[str, Any]:
    """Relay one action of the cloud API; its answer is JSON text."""
    asked = call.part("agentReq")
    try:
        values = orjson.loads(str(asked.get("postdata") or "{}"))
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise CiError(-1, "postdata is not a JSON object / postdata 格式错误")
    version, action = str(asked.get("version") or ""), str(asked.get("action") or "")
    answer = await call.api.relay(call.caller, Asked(_service(asked), version, action, values, call.origin))
    return {"data": {"base_resp": {"ret": 0}, "content": orjson.dumps(answer).decode()}}


async def sign(call: Call) -> dict[str, Any]:
    """The headers of one request to the cloud API that the script sends itself, because it carries a function's code."""
    asked = call.part("signReq")
    service, digest = _service(asked), str(asked.get("hashed_postdata") or "")
    if not _DIGEST.fullmatch(digest):
        raise CiError(-1, "hashed_postdata is no SHA-256 / hashed_postdata 格式错误")
    host, now = f"{service}.tencentcloudapi.com", int(call.services.clock())
    headers = {
        "Authorization": authorization(call.space.secret_id, call.space.secret_key, service, host, digest, now),
        "Content-Type": "application/json",
        "Host": host,
        "X-TC-Action": _word(asked, "action"),
        "X-TC-Version": _word(asked, "version"),
        "X-TC-Region": REGION,
        "X-TC-Timestamp": str(now),
    }
    return {"header": "\n".join(f"{name}:{value}" for name, value in headers.items())}


async def bucket(call: Call) -> dict[str, Any]:
    """Keys for the space's buckets, or marks for the files that go there."""
    asked, action = call.part("agentReq"), call.values.get("action")
    if action == "CLOUD_ROUTE_GETCOSAUTH":
        return {"data": {"content": orjson.dumps({"Response": _keys(call)}).decode()}}
    if action == "CLOUD_ROUTE_GETCOSMETA":
        paths = asked.get("paths")
        marks = [secrets.token_hex(16) for _ in paths] if isinstance(paths, list) else []
        return {"data": {"data": orjson.dumps({"x_cos_meta_field_strs": marks}).decode()}}
    raise CiError(-1, f"the action `{str(action)[:60]}` is not known / 未知的 action")


ACTIONS: dict[str, Handler] = {
    "cloudapihttpagent": agent,
    "cloudcosupload": bucket,
    "getattr": attributes,
    "getqcloudapisignature": sign,
}


def _keys(call: Call) -> dict[str, Any]:
    caller = Caller("function", call.space.id, source="server", client_ip=call.caller.client_ip)
    issued = call.services.functions.capabilities.issue(caller, _KEY_SECONDS)
    keys = {"Token": issued.token, "TmpSecretId": issued.secret_id, "TmpSecretKey": issued.secret_key}
    return {"Credentials": keys, "ExpiredTime": int(call.services.clock()) + _KEY_SECONDS}


def _service(asked: Mapping[str, Any]) -> str:
    service = asked.get("service")
    if service not in _SERVICES:
        raise CiError(-1, f"the service must be one of {', '.join(_SERVICES)} / 不支持的服务")
    return str(service)


def _word(asked: Mapping[str, Any], name: str) -> str:
    """A text that cannot bring a header of its own."""
    value = asked.get(name)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise CiError(-1, f"`{name}` is missing or malformed / 参数 `{name}` 错误")
    return value
