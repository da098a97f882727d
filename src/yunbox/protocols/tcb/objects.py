"""``/files/<bucket>/<key>``: uploads in the three styles of the SDKs, and downloads (tencent-server-wire.md §8)."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from yunbox.caller import Caller
from yunbox.errors import FileNotFound, InvalidRequest, LimitExceeded, PermissionDenied, SpaceNotFound, YunboxError
from yunbox.files import OpenFile, Sent, StoredFile, UploadTicket, check_key
from yunbox.http import ClientDisconnected, Receive, Request, Response, Route, Scope, Send
from yunbox.protocols.tcb.cors import allows, check_origin, cors_headers, preflight
from yunbox.services import Services
from yunbox.spaces import Space

MAX_PATH_BYTES = 850
"""Longest ``cloudPath`` (ST-3)."""

_log = logging.getLogger("yunbox.tcb.objects")
_BUCKET = re.compile(r"[0-9a-f]{4}-(?P<space>.+?)(?:-(?P<account>\d{6,}))?")
_ADDRESS = re.compile(r"https?://[^/]+/files/([^/?#]+)/([^?#]+)")
_FIELD_BYTES = 64 * 1024
_CHUNK = 256 * 1024
_KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "expires")
_ACTIVE_TYPES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")
"""What a browser would run as a page of this origin."""


class FileIds:
    """File ids of a space: ``cloud://<space>.<bucket>/<key>`` (ST-1).

    ``any_space`` takes ids of other environments for the space's own, as functions do (DESIGN §9.6).
    """

    def __init__(self, space: Space, *, any_space: bool = False) -> None:
        self._space = space
        self._any = any_space

    def encode(self, key: str) -> str:
        return f"cloud://{self._space.id}.{self._space.bucket}/{key}"

    def decode(self, file_id: str) -> str:
        """The key in a file id, or in the address of a file here; the bucket's account suffix may be missing.

        Raises:
            SpaceNotFound: when it belongs to another environment.
            FileNotFound: when it is not a file id, or the bucket is not the space's.
        """
        if address := _ADDRESS.match(file_id):
            self._check_place(self._space.id, address[1])
            return _stored_key(unquote(address[2]))
        match = re.fullmatch(r"cloud://([^./]+)\.([^/]+)/(.+)", file_id, re.DOTALL)
        if not match:
            raise FileNotFound(f"`{file_id[:100]}` is not a file id: cloud://ENV.BUCKET/PATH / fileID 格式错误")
        if not self._any:
            self._check_place(match[1], match[2])
        return match[3]

    def _check_place(self, env: str, bucket: str) -> None:
        if env != self._space.id:
            raise SpaceNotFound(f"the file belongs to the environment `{env}`, not to `{self._space.id}`")
        if bucket not in (self._space.bucket, self._space.bucket.rpartition("-")[0]):
            raise FileNotFound(f"the bucket `{bucket}` does not exist in `{self._space.id}`")

    def path(self, name: str) -> str:
        """The key that a file id or a plain path names."""
        return self.decode(name) if "://" in name else name.removeprefix("/")


def upload_metadata(
    services: Services, caller: Caller, path: str, *, origin: str = "", in_url: bool = False
) -> dict[str, Any]:
    """Where and with which ticket to upload a file: the ``data`` of ``storage.getUploadMetadata``.

    ``origin`` is where clients find this server, when it is known better than from the settings. ``in_url`` puts the
    ticket into the URL, for the mini-program builds that post bare bytes (tencent-client.md §2.4).

    Raises:
        InvalidRequest: for an unusable path.
        PermissionDenied: when the caller may not write the file.
    """
    ticket = services.files.prepare_upload(caller, check_key(path, MAX_PATH_BYTES))
    claims, signature = services.files.sign_ticket(ticket)
    space = services.spaces.get(caller.space)
    # A function runs beside the server, where the public name may not lead back here.
    place = services.address.local if caller.kind == "function" else origin or services.address.public
    address = place + quote(services.files.public_path(space, path), safe="/~")
    return {
        "url": f"{address}?ticket={claims}.{signature}" if in_url else address,
        "token": claims,
        "authorization": signature,
        "fileId": FileIds(space).encode(path),
        "cosFileId": ticket.id,
        "download_url": address,
    }


def routes(services: Services) -> list[Route]:
    return [Route("prefix", "/files/", ObjectApp(services))]


class ObjectApp:
    """The ASGI app behind ``/files/``."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._handle(request, send)
        except ClientDisconnected:
            return
        except YunboxError as error:
            _log.info("%s %s: %s", request.method, request.path, error)
            response = xml_error(error, request)
        except Exception:
            _log.exception("unhandled error in %s %s", request.method, request.path)
            response = xml_error(YunboxError("internal error / 服务器内部错误"), request)
        if response is not None:
            await response.send(send)

    async def _handle(self, request: Request, send: Send) -> Response | None:
        if request.method in ("GET", "HEAD"):
            return await self._download(request, send)
        if request.method in ("POST", "PUT"):
            return await self._upload(request)
        if request.method == "OPTIONS":
            return preflight(request)
        return Response(b"", 405, "", (("allow", "GET, HEAD, POST, PUT, OPTIONS"),))

    def _place(self, request: Request) -> tuple[Space, str]:
        """The space and the key that a path names; the key is ``""`` for the bucket itself."""
        bucket, _, key = request.path.removeprefix("/files/").partition("/")
        match = _BUCKET.fullmatch(bucket)
        space_id = match["space"] if match else ""
        if space_id not in self._services.spaces:
            raise FileNotFound("there is no such bucket / 存储桶不存在", bucket=True)
        space = self._services.spaces.get(space_id)
        if bucket not in (space.bucket, space.bucket.rpartition("-")[0]):
            raise FileNotFound("there is no such bucket / 存储桶不存在", bucket=True)
        return space, _stored_key(key)

    # Uploads

    async def _upload(self, request: Request) -> Response:
        stream = request.stream()
        async with aclosing(_remaining(stream)) as body:
            try:
                return await self._receive(request, body)
            except (YunboxError, MultipartError) as error:
                await self._drain(body)
                raise error if isinstance(error, YunboxError) else InvalidRequest(f"malformed form: {error}") from None

    async def _receive(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        if request.method == "POST" and request.header("content-type").startswith("multipart/form-data"):
            return await self._receive_form(request, body)
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        ticket = self._ticket(request, fields, unquote(fields.get("key", "")))
        stored = await self._services.files.receive(ticket, body, fields.get("content-type", ""), kept_headers(fields))
        return _stored(stored, 200, request)

    async def _receive_form(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        form = UploadForm(body, request.header("content-type"))
        await form.read_fields()
        ticket = self._ticket(request, form.fields, form.fields.get("key", ""))
        content_type = form.fields.get("content-type") or form.content_type
        stored = await self._services.files.receive(ticket, form.file(), content_type, kept_headers(form.fields))
        await form.finish()
        status = form.fields.get("success_action_status", "")
        return _stored(stored, int(status) if status in ("200", "201") else 204, request)

    def _ticket(self, request: Request, fields: Mapping[str, str], key: str) -> UploadTicket:
        claims, _, signature = request.query.get("ticket", "").partition(".")
        claims = fields.get("x-cos-security-token") or claims
        signature = fields.get("signature") or fields.get("authorization") or signature
        ticket = self._services.files.read_ticket(claims, signature)
        space, path = self._place(request)
        check_origin(space.settings, request)
        if ticket.space != space.id or ticket.key != (key or path):
            raise PermissionDenied("the upload ticket is for another file / 上传凭证与文件不匹配")
        return ticket

    async def _drain(self, body: AsyncIterator[bytes]) -> None:
        """Read what a client still sends, because it looks at the answer only afterwards; give up after twice the limit."""
        left = 2 * self._services.settings.max_upload_mb * 2**20
        async for chunk in body:
            left -= len(chunk)
            if left < 0:
                return

    # Downloads

    async def _download(self, request: Request, send: Send) -> Response | None:
        space, key = self._place(request)
        self._check_link(request, space, key)
        with self._services.files.downloading(space.id) as sent:
            opened = self._services.files.open(space.id, key)
            try:
                return await send_file(request, opened, _readers(space, request), send, sent)
            finally:
                opened.reader.close()

    def _check_link(self, request: Request, space: Space, key: str) -> None:
        query, files = request.query, self._services.files
        if "sign" in query:
            if not files.check_link(space.id, key, query["sign"], query.get("t", "")):
                raise PermissionDenied("the link has expired or was changed; ask for a new one / 链接已过期或无效")
        elif not files.is_public(space.id, key):
            raise PermissionDenied("this file needs a signed link: use getTempFileURL / 该文件需要带签名的链接")


class UploadForm:
    """A form whose file is not held in memory: its fields come first, then ``file`` (which ends the reading)."""

    def __init__(self, body: AsyncIterator[bytes], content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        self._events = self._parse(body, boundary)
        self.fields: dict[str, str] = {}
        self.content_type = ""

    async def _parse(self, body: AsyncIterator[bytes], boundary: str) -> AsyncIterator[MultipartSegment | bytes | None]:
        with PushMultipartParser(boundary, max_segment_count=100) as parser:
            async for chunk in body:
                for event in parser.parse(chunk):
                    yield event if event is None or isinstance(event, MultipartSegment) else bytes(event)

    async def read_fields(self) -> None:
        """Read up to the file. Field names are in lower case: the SDKs spell them both ways.

        Raises:
            InvalidRequest: when there is no file.
            LimitExceeded: when the fields are too large.
        """
        name, data = "", bytearray()
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                name = (event.name or "").lower()
                if name == "file":
                    self.content_type = event.content_type or ""
                    return
            elif event is None:
                self.fields[name] = data.decode("utf-8", "replace")
                data.clear()
            else:
                data += event
                if len(data) > _FIELD_BYTES:
                    raise LimitExceeded(f"the field `{name[:40]}` is too large")
        raise InvalidRequest("the form has no field `file` / 表单缺少 file")

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes of the file."""
        async for event in self._events:
            if event is None:
                return
            if isinstance(event, bytes):
                yield event

    async def finish(self) -> None:
        """Read what follows the file, so that the connection can be used again."""
        async for _ in self._events:
            pass


async def _remaining(stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """One shared view of the body, so that what a failed reader left can still be drained."""
    async for chunk in stream:
        yield chunk


def kept_headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers of an upload that downloads repeat; ``fields`` have names in lower case."""
    kept = {name: fields[name] for name in _KEPT_HEADERS if fields.get(name)}
    kept |= {n: v for n, v in fields.items() if n.startswith("x-cos-meta-") and n != "x-cos-meta-fileid" and v}
    return {name: value for name, value in kept.items() if value.isascii() and value.isprintable()}


def _stored(file: StoredFile, status: int, request: Request) -> Response:
    return Response(b"", status, "", (("etag", file.etag), *cors_headers(request)))


def _stored_key(path: str) -> str:
    """The key behind the path of an address; ``~/`` stands before keys in hexadecimal."""
    if not path.startswith("~/"):
        return path
    try:
        return bytes.fromhex(path[2:]).decode()
    except ValueError:
        raise FileNotFound("there is no such file / 文件不存在") from None


# Sending


def _readers(space: Space, request: Request) -> list[tuple[str, str]]:
    """What lets a page's scripts read a file; images and links of other pages show it all the same."""
    return cors_headers(request) if allows(space.settings, request.header("origin")) else [("vary", "Origin")]


async def send_file(
    request: Request, opened: OpenFile, cors: list[tuple[str, str]], send: Send, sent: Sent
) -> Response | None:
    """Send a file, or the part and under the conditions that ``request`` asks for; what has still to be sent."""
    file = opened.file
    headers = [*_download_headers(file), *cors]
    if file.etag in request.header("if-none-match") or request.header("if-none-match") == "*":
        return Response(b"", 304, "", headers)
    span = _range(request, file)
    if span is None:
        return Response(b"", 416, "", (*headers, ("content-range", f"bytes */{file.size}")))
    start, end, partial = span
    if partial:
        headers.append(("content-range", f"bytes {start}-{end - 1}/{file.size}"))
    headers += [("content-length", str(end - start)), ("content-type", file.content_type)]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": 206 if partial else 200, "headers": raw})
    with suppress(OSError):  # the client went away
        await _send_body(opened, start, end if request.method == "GET" else start, send, sent)
    return None


async def _send_body(opened: OpenFile, start: int, end: int, send: Send, sent: Sent) -> None:
    while end - start > _CHUNK:
        chunk = await asyncio.to_thread(opened.reader.read, start, _CHUNK)
        start += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        sent.add(len(chunk))
    last = opened.reader.read(start, end - start) if end > start else b""
    await send({"type": "http.response.body", "body": last})
    if last:
        sent.add(len(last))


def _download_headers(file: StoredFile) -> list[tuple[str, str]]:
    headers = [
        ("etag", file.etag),
        ("last-modified", formatdate(file.modified_at / 1000, usegmt=True)),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ]
    kept = dict(file.headers)
    if file.content_type.partition(";")[0].strip().lower() in _ACTIVE_TYPES:
        kept.setdefault("content-disposition", "attachment")
    return headers + list(kept.items())


def _range(request: Request, file: StoredFile) -> tuple[int, int, bool] | None:
    """The bytes to send: (start, end, partial), or ``None`` when the range lies outside the file.

    Several ranges in one request are answered with the whole file, as RFC 9110 §14.2 allows.
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.header("range").replace(" ", ""))
    condition = request.header("if-range")
    if not match or not (match[1] or match[2]) or (condition and condition != file.etag):
        return 0, file.size, False
    if not match[1]:
        length = min(int(match[2]), file.size)
        return (file.size - length, file.size, True) if length else None
    start = int(match[1])
    end = min(int(match[2]) + 1, file.size) if match[2] else file.size
    if start >= file.size:
        return None
    return (start, end, True) if end > start else (0, file.size, False)


# Errors

_XML_CODES: dict[str, tuple[int, str]] = {
    "unauthenticated": (403, "SignatureDoesNotMatch"),
    "permission_denied": (403, "AccessDenied"),
    "file_not_found": (404, "NoSuchKey"),
    "space_not_found": (404, "NoSuchBucket"),
    "already_exists": (409, "FileAlreadyExists"),
    "limit_exceeded": (413, "EntityTooLarge"),
    "quota_exceeded": (403, "QuotaExceeded"),
    "invalid_request": (400, "InvalidArgument"),
}


def xml_error(error: YunboxError, request: Request) -> Response:
    """A failure in the form of COS; the SDKs need all four elements."""
    status, code = _XML_CODES.get(error.code, (500, "InternalError"))
    if error.data.get("bucket"):
        code = "NoSuchBucket"
    if error.data.get("expired"):
        code = "AccessDenied"
    trace = secrets.token_hex(12)
    text = (
        "<?xml version='1.0' encoding='utf-8' ?>\n"
        f"<Error>\n\t<Code>{code}</Code>\n\t<Message>{escape(error.message)}</Message>\n"
        f"\t<RequestId>{trace}</RequestId>\n\t<TraceId>{trace}</TraceId>\n</Error>\n"
    )
    return Response(text.encode(), status, "application/xml", cors_headers(request))
