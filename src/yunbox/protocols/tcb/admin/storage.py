"""``storage.*``: upload tickets, links, deletion, copies (tencent-server-wire.md §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from yunbox.caller import Caller
from yunbox.errors import FileNotFound, InvalidRequest, PermissionDenied, YunboxError
from yunbox.protocols.tcb.admin.call import Call, Handler, Reply
from yunbox.protocols.tcb.errors import vendor_error
from yunbox.protocols.tcb.objects import FileIds, upload_metadata
from yunbox.protocols.tcb.origins import public_origin

_OK = "SUCCESS"
MAX_FILES = 50
"""Most files in one call for links or deletion (ST-5, ST-6)."""
FILE_OPENING_SECONDS = 0.015
"""What a form upload waits for its ticket. The SDKs that post forms (tcb-admin-node, @cloudbase/node-sdk 2.x) lose a
file stream whose file is not open yet when they begin, if `fs` is patched as graceful-fs and so every jest test does it;
they then never finish. In the vendor's cloud the way to the server takes longer than that."""
DEFAULT_MAX_AGE = 7200
"""Seconds that a link works when nothing is asked for (ST-5)."""


def _names(call: Call) -> FileIds:
    """A function's file ids mean its own space, whatever environment they name (DESIGN §9.6)."""
    return FileIds(call.services.spaces.get(call.caller.space), any_space=call.caller.kind == "function")


async def get_upload_metadata(call: Call) -> Reply:
    if call.optional_text("method") != "put":
        await asyncio.sleep(FILE_OPENING_SECONDS)
    return {"data": upload_metadata(call.services, call.caller, call.text("path"), origin=_origin(call))}


async def upload_file(call: Call) -> Reply:
    """tcb-admin-node up to 1.6: the bytes are in the request itself."""
    content = call.values.get("file")
    if not isinstance(content, bytes):
        raise InvalidRequest("the part `file` is missing / 缺少文件内容")
    stored = await call.services.files.put(call.caller, call.text("path"), content, call.content_types.get("file", ""))
    return {"data": {"fileID": _names(call).encode(stored.key)}}


async def get_download_urls(call: Call) -> Reply:
    items = [_with_link(call, item) for item in _some_files(call, "file_list")]
    return {"data": {"download_list": items}}


def _some_files(call: Call, name: str) -> list[Any]:
    listed = call.items(name)
    if len(listed) > MAX_FILES:
        raise InvalidRequest(f"no more than {MAX_FILES} files at once, not {len(listed)} / 一次最多 {MAX_FILES} 个文件")
    return listed


def _with_link(call: Call, item: Any) -> dict[str, Any]:
    file_id = str(item.get("fileid", "")) if isinstance(item, Mapping) else str(item)
    max_age = item.get("max_age") if isinstance(item, Mapping) else None
    try:
        key = _names(call).decode(file_id)
        link, seconds = link_for(call, key, max_age)
    except YunboxError as error:
        return {**_ids(file_id), "code": vendor_error(error, "storage").code, "tempFileURL": "", "download_url": ""}
    return {**_ids(file_id), "code": _OK, "tempFileURL": link, "download_url": link, "maxAge": seconds}


def link_for(call: Call, key: str, max_age: Any) -> tuple[str, int]:
    """A temporary link to a file and how many seconds it works."""
    files, space = call.services.files, call.caller.space
    if why := files.missing("read", call.caller, files.stat(space, key)):
        raise PermissionDenied(f"no permission to read the file `{key}` / 没有读取该文件的权限: {why}")
    files.check_download(space)
    seconds = int(max_age) if isinstance(max_age, (int, float)) and max_age > 0 else DEFAULT_MAX_AGE
    return _origin(call) + files.temporary_url(space, key, seconds), seconds


def _origin(call: Call) -> str:
    return public_origin(call.services, call.caller, call.request)


def _ids(file_id: str) -> dict[str, str]:
    return {"fileID": file_id, "fileid": file_id}


async def delete_files(call: Call) -> Reply:
    ids = [str(item) for item in _some_files(call, "fileid_list")]
    names = _names(call)
    keys: dict[str, str | YunboxError] = {}
    for file_id in ids:
        try:
            keys[file_id] = names.decode(file_id)
        except YunboxError as error:
            keys[file_id] = error
    outcome = await call.services.files.delete(call.caller, [key for key in keys.values() if isinstance(key, str)])
    return {"data": {"delete_list": [{**_ids(name), "code": _deletion(keys[name], outcome)} for name in ids]}}


def _deletion(key: str | YunboxError, outcome: Mapping[str, YunboxError | None]) -> str:
    error = outcome.get(key) if isinstance(key, str) else key
    return _OK if error is None else vendor_error(error, "storage").code


async def copy_files(call: Call) -> Reply:
    return {"data": {"copy_list": [await _copy(call, item) for item in call.items("file_list")]}}


async def _copy(call: Call, item: Any) -> dict[str, Any]:
    names = _names(call)
    entry: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
    source, target = str(entry.get("src_path", "")), str(entry.get("dst_path", ""))
    overwrite, move = entry.get("overwrite") is not False, entry.get("remove_original") is True
    try:
        stored = await call.services.files.copy(
            call.caller, names.path(source), names.path(target), overwrite=overwrite, move=move
        )
    except YunboxError as error:
        told = vendor_error(error, "storage")
        return {"fileId": "", "code": told.code, "message": told.message}
    return {"fileId": names.encode(stored.key), "code": _OK, "message": ""}


async def get_file_authority(call: Call) -> Reply:
    """What a user may do with files: asked by functions on behalf of a user."""
    user = Caller(
        "user",
        call.caller.space,
        user_id=call.optional_text("uid") or None,
        openid=call.optional_text("openId") or None,
        grantee=call.caller.grantee,
    )
    names = _names(call)
    return {"data": [_authority(call, user, names, item) for item in call.items("fileList")]}


def _authority(call: Call, user: Caller, names: FileIds, item: Any) -> dict[str, Any]:
    path = str(item.get("path", "")) if isinstance(item, Mapping) else ""
    files = call.services.files
    try:
        file = files.stat(user.space, names.path(path))
    except FileNotFound:
        return {"path": path, "cosFileId": "", "read": False, "write": files.may_write(user, None)}
    return {
        "path": path,
        "cosFileId": file.id,
        "read": files.may_read(user, file),
        "write": files.may_write(user, file),
    }


ACTIONS: dict[str, Handler] = {
    "storage.batchCopyFile": copy_files,
    "storage.batchDeleteFile": delete_files,
    "storage.batchGetDownloadUrl": get_download_urls,
    "storage.getFileAuthority": get_file_authority,
    "storage.getUploadMetadata": get_upload_metadata,
    "storage.uploadFile": upload_file,
}
