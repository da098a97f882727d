"""``/wxa/ci/*``: what npm's ``miniprogram-ci`` asks for to upload cloud functions and files (``cloud.uploadFunction``,
``createTimeTrigger``, ``uploadStorage``, ``uploadStaticStorage``). Uploads of pages stay with the vendor.

Source: miniprogram-ci@2.1.42, ``dist/ci/cloud`` and ``dist/utils/sign.js``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import YunboxError
from yunbox.http import ClientDisconnected, Request, Response, Route, endpoint, json_response
from yunbox.protocols.tcb.origins import public_origin
from yunbox.protocols.tencentcloud.endpoint import CloudApi
from yunbox.protocols.wechat_ci import relay
from yunbox.protocols.wechat_ci.call import Call, CiError, Handler
from yunbox.protocols.wechat_ci.signatures import Signatures
from yunbox.services import Services

PREFIX = "/wxa/ci/"
_log = logging.getLogger("yunbox.wechat_ci")

ACTIONS: dict[str, Handler] = relay.ACTIONS
"""Every call that is signed, by the last part of its path."""


class CiApi:
    """Answers these calls; every answer is HTTP 200 with ``errCode``, 0 when it went well."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._signatures = Signatures(services)
        self._api = CloudApi(services)

    async def handle(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX)
        try:
            content = await self._answer(request, name)
        except ClientDisconnected:
            raise
        except CiError as error:
            content = {"errCode": error.number, "errMsg": error.message}
        except YunboxError as error:
            content = {"errCode": -1, "errMsg": error.message}
        except Exception:
            _log.exception("unhandled error in %s", request.path)
            content = {"errCode": -1, "errMsg": "internal error / 服务器内部错误"}
        return json_response({"errCode": 0, "errMsg": "", **content})

    async def _answer(self, request: Request, name: str) -> dict[str, Any]:
        values = _values(await request.body(self._services.settings.max_body_mb * 2**20))
        app_id = str(values.get("appid") or "")
        if name == "getrandstr":
            return {"data": {"randomString": self._signatures.random_string(app_id)}}
        handler = ACTIONS.get(name)
        if handler is None:
            raise CiError(
                -1,
                f"`{name[:40]}` is the vendor's: upload and preview pages without `yunbox exec` / 上传页面请直接使用官方服务",
            )
        space = self._signatures.verify(app_id, str(values.get("signature") or ""))
        caller = Caller("admin", space.id, source="server", client_ip=request.client_ip)
        origin = public_origin(self._services, caller, request)
        return await handler(Call(self._services, self._api, space, caller, values, origin))


def _values(body: bytes) -> Mapping[str, Any]:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise CiError(-1, "the body is not a JSON object / 请求体不是 JSON 对象")
    return values


def routes(services: Services) -> list[Route]:
    """Where this protocol answers."""
    return [Route("prefix", PREFIX, endpoint(CiApi(services).handle))]
