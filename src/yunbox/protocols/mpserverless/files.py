"""``serverless.file.resource.*``: signing uploads, reporting, describing and deleting files (aliyun-wire.md §6)."""

from __future__ import annotations

import secrets
import uuid
from pathlib import PurePosixPath
from typing import Any

from yunbox.caller import Caller
from yunbox.errors import FileNotFound, LimitExceeded, PermissionDenied
from yunbox.files.service import FileService
from yunbox.files.stored import StoredFile
from yunbox.protocols.mpserverless import addresses, oss
from yunbox.protocols.mpserverless.call import Call, Method
from yunbox.protocols.mpserverless.envelope import NOTHING
from yunbox.protocols.mpserverless.errors import GatewayError

MAX_FILES = 50
_NODE_SDK = "mpserverless-node-sdk"
# What the SDKs of all generations let through (§6.2, ST-14).
_EXTENSIONS = frozenset(
    (
        *("jpg", "jpeg", "png", "gif", "bmp", "wbmp", "webp", "svg", "image"),
        *("audio", "au", "mp2", "mp3", "ogg"),
        *("3gpp", "mp4", "mpeg", "flv", "avi", "video", "wmv", "mpg", "mpga", "webm"),
        *("pdf", "xls", "xlsx", "doc", "docx", "ppt", "pptx", "txt"),
    )
)


async def sign_upload(call: Call) -> dict[str, Any]:
    """Where and with which signed form the caller may upload one file. Nothing is stored yet."""
    size = call.params.get("size")
    limit = call.services.settings.max_upload_mb * 2**20
    if isinstance(size, int | float) and size > limit:
        raise LimitExceeded(f"the file is larger than {limit} bytes / 文件超过大小限制", limit=limit)
    filename = call.text("filename", "")
    _check_extension(call.caller, filename)
    ticket = _reserve(call.services.files, call.caller, _key(call, filename))
    form = oss.sign(call.services, call.space, ticket)
    return {
        "id": ticket.id,
        "ossPath": ticket.key,
        "host": addresses.upload_host(call.origin, call.space, with_scheme=_NODE_SDK in call.caller.user_agent),
        "cdnDomain": addresses.cdn_domain(call.origin, call.space),
        **form,
    }


async def report(call: Call) -> dict[str, Any]:
    """Confirm an upload. Fails when the object is not there: the node SDK ignores the upload's own answer."""
    file = call.services.files.find(call.space.id, call.text("id"))
    return {"id": file.id}


async def delete(call: Call) -> Any:
    """Delete a file named by its URL or its id."""
    file = find(call, call.text("id"))
    for error in (await call.services.files.delete(call.caller, [file.key])).values():
        if error is not None:
            raise error
    return NOTHING


async def info(call: Call) -> list[dict[str, Any]]:
    """What is known of up to 50 files; unknown ids are skipped."""
    wanted = call.params.get("id")
    ids = wanted if isinstance(wanted, list) else call.text("id").split(",")
    if len(ids) > MAX_FILES:
        raise GatewayError("ParamInvalid", f"No more than {MAX_FILES} files at a time.")
    max_age = call.params.get("maxAge")
    found = []
    for file_id in ids:
        try:
            file = find(call, str(file_id).strip())
        except FileNotFound:
            continue
        if call.services.files.may_read(call.caller, file):
            found.append(describe(call, file, max_age if isinstance(max_age, int) else None))
    return found


def find(call: Call, name: str) -> StoredFile:
    """The file that ``name`` (a download URL, an upload-host URL, a path or an id) names.

    Raises:
        FileNotFound: when this space has none such.
    """
    files = call.services.files
    key = addresses.key_of(call.space, name)
    if key is None:
        return files.find(call.space.id, name)
    return files.stat(call.space.id, key)


def describe(call: Call, file: StoredFile, max_age: int | None = None) -> dict[str, Any]:
    """The fields of ``info``; ``url`` is signed when ``max_age`` (seconds) is given."""
    return {
        "fileId": file.id,
        "name": PurePosixPath(file.key).name,
        "size": file.size,
        "type": PurePosixPath(file.key).suffix.removeprefix(".") or file.content_type,
        "url": addresses.file_url(call.services, call.origin, call.space, file.key, max_age),
        "gmtCreate": file.created_at // 1000,
        "gmtModified": file.modified_at // 1000,
    }


METHODS: dict[str, Method] = {
    "serverless.file.resource.generateProximalSign": sign_upload,
    "serverless.file.resource.report": report,
    "serverless.file.resource.delete": delete,
    "serverless.file.resource.info": info,
    "serverless.file.resource.isv.generateProximalSign": sign_upload,
    "serverless.file.resource.isv.report": report,
    "serverless.file.resource.isv.delete": delete,
}


def _check_extension(caller: Caller, filename: str) -> None:
    extension = PurePosixPath(filename).suffix.removeprefix(".").lower()
    if extension and extension not in _EXTENSIONS and not caller.is_admin:
        raise GatewayError("ParamInvalid", f"Unsupported file type. / 不支持的文件类型 .{extension}")


def _key(call: Call, filename: str) -> str:
    """The app's ``cloudPath`` without its slash; else a name of the server's own, in the app's ``path`` if it gave one."""
    if wanted := call.text("fileId", ""):
        return addresses.checked_key(wanted.removeprefix("/"))
    folder = call.text("targetPath", "").strip("/") or "cloudstorage"
    return addresses.checked_key(f"{folder}/{uuid.uuid4()}{PurePosixPath(filename).suffix.lower()}")


def _reserve(files: FileService, caller: Caller, key: str) -> Any:
    """A ticket for ``key``, or for a free name beside it when it is somebody else's: a client never overwrites those."""
    try:
        return files.prepare_upload(caller, key)
    except PermissionDenied:
        if not files.may_write(caller, None):
            raise
        path = PurePosixPath(key)
        return files.prepare_upload(caller, str(path.with_name(f"{path.stem}-{secrets.token_hex(6)}{path.suffix}")))
