"""One verified request to a bucket."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from yunbox.caller import Caller
from yunbox.files.service import FileService
from yunbox.http import Request, Response, Send
from yunbox.protocols.tencentcloud.cos import xml
from yunbox.protocols.tencentcloud.cos.errors import ObjectError, not_implemented
from yunbox.services import Services
from yunbox.spaces import Space

MAX_XML = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """What a bucket is here. ``name`` and ``caller`` are those that ``files`` knows it by; ``files`` is ``None`` for
    the bucket of function packages."""

    bucket: str
    space: Space
    files: FileService | None
    name: str
    caller: Caller

    @property
    def store(self) -> FileService:
        """
        Raises:
            ObjectError: for the bucket of packages, which can only be uploaded to.
        """
        if self.files is None:
            raise not_implemented("reading the bucket of function packages")
        return self.files


@dataclass(frozen=True, slots=True)
class Call:
    """``key`` is the object's, ``""`` for the bucket itself."""

    services: Services
    request: Request
    body: AsyncGenerator[bytes, None]
    send: Send
    place: Place
    key: str

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    def stream(self) -> AsyncIterator[bytes]:
        """The body; it ends with an error when it is not what ``Content-MD5`` announced."""
        announced = self.request.header("content-md5")
        return _checked(self.body, announced) if announced else self.body

    async def document(self) -> ElementTree.Element:
        """The body as XML."""
        content = bytearray()
        async for chunk in self.stream():
            content += chunk
            if len(content) > MAX_XML:
                raise ObjectError(400, "MalformedXML", f"the body is larger than {MAX_XML} bytes / 请求体过大")
        return xml.read(bytes(content))

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number in the query, at most ``most``."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise ObjectError(400, "InvalidArgument", f"`{name}` must be a whole number / 参数 {name} 应为整数")
        return min(int(text), most)


Handler = Callable[[Call], Awaitable[Response | None]]
"""Answers a request; ``None`` when it has sent the answer itself."""


async def _checked(stream: AsyncIterator[bytes], announced: str) -> AsyncIterator[bytes]:
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in stream:
        digest.update(chunk)
        yield chunk
    if base64.b64encode(digest.digest()).decode() != announced:
        raise ObjectError(400, "BadDigest", "the body is not what Content-MD5 announced / 内容与 Content-MD5 不符")


def moment(milliseconds: int) -> str:
    """A time as listings have it: ``2026-11-21T12:00:00.000Z``."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"
