"""Visitors of static web sites: ``/hosting/<space>/<path>``."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from urllib.parse import quote

from yunbox.errors import PermissionDenied, QuotaExceeded, YunboxError
from yunbox.files.service import OpenFile
from yunbox.http import Receive, Request, Response, Scope, Send
from yunbox.services import Services

PREFIX = "/hosting/"
_CHUNK = 2**20
# Sites share the server's origin with its console, so their pages run in an origin of their own.
_SAFETY = (
    ("content-security-policy", "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"),
    ("x-content-type-options", "nosniff"),
)


class SiteApp:
    """An ASGI app that sends pages."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._handle(request, send)
        except PermissionDenied as error:
            response = _text(403, error.message)
        except QuotaExceeded as error:
            response = _text(429, error.message)
        except YunboxError as error:
            response = _text(404, error.message)
        if response is not None:
            await response.send(send)

    async def _handle(self, request: Request, send: Send) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            return _text(405, "only GET and HEAD / 仅支持 GET 与 HEAD")
        space_id, slash, path = request.path.removeprefix(PREFIX).partition("/")
        self._services.spaces.get(space_id)
        if not slash:
            return Response(b"", 302, "", (("location", f"{PREFIX}{quote(space_id)}/"),))
        page = self._services.sites.page(space_id, path, request.client_ip)
        if page.opened is None:
            return Response(b"", page.status, "", (("location", quote(page.location)),))
        try:
            return await self._send_page(space_id, request, page.opened, page.status, send)
        finally:
            page.opened.reader.close()

    async def _send_page(
        self, space_id: str, request: Request, opened: OpenFile, status: int, send: Send
    ) -> Response | None:
        file = opened.file
        headers = [
            *_SAFETY,
            ("etag", file.etag),
            ("last-modified", formatdate(file.modified_at / 1000, usegmt=True)),
            *file.headers.items(),
        ]
        if status == 200 and file.etag in request.header("if-none-match"):
            return Response(b"", 304, "", headers)
        headers += [("content-length", str(file.size)), ("content-type", file.content_type)]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        sent = 0
        try:
            for start in range(0, file.size if request.method == "GET" else 0, _CHUNK):
                chunk = await asyncio.to_thread(opened.reader.read, start, min(_CHUNK, file.size - start))
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                sent += len(chunk)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._services.sites.sent(space_id, sent)
        return None


def _text(status: int, message: str) -> Response:
    return Response(message.encode(), status, "text/plain; charset=utf-8", _SAFETY)
