"""``uploadfile``, ``batchdownloadfile``, ``batchdeletefile``."""

from __future__ import annotations

from typing import Any

from yunbox.errors import YunboxError
from yunbox.protocols.tcb.objects import FileIds, upload_metadata
from yunbox.protocols.wechat_http.call import Call, Handler
from yunbox.protocols.wechat_http.errors import api_error

_DEFAULT_MAX_AGE = 7200


async def upload(call: Call) -> dict[str, Any]:
    metadata = upload_metadata(call.services, call.caller, call.text("path"))
    return {
        "url": metadata["url"],
        "token": metadata["token"],
        "authorization": metadata["authorization"],
        "file_id": metadata["fileId"],
        "cos_file_id": metadata["cosFileId"],
    }


async def download(call: Call) -> dict[str, Any]:
    return {"file_list": [_link(call, item) for item in call.items("file_list")]}


def _link(call: Call, item: Any) -> dict[str, Any]:
    file_id = str(item.get("fileid", "")) if isinstance(item, dict) else str(item)
    max_age = item.get("max_age") if isinstance(item, dict) else None
    seconds = max_age if isinstance(max_age, int) and max_age > 0 else _DEFAULT_MAX_AGE
    try:
        key = FileIds(call.space).decode(file_id)
        call.services.files.stat(call.space.id, key)
        call.services.files.check_download(call.space.id)
        link = call.services.address.public + call.services.files.temporary_url(call.space.id, key, seconds)
    except YunboxError as error:
        return {"fileid": file_id, "download_url": "", **_status(error)}
    return {"fileid": file_id, "download_url": link, **_status(None)}


async def delete(call: Call) -> dict[str, Any]:
    return {"delete_list": [await _delete(call, str(item)) for item in call.items("fileid_list")]}


async def _delete(call: Call, file_id: str) -> dict[str, Any]:
    try:
        key = FileIds(call.space).decode(file_id)
        outcome = await call.services.files.delete(call.caller, [key])
    except YunboxError as error:
        return {"fileid": file_id, **_status(error)}
    return {"fileid": file_id, **_status(outcome[key])}


def _status(error: YunboxError | None) -> dict[str, Any]:
    if error is None:
        return {"status": 0, "errmsg": "ok"}
    told = api_error(error)
    return {"status": told.number, "errmsg": told.message}


ACTIONS: dict[str, Handler] = {
    "batchdeletefile": delete,
    "batchdownloadfile": download,
    "uploadfile": upload,
}
