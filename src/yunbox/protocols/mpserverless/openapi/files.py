"""Actions on files: the three-step upload of the guide, listing and deleting (aliyun-wire.md §7.1)."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from yunbox.errors import FileNotFound
from yunbox.files.stored import StoredFile
from yunbox.files.tickets import UploadTicket
from yunbox.protocols.mpserverless import addresses
from yunbox.protocols.mpserverless import files as gateway_files
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal

_MAX_LIST = 1000


async def describe_upload(action: Action) -> dict[str, Any]:
    """Where one file may be ``PUT``. A ``Filename`` that ends in ``/`` makes a folder at once."""
    filename = action.text("Filename")
    action.text("ContentType", "")
    if filename.endswith("/"):
        return await _make_folder(action, filename)
    key = _key(action, filename)
    content_type = action.text("ContentType", "")
    ticket = action.services.files.prepare_upload(action.caller, key, content_type=content_type)
    return {
        "Id": ticket.id,
        "SignUrl": sign_url(action, ticket),
        "OssCallbackUrl": "",
        "Overwrite": _exists(action, key),
    }


async def register_file(action: Action) -> dict[str, Any]:
    """Confirm an upload; it counts from the ``PUT`` on, so this can be repeated."""
    _by_id(action)
    return {}


async def list_files(action: Action) -> dict[str, Any]:
    size = min(max(action.number("PageSize", 20), 1), _MAX_LIST)
    found, token = _matching(action, size)
    call = action.gateway_call(action.name, {})
    return {"DataList": [_row(call, file) for file in found], "Paginator": {"NextToken": token, "PageSize": size}}


async def delete_file(action: Action) -> dict[str, Any]:
    file = _by_id(action)
    for error in (await action.services.files.delete(action.caller, [file.key])).values():
        if error is not None:
            raise error
    return {}


async def describe_cdn_domain(action: Action) -> dict[str, Any]:
    """The domain in front of every file; access conditions belong into a proxy of your own."""
    return {
        "SpaceId": action.space.id,
        "DomainName": addresses.cdn_domain(action.origin, action.space),
        "ServiceStatus": "ONLINE",
    }


async def save_cdn_domain(action: Action) -> dict[str, Any]:
    raise Refusal(
        400,
        "UnsupportedOperation",
        "there is no CDN in front of this server; set access conditions in your reverse proxy / 请在反向代理中配置访问控制",
    )


ACTIONS: dict[str, Handler] = {
    "DescribeFileUploadSignedUrl": describe_upload,
    "RegisterFile": register_file,
    "ListFile": list_files,
    "DeleteFile": delete_file,
    "DescribeCdnDomain": describe_cdn_domain,
    "SaveCdnDomainConfig": save_cdn_domain,
}


def sign_url(action: Action, ticket: UploadTicket) -> str:
    """The URL that takes the file of ``ticket``; it holds no character that a shell would treat specially in quotes."""
    claims, signature = action.services.files.sign_ticket(ticket)
    query = urlencode({"Expires": ticket.expires_at, "Ticket": claims, "Signature": signature})
    host = addresses.upload_host(action.origin, action.space, with_scheme=True)
    return f"{host}/{quote(ticket.key)}?{query}"


async def _make_folder(action: Action, filename: str) -> dict[str, Any]:
    key = addresses.checked_key(filename.strip("/")) + "/"
    file = await action.services.files.put(action.caller, key, b"", "application/x-directory")
    return {"Id": file.id, "SignUrl": "", "OssCallbackUrl": "", "Overwrite": False}


def _key(action: Action, filename: str) -> str:
    """The path in ``FileId`` (it begins with ``/``), the file that it names, or a name of the server's own."""
    wanted = action.text("FileId", "")
    if wanted.startswith("/"):
        return addresses.checked_key(wanted.removeprefix("/"))
    if wanted:
        return action.services.files.find(action.space.id, wanted).key
    return f"cloudstorage/{uuid.uuid4()}{PurePosixPath(filename).suffix.lower()}"


def _exists(action: Action, key: str) -> bool:
    try:
        action.services.files.stat(action.space.id, key)
    except FileNotFound:
        return False
    return True


def _by_id(action: Action) -> StoredFile:
    wanted = action.text("Id")
    try:
        return gateway_files.find(action.gateway_call(action.name, {}), wanted)
    except FileNotFound:
        raise Refusal(404, "ParamInvalid", "The specified Id does not exist or has expired.") from None


def _matching(action: Action, size: int) -> tuple[list[StoredFile], str]:
    """Up to ``size`` files with the prefix, keyword and id asked for, and the token of the next page."""
    keyword, wanted = action.text("Keyword", ""), action.text("FileId", "")
    marker, found = action.text("NextToken", ""), list[StoredFile]()
    while True:
        page = action.services.files.list(action.space.id, action.text("Prefix", ""), marker, _MAX_LIST)
        for file in page.files:
            if keyword in file.key and wanted in ("", file.id):
                found.append(file)
            if len(found) > size:
                return found[:size], found[size - 1].key
        marker = page.marker
        if not marker:
            return found, ""


def _row(call: Any, file: StoredFile) -> dict[str, Any]:
    described = gateway_files.describe(call, file)
    return {
        "Id": file.id,
        "Name": described["name"],
        "Size": file.size,
        "Type": "folder" if file.key.endswith("/") else "file",
        "Url": described["url"],
        "GmtCreate": str(described["gmtCreate"]),
        "GmtModified": str(described["gmtModified"]),
    }
