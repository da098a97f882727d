"""Files on the gateway (tencent-client.md §4): lists of objects in, one result for each out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from yunbox.errors import InvalidRequest, YunboxError
from yunbox.protocols.tcb.admin.storage import link_for
from yunbox.protocols.tcb.errors import vendor_error
from yunbox.protocols.tcb.gateway.handler import Resources
from yunbox.protocols.tcb.objects import FileIds, upload_metadata
from yunbox.protocols.tcb.origins import public_origin
from yunbox.protocols.tcb.web.call import Call
from yunbox.protocols.tcb.web.shared import server_call

resources = Resources()

Item = Mapping[str, Any]
Parts = dict[str, str]
_MOST = 100


def _items(call: Call) -> list[Item]:
    """
    Raises:
        InvalidRequest: when the body is no list of objects, or too long.
    """
    items = call.params.get("")
    if not isinstance(items, list) or len(items) > _MOST or not all(isinstance(item, dict) for item in items):
        raise InvalidRequest(
            f"the body must be a list of at most {_MOST} objects / 请求体必须是不超过 {_MOST} 项的数组"
        )
    return items


def _each(call: Call, known: str, work: Callable[[Item], dict[str, Any]]) -> list[dict[str, Any]]:
    """What ``work`` makes of every item, or the item's error beside the field that names it."""
    results = []
    for item in _items(call):
        try:
            results.append(work(item))
        except YunboxError as error:
            results.append({known: item.get(known, ""), **_refusal(error)})
    return results


def _refusal(error: YunboxError) -> dict[str, str]:
    told = vendor_error(error, "storage")
    return {"code": told.code, "message": told.message}


@resources.add("POST", "storages/get-objects-upload-info")
async def upload_info(call: Call, parts: Parts) -> Any:
    origin = public_origin(call.services, call.caller, call.request)

    def prepare(item: Item) -> dict[str, Any]:
        # Without signed headers the SDK posts: a form, or in mini programs bare bytes, which need the ticket in the URL.
        in_url = "signedHeader" not in item
        data = upload_metadata(call.services, call.caller, str(item.get("objectId", "")), origin=origin, in_url=in_url)
        return {
            "objectId": item.get("objectId"),
            "uploadUrl": data["url"],
            "downloadUrl": data["download_url"],
            "downloadUrlEncoded": data["download_url"],
            "token": data["token"],
            "authorization": data["authorization"],
            "cloudObjectMeta": data["cosFileId"],
            "cloudObjectId": data["fileId"],
        }

    return _each(call, "objectId", prepare)


@resources.add("POST", "storages/get-objects-download-info")
async def download_info(call: Call, parts: Parts) -> Any:
    server, names = server_call(call), FileIds(call.space)

    def link(item: Item) -> dict[str, Any]:
        file_id = str(item.get("cloudObjectId", ""))
        url, _ = link_for(server, names.decode(file_id), item.get("maxAge"))
        return {"cloudObjectId": file_id, "downloadUrl": url, "downloadUrlEncoded": quote(url, safe=":/?&=~")}

    return _each(call, "cloudObjectId", link)


@resources.add("POST", "storages/delete-objects")
async def delete(call: Call, parts: Parts) -> Any:
    names = FileIds(call.space)
    results = []
    for item in _items(call):
        file_id = str(item.get("cloudObjectId", ""))
        try:
            key = names.decode(file_id)
            error = (await call.services.files.delete(call.caller, [key]))[key]
        except YunboxError as refused:
            error = refused
        results.append({"cloudObjectId": file_id, **(_refusal(error) if error else {})})
    return results


@resources.add("POST", "storages/copy-objects")
async def copy(call: Call, parts: Parts) -> Any:
    names = FileIds(call.space)
    results = []
    for item in _items(call):
        source, target = (names.path(str(item.get(name, ""))) for name in ("srcPath", "dstPath"))
        overwrite, move = item.get("overwrite") is not False, item.get("removeOriginal") is True
        try:
            stored = await call.services.files.copy(call.caller, source, target, overwrite, move)
            results.append({"cloudObjectId": names.encode(stored.key)})
        except YunboxError as error:
            results.append(_refusal(error))
    return results
