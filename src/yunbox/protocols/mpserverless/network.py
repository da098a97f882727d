"""Methods beside users, functions, documents and files: what ``network.forward`` and the node SDK may send."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from yunbox.errors import LimitExceeded, PermissionDenied
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.errors import GatewayError

MAX_REPORT_BYTES = 256 * 1024
MAX_PROXIED_BYTES = 6 * 2**20
PROXY_SECONDS = 10


async def proxy_request(call: Call) -> dict[str, Any]:
    """``httpProxyClient`` of servers and functions: a request to a host on the space's list, which is empty at first,
    because a proxy reaches the server's own network too. Redirects are answered, not followed.
    """
    url, method = call.text("url"), call.text("method", "GET").upper()
    host = urlsplit(url).netloc.rpartition("@")[2]
    allowed = {name.strip() for name in str(call.space.settings.get("http_proxy_hosts") or "").split(",")} - {""}
    if not call.caller.is_admin or host not in allowed or urlsplit(url).scheme not in ("http", "https"):
        raise PermissionDenied(
            f"the HTTP proxy may not reach `{host}`; allow it with `yunbox space set {call.space.id} http_proxy_hosts={host}`"
            " / 未允许通过 HTTP 代理访问该域名"
        )
    headers = {str(name): str(value) for name, value in call.mapping("headers").items()}
    body = call.params.get("body")
    content = body if isinstance(body, str | None) else orjson.dumps(body).decode()
    try:
        async with (
            httpx.AsyncClient(timeout=PROXY_SECONDS) as client,
            client.stream(method, url, headers=headers, content=content) as answer,
        ):
            return {"status": answer.status_code, "headers": dict(answer.headers), "body": await _text(answer)}
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GatewayError(
            "HttpProxyError", f"`{host}` did not answer: {type(error).__name__} / 代理请求失败"
        ) from None


async def _text(answer: httpx.Response) -> str:
    chunks = bytearray()
    async for chunk in answer.aiter_bytes():
        chunks += chunk
        if len(chunks) > MAX_PROXIED_BYTES:
            raise LimitExceeded(f"the answer is larger than {MAX_PROXIED_BYTES} bytes", limit=MAX_PROXIED_BYTES)
    return chunks.decode("utf-8", "replace")


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
