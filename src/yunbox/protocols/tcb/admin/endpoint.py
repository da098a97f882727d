"""``POST <any prefix>/admin``: every action of every server SDK. Always answers HTTP 200 (tencent-server-wire.md §3)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import orjson
from msgspec import structs

from yunbox.errors import DuplicateKey, PermissionDenied, SpaceNotFound, YunboxError
from yunbox.http import Handler as HttpHandler
from yunbox.http import Request, Response
from yunbox.protocols.metering import measure
from yunbox.protocols.tcb.admin.actions import ACTIONS
from yunbox.protocols.tcb.admin.authentication import authenticate
from yunbox.protocols.tcb.admin.call import Call
from yunbox.protocols.tcb.admin.envelope import Envelope, check_size, read_json, read_multipart
from yunbox.protocols.tcb.admin.wechat import WeChatApi
from yunbox.protocols.tcb.errors import VendorError, vendor_error
from yunbox.services import Services
from yunbox.tools.random_names import random_hex

_log = logging.getLogger("yunbox.tcb.admin")


def admin_endpoint(services: Services) -> HttpHandler:
    """The handler of ``/admin``."""
    wechat = WeChatApi(services.settings.wechat_api_url)

    async def handle(request: Request) -> Response:
        request_id = random_hex()
        envelope: Envelope | None = None
        try:
            envelope, size = await _read(services, request)
            return await _answer(services, wechat, request, envelope, size, request_id)
        except YunboxError as error:
            action = envelope.action if envelope else ""
            _log.info("%s %s: %s", request_id, action, error)
            return failure(_for_sdk(error, action, request), request_id)
        except Exception:
            _log.exception("%s: unhandled error in %s", request_id, envelope.action if envelope else "/admin")
            return failure(VendorError("SYS_ERR", "internal error / 服务器内部错误"), request_id)

    return handle


_SHARED = ("database.", "storage.", "functions.invoke")
"""What callers from other environments may ask for; services see that it is granted."""


_BIG = 2**18
"""Bytes of a body above which parsing it and checking its signature, value by value, would keep everybody else waiting."""

_T = TypeVar("_T")


async def _beside(size: int, work: Callable[[], _T]) -> _T:
    return work() if size < _BIG else await asyncio.to_thread(work)


async def _read(services: Services, request: Request) -> tuple[Envelope, int]:
    """The envelope, and how many bytes it was."""
    content_type = request.header("content-type")
    limit = services.settings.max_body_mb * 2**20
    if content_type.startswith("multipart/form-data"):
        # tcb-admin-node up to 1.6 sends whole files in here.
        upload = services.settings.max_upload_mb * 2**20
        form = await request.body(max(limit, upload + 2**20))
        return await _beside(len(form), partial(read_multipart, form, content_type)), len(form)
    body = await request.body(limit)
    check_size(body, limit)
    return await _beside(len(body), partial(read_json, body)), len(body)


async def _answer(
    services: Services, wechat: WeChatApi, request: Request, envelope: Envelope, size: int, request_id: str
) -> Response:
    caller = await _beside(size, partial(authenticate, services, request, envelope))
    handler = ACTIONS.get(envelope.action)
    if handler is None:
        return failure(
            VendorError("INVALID_PARAM", f"unknown action `{envelope.action[:100]}` / 未知的接口"), request_id
        )
    if caller.grantee is not None and not envelope.action.startswith(_SHARED):
        raise PermissionDenied("other environments reach documents, files and functions only / 共享环境不支持此接口")
    call = Call(
        services,
        structs.replace(caller, request_id=caller.request_id or request_id),
        request,
        envelope.values,
        request_id,
        wechat,
        envelope.content_types,
    )
    started, sent = time.perf_counter(), -1
    try:
        reply = await handler(call)
        response = reply if isinstance(reply, Response) else success(reply, request_id)
        sent = len(response.body)
        return response
    finally:
        measure(services, call.caller, envelope.action, failed=sent < 0, started=started, sent=max(sent, 0))


def success(reply: dict[str, Any], request_id: str) -> Response:
    """A JSON answer; its content type is compared literally by the SDKs' ``wx.openApi``."""
    return Response(orjson.dumps({"requestId": request_id, **reply}))


def failure(error: VendorError, request_id: str) -> Response:
    return Response(orjson.dumps({"requestId": request_id, "code": error.code, "message": error.message}))


def _for_sdk(error: YunboxError, action: str, request: Request) -> VendorError:
    """The vendor's error, in the spelling that the asking SDK knows (semantics.md §16.2)."""
    known = vendor_error(error, action)
    sdk, agent = request.header("x-sdk-version"), request.header("user-agent")
    is_wx = sdk.startswith("wx-server-sdk/") or (agent.startswith("tcb-admin-sdk/") and not agent.endswith("/1.23.0"))
    if isinstance(error, SpaceNotFound) and is_wx:
        return replace(known, code="INVALIID_ENV")
    if isinstance(error, DuplicateKey) and not is_wx:
        return replace(known, code="DATABASE_DUPLICATE_WRITE")
    return known
