"""The upload host: an OSS-style form post to ``/oss/<space>`` (aliyun-wire.md §6.1).

The form's fields come before the file, and everything they prove is checked before a byte of the file is stored. Errors
are JSON, because OSS's XML hangs SDK 2.x and an empty 403 counts as success in 3.x.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import multipart
import orjson

from yunbox.errors import LimitExceeded, PermissionDenied, QuotaExceeded, Unauthenticated, YunboxError
from yunbox.files.service import FileService
from yunbox.files.sites import SUFFIX
from yunbox.files.tickets import UploadTicket
from yunbox.http import JSON, Request, Response
from yunbox.protocols.mpserverless.addresses import UPLOAD_PREFIX
from yunbox.services import Services
from yunbox.spaces import Space

MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS = 100
_KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "expires")
_META = "x-oss-meta-"
_CORS = (("Access-Control-Allow-Origin", "*"),)
_PREFLIGHT = (
    *_CORS,
    ("Access-Control-Allow-Methods", "POST, GET, OPTIONS"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "86400"),
)
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNSAFE_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff]")


class UploadRefused(YunboxError):
    """A form that is not accepted; ``status`` and ``oss_code`` are what the client sees."""

    def __init__(self, status: int, oss_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.oss_code = oss_code


@dataclass(slots=True)
class Form:
    """The fields before the file (names in lower case), the file's part and the stream of its bytes.

    ``metadata`` holds the ``x-oss-meta-…`` fields under the app's own spelling of what follows the prefix.
    """

    fields: dict[str, str]
    metadata: dict[str, str]
    file: multipart.MultipartSegment
    content: AsyncIterator[bytes]


def sign(services: Services, space: Space, ticket: UploadTicket) -> dict[str, str]:
    """``policy``, ``signature`` and ``accessKeyId`` that allow the one upload of ``ticket`` into the space's files."""
    return sign_form(services, space.id, ticket, services.files.sign_ticket(ticket))


def sign_form(services: Services, space_id: str, ticket: UploadTicket, signed: tuple[str, str]) -> dict[str, str]:
    """The same for a ticket that the files or the site of the space signed."""
    expires = datetime.fromtimestamp(ticket.expires_at, UTC)
    policy = {
        "expiration": f"{expires:%Y-%m-%dT%H:%M:%S}.000Z",
        "conditions": [["eq", "$key", ticket.key], ["content-length-range", 0, ticket.max_size]],
        "ticket": signed,
        "site": ticket.space != space_id,
    }
    encoded = base64.b64encode(orjson.dumps(policy)).decode()
    return {
        "policy": encoded,
        "signature": _signature(services, space_id, encoded),
        "accessKeyId": f"STS.{space_id}",
    }


class UploadHost:
    """Answers form posts, and sends downloads of old builds to where files are."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """``POST`` stores the file of a form, ``PUT …/<key>`` the body, ``GET …/<key>`` leads to a stored file."""
        if request.method == "OPTIONS":
            return Response(b"", 204, "", _PREFLIGHT)
        space_id, _, key = request.path.removeprefix(UPLOAD_PREFIX).partition("/")
        if request.method in ("GET", "HEAD"):
            return self._redirect(space_id, key)
        stream = request.stream()
        try:
            if request.method == "PUT":
                return await self._put(request, space_id, key, stream)
            return await self._store(request, space_id, stream)
        except YunboxError as error:
            await _drain(stream, self._services.settings.max_upload_mb * 2**21)
            return _refusal(error)

    def _redirect(self, space_id: str, key: str) -> Response:
        try:
            space = self._services.spaces.get(space_id)
        except YunboxError as error:
            return _refusal(error)
        location = quote(self._services.files.public_path(space, key))
        return Response(b"", 302, "", (("Location", location), *_CORS))

    async def _store(self, request: Request, space_id: str, stream: AsyncIterator[bytes]) -> Response:
        form = await read_form(request.header("content-type"), stream)
        files, ticket = self._ticket(space_id, form.fields)
        content_type = form.fields.get("content-type") or form.file.content_type or ""
        await files.receive(ticket, form.content, content_type, _kept_headers(form))
        return _accepted(form.fields)

    async def _put(self, request: Request, space_id: str, key: str, stream: AsyncIterator[bytes]) -> Response:
        """Store the body under a URL that the OpenAPI signed. The content type is part of what was signed."""
        query = request.query
        ticket = self._services.files.read_ticket(query.get("Ticket", ""), query.get("Signature", ""))
        content_type = request.header("content-type")
        if ticket.space != space_id or ticket.key != key:
            raise UploadRefused(403, "AccessDenied", "the URL is not the one that was signed / 上传地址与签名时不一致")
        if ticket.content_type and ticket.content_type != content_type:
            raise UploadRefused(
                403, "SignatureDoesNotMatch", f"send Content-Type {ticket.content_type} / Content-Type 与签名时不一致"
            )
        file = await self._services.files.receive(ticket, stream, content_type)
        return Response(b"", 200, "", (("ETag", file.etag), *_CORS))

    def _ticket(self, space_id: str, fields: Mapping[str, str]) -> tuple[FileService, UploadTicket]:
        """What the form may store, and where: among the space's files or on its site."""
        policy_text = fields.get("policy", "")
        given = fields.get("signature", "").encode()
        if not hmac.compare_digest(_signature(self._services, space_id, policy_text).encode(), given):
            raise UploadRefused(
                403, "SignatureDoesNotMatch", "the form's signature does not match its policy / 上传签名不匹配"
            )
        files, ticket = self._read_policy(policy_text)
        if ticket.space.removesuffix(SUFFIX) != space_id or fields.get("key") != ticket.key:
            raise UploadRefused(
                403, "AccessDenied", "the form's key is not the one that was reserved / 上传路径与签名时不一致"
            )
        return files, ticket

    def _read_policy(self, policy_text: str) -> tuple[FileService, UploadTicket]:
        try:
            policy = orjson.loads(base64.b64decode(policy_text))
            claims, signature = policy["ticket"]
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise UploadRefused(403, "InvalidPolicyDocument", "the policy cannot be read / 上传策略无法识别") from None
        files = self._services.sites.files if policy.get("site") else self._services.files
        return files, files.read_ticket(claims, signature)


async def read_form(content_type: str, stream: AsyncIterator[bytes]) -> Form:
    """The form as far as the first part called ``file``.

    Raises:
        UploadRefused: when the body is no such form, or its fields are too long.
    """
    kind, options = multipart.parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise UploadRefused(400, "MalformedPOSTRequest", "the body must be multipart/form-data with a boundary")
    events = _events(multipart.PushMultipartParser(options["boundary"], max_segment_count=MAX_FIELDS), stream)
    fields: dict[str, str] = {}
    metadata: dict[str, str] = {}
    async for event in events:
        if not isinstance(event, multipart.MultipartSegment):
            continue
        name = event.name or ""
        if name == "file":
            return Form(fields, metadata, event, _content(events))
        value = await _field(events)
        if name.lower().startswith(_META):
            metadata[name[len(_META) :]] = value
        else:
            fields[name.lower()] = value
    raise UploadRefused(400, "IncorrectNumberOfFilesInPOSTRequest", "the form has no part called `file`")


async def _events(parser: Any, stream: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    try:
        async for chunk in stream:
            for event in parser.parse(chunk):
                yield event
        parser.close()
    except multipart.MultipartError as error:
        raise UploadRefused(400, "MalformedPOSTRequest", f"the form cannot be read: {error}") from None


async def _field(events: AsyncIterator[Any]) -> str:
    chunks: list[bytes] = []
    size = 0
    async for event in events:
        if event is None:
            break
        size += len(event)
        if size > MAX_FIELD_BYTES:
            raise UploadRefused(400, "MaxPOSTPreDataLengthExceeded", f"a field is longer than {MAX_FIELD_BYTES} bytes")
        chunks.append(bytes(event))
    return b"".join(chunks).decode("utf-8", "replace")


async def _content(events: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """The bytes of the current part; whatever follows it in the form is read and ignored."""
    inside = True
    async for event in events:
        if event is None:
            inside = False
        elif inside:
            yield bytes(event)


def _signature(services: Services, space_id: str, policy: str) -> str:
    key = services.keyring.derive(f"form uploads of {space_id}")
    return base64.b64encode(hmac.digest(key, policy.encode("utf-8", "replace"), hashlib.sha1)).decode()


def _kept_headers(form: Form) -> dict[str, str]:
    """What downloads repeat. Metadata goes out under OSS's names and, as the guide prints them, under ``x-meta-…``."""
    kept = {name: form.fields[name] for name in _KEPT_HEADERS if form.fields.get(name)}
    for name, value in form.metadata.items():
        if re.fullmatch(r"[\w-]+", name, re.ASCII):
            kept[_META + name.lower()] = value
            kept["x-meta-" + _WORD_END.sub("-", name).lower()] = value
    return {name: _UNSAFE_HEADER.sub("", value) for name, value in kept.items()}


def _accepted(fields: Mapping[str, str]) -> Response:
    if _has_callback(fields.get("callback", "")):
        return Response(b'{"Status":"OK"}', 200, JSON, _CORS)
    status = fields.get("success_action_status", "")
    return Response(b"", int(status) if status in ("200", "201") else 204, "", _CORS)


def _has_callback(text: str) -> bool:
    """Whether OSS would call back. The node SDK always sends a callback, without an address when none was given."""
    try:
        return bool(orjson.loads(base64.b64decode(text)).get("callbackUrl"))
    except (binascii.Error, ValueError, AttributeError):
        return False


def _refusal(error: YunboxError) -> Response:
    status, code = 400, "InvalidArgument"
    match error:
        case UploadRefused():
            status, code = error.status, error.oss_code
        case Unauthenticated() | PermissionDenied():
            status, code = 403, "AccessDenied"
        case LimitExceeded():
            code = "EntityTooLarge"
        case QuotaExceeded():
            status, code = 403, "QuotaExceeded"
    body = orjson.dumps({"error": {"code": code, "message": error.message}})
    return Response(body, status, JSON, _CORS)


async def _drain(stream: AsyncIterator[bytes], limit: int) -> None:
    """Read what the client still sends: most only look at the answer afterwards."""
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > limit:
            return
