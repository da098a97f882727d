"""Files of a space as the administrator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from yunbox.errors import InvalidRequest
from yunbox.files.service import LINK_SECONDS, OpenFile
from yunbox.files.stored import StoredFile
from yunbox.protocols.manage.routing import Call, Row, Stream

_PIECE = 2**20


def shown(call: Call, file: StoredFile) -> dict[str, Any]:
    """A file without its bytes; ``file_id`` is its id in the words of a mini program."""
    space = call.space
    return {
        "key": file.key,
        "size": file.size,
        "content_type": file.content_type,
        "owner": file.owner,
        "file_id": f"cloud://{space.id}.{space.bucket}/{file.key}",
        "created_at": file.created_at,
        "modified_at": file.modified_at,
    }


async def list_files(call: Call) -> Any:
    """Files by key, those that start with ``prefix``; ``marker`` continues a listing."""
    page = call.services.files.list(
        call.space.id, call.query.get("prefix", ""), call.query.get("marker", ""), min(call.number("limit", 1000), 1000)
    )
    return {"files": [shown(call, file) for file in page.files], "marker": page.marker}


async def put_file(call: Call) -> Any:
    """Store the body under the key in the path."""
    files = call.services.files
    ticket = files.prepare_upload(call.admin, call.names["key"])
    content_type = call.request.header("content-type")
    return shown(call, await files.receive(ticket, call.request.stream(), content_type))


async def get_file(call: Call) -> Any:
    """The bytes of a file."""
    opened = await asyncio.to_thread(call.services.files.open, call.space.id, call.names["key"])
    return Stream(_bytes(opened), opened.file.content_type, (("content-length", str(opened.file.size)),))


async def _bytes(opened: OpenFile) -> AsyncIterator[bytes]:
    try:
        for start in range(0, opened.file.size, _PIECE):
            end = min(start + _PIECE, opened.file.size)
            yield await asyncio.to_thread(opened.reader.read, start, end - start)
    finally:
        opened.reader.close()


async def delete_files(call: Call) -> Any:
    """Delete ``keys``; says of each that failed why."""
    keys = (await call.body()).get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise InvalidRequest("`keys` must be a list of keys")
    outcome = await call.services.files.delete(call.admin, keys)
    failed = {key: error.message for key, error in outcome.items() if error is not None}
    return {"deleted": [key for key, error in outcome.items() if error is None], "failed": failed}


async def file_url(call: Call) -> Any:
    """A link that works for ``max_age`` seconds in every storage mode."""
    files, key = call.services.files, call.names["key"]
    files.stat(call.space.id, key)
    max_age = call.number("max_age", LINK_SECONDS)
    path, _, query = files.temporary_url(call.space.id, key, max_age).partition("?")
    return {"url": f"{call.services.address.public}{quote(path)}?{query}", "max_age": max_age}


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/files", list_files),
    ("DELETE", "spaces/{space}/files", delete_files),
    ("GET", "spaces/{space}/file-urls/{key:path}", file_url),
    ("PUT", "spaces/{space}/files/{key:path}", put_file),
    ("GET", "spaces/{space}/files/{key:path}", get_file),
)
