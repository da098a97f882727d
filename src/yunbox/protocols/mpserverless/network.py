"""Methods beside users, functions, documents and files: what ``network.forward`` and the node SDK may send."""

from __future__ import annotations

from typing import Any

import orjson

from yunbox.errors import LimitExceeded
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.errors import GatewayError

MAX_REPORT_BYTES = 256 * 1024


async def proxy_request(call: Call) -> Any:
    """``httpProxyClient``: off, because it would let any holder of a key reach the server's own network."""
    raise GatewayError(
        "PermissionDenied",
        "the HTTP proxy is off on this server; call the address from a cloud function instead / 未开启 HTTP 代理，请在云函数中发起请求",
    )


async def redis_command(call: Call) -> Any:
    """``user.redisCli``: there is no Redis here."""
    raise GatewayError(
        "InvalidMethod.Format",
        "this server has no Redis; use a collection instead / 未提供 Redis 服务，请使用数据库集合",
    )


async def report_billing(call: Call) -> Any:
    """``user.report``: the usage a function's platform bills; nothing is billed here, so it is taken and dropped."""
    return True


async def report_analytics(call: Call) -> Any:
    """Sessions, pages and events that an analytics SDK sends through ``network.forward`` (USR-20, USR-21)."""
    size = len(orjson.dumps(call.params))
    if size > MAX_REPORT_BYTES:
        raise LimitExceeded(f"a report may have {MAX_REPORT_BYTES} bytes, not {size}", limit=MAX_REPORT_BYTES)
    call.services.statistics.keep(call.caller, call.params)
    return {"success": True}


METHODS: dict[str, Method] = {
    "serverless.http.proxy.request": proxy_request,
    "serverless.redis.cli": redis_command,
    "inner.method.billing.report": report_billing,
    "serverless.huoban.youmeng.network.forward": report_analytics,
}
