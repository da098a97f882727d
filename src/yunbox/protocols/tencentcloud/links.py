"""Links of our own, signed: to upload a function's package, and to download its code."""

from __future__ import annotations

import hmac
from urllib.parse import quote, unquote

from yunbox.errors import YunboxError
from yunbox.http import Request, Response
from yunbox.protocols.tencentcloud import packages
from yunbox.protocols.tencentcloud.addresses import PREFIX, Target
from yunbox.protocols.tencentcloud.code import packed
from yunbox.services import Services
from yunbox.spaces import Space

HOST = "links"
"""The first segment of their paths, where others have a host of the vendor."""
SECONDS = 600


def upload_link(services: Services, origin: str, space: Space, key: str) -> str:
    """Where the package ``key`` may be ``PUT``."""
    return _link(services, origin, "upload", space, key)


def download_link(services: Services, origin: str, space: Space, function: str, version: int) -> str:
    """Where the code of a version can be had as a zip."""
    return _link(services, origin, "code", space, f"{function}/{version}")


def _link(services: Services, origin: str, kind: str, space: Space, rest: str) -> str:
    until = int(services.clock()) + SECONDS
    path = f"{kind}/{space.id}/{rest}"
    query = f"until={until}&sign={_sign(services, path, until)}"
    return f"{origin}{PREFIX}{HOST}/{quote(path)}?{query}"


def _sign(services: Services, path: str, until: int) -> str:
    key = services.keyring.derive("tencentcloud links")
    return hmac.digest(key, f"{until}:{path}".encode(), "sha256").hex()


class Links:
    """Answers these links."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request, target: Target) -> Response:
        path = unquote(target.raw_path).removeprefix("/")
        if not self._is_ours(path, request.query):
            return _text(403, "the link has expired or was changed / 链接已过期或无效")
        kind, space_id, rest = path.split("/", 2)
        if space_id not in self._services.spaces:
            return _text(404, "the space does not exist any more / 空间不存在")
        try:
            return await self._answer(request, kind, self._services.spaces.get(space_id), rest)
        except YunboxError as error:
            return _text(400, error.message)

    async def _answer(self, request: Request, kind: str, space: Space, rest: str) -> Response:
        if kind == "upload" and request.method == "PUT":
            await packages.keep(space, rest, request.stream())
            return Response(b"", 200, "")
        if kind == "code" and request.method in ("GET", "HEAD"):
            function, _, version = rest.rpartition("/")
            body = await packed(self._services, space.id, function, int(version))
            return Response(body, content_type="application/zip")
        return _text(405, "this link is not for this method / 不支持的请求方法")

    def _is_ours(self, path: str, query: dict[str, str]) -> bool:
        until = query.get("until", "")
        if not (until.isascii() and until.isdigit() and len(until) <= 12):
            return False
        expected = _sign(self._services, path, int(until))
        given = query.get("sign", "").encode("utf-8", "replace")
        return hmac.compare_digest(expected.encode(), given) and int(until) >= self._services.clock()


def _text(status: int, message: str) -> Response:
    return Response(message.encode(), status, "text/plain; charset=utf-8")
