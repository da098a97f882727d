"""Actions on static web hosting: one site for each space. Domains and certificates belong into a reverse proxy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from yunbox.errors import FileNotFound
from yunbox.files.sites import SUFFIX, Site
from yunbox.files.stored import StoredFile
from yunbox.protocols.mpserverless import addresses, oss, site
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal
from yunbox.protocols.mpserverless.openapi.spaces import unsupported

_MAX_LIST = 1000


async def open_hosting(action: Action) -> dict[str, Any]:
    action.services.sites.open(action.space.id)
    return {"Data": True}


async def status(action: Action) -> dict[str, Any]:
    opened = action.services.sites.is_open(action.space.id)
    return {"Data": {"SpaceId": action.space.id, "Status": "OPENED" if opened else "CLOSED"}}


async def get_config(action: Action) -> dict[str, Any]:
    config = action.services.sites.get(action.space.id)
    data = {
        "SpaceId": action.space.id,
        "DefaultDomain": f"{action.origin.host}{site.PREFIX}{action.space.id}",
        "IndexPath": config.index_path,
        "ErrorPath": config.error_path,
        "ErrorHttpStatus": str(config.error_status),
        "AllowedIps": ",".join(config.allowed_ips),
    }
    return {"Data": data}


async def modify_config(action: Action) -> dict[str, Any]:
    """Change the index page, the error page and its status, and who may visit; what is left out stays."""
    given, sites = action.parameters, action.services.sites
    config: Site = sites.get(action.space.id)
    if given.get("IndexPath"):
        config = replace(config, index_path=addresses.checked_key(given["IndexPath"].strip("/")))
    if "ErrorPath" in given:
        config = replace(config, error_path=given["ErrorPath"].strip("/"))
    if given.get("ErrorHttpStatus"):
        config = replace(config, error_status=action.number("ErrorHttpStatus", 404))
    if "AllowedIps" in given:
        ips = tuple(entry.strip() for entry in given["AllowedIps"].split(",") if entry.strip())
        config = replace(config, allowed_ips=ips)
    sites.configure(action.space.id, config)
    return {"Data": True}


async def upload_credential(action: Action) -> dict[str, Any]:
    """A signed form for one file of the site."""
    action.services.sites.get(action.space.id)
    key = addresses.checked_key(action.text("FilePath").strip("/"))
    files = action.services.sites.files
    ticket = files.prepare_upload(action.services.sites.owner(action.space.id), key)
    form = oss.sign_form(action.services, action.space.id, ticket, files.sign_ticket(ticket))
    return {
        "Data": {
            "Endpoint": addresses.upload_host(action.origin, action.space, with_scheme=True),
            "FilePath": key,
            "AccessKeyId": form["accessKeyId"],
            "Policy": form["policy"],
            "Signature": form["signature"],
            "SecurityToken": "",
            "ExpiredTime": ticket.expires_at * 1000,
        }
    }


async def list_files(action: Action) -> dict[str, Any]:
    action.services.sites.get(action.space.id)
    size = min(max(action.number("PageSize", 100), 1), _MAX_LIST)
    prefix, marker = action.text("Prefix", "").removeprefix("/"), action.text("Marker", "")
    page = action.services.sites.files.list(action.space.id + SUFFIX, prefix, marker, size)
    rows = [_row(action, file) for file in page.files]
    return {"Data": {"WebHostingFiles": rows, "NextMarker": page.marker, "Count": len(rows)}}


async def describe_file(action: Action) -> dict[str, Any]:
    path = action.text("FilePath").removeprefix("/")
    try:
        file = action.services.sites.files.stat(action.space.id + SUFFIX, path)
    except FileNotFound:
        return {"Data": {"Exists": False, "FilePath": path}}
    return {"Data": {"Exists": True, **_row(action, file)}}


async def delete_file(action: Action) -> dict[str, Any]:
    await _delete(action, [action.text("FilePath")])
    return {"Data": True}


async def delete_files(action: Action) -> dict[str, Any]:
    """Delete several files; a path that ends in ``/`` is a folder with all in it."""
    await _delete(action, action.texts("FilePaths"))
    return {"Data": True}


async def refresh_cache(action: Action) -> dict[str, Any]:
    """There is no cache in front of a site: a changed file shows at once."""
    return {}


async def list_domains(action: Action) -> dict[str, Any]:
    """No domains are bound here."""
    return {"Data": []}


async def domain(action: Action) -> dict[str, Any]:
    raise unsupported(
        f"{action.name}: bind domains and certificates in your reverse proxy, in front of {site.PREFIX}<space>/"
        " / 请在反向代理中绑定域名和证书"
    )


ACTIONS: dict[str, Handler] = {
    "OpenWebHostingService": open_hosting,
    "GetWebHostingStatus": status,
    "GetWebHostingConfig": get_config,
    "ModifyWebHostingConfig": modify_config,
    "GetWebHostingUploadCredential": upload_credential,
    "ListWebHostingFiles": list_files,
    "DescribeWebHostingFile": describe_file,
    "DeleteWebHostingFile": delete_file,
    "BatchDeleteWebHostingFiles": delete_files,
    "RefreshWebHostingCustomDomainCache": refresh_cache,
    "ListWebHostingCustomDomains": list_domains,
    "AttachWebHostingCertificate": domain,
    "BindWebHostingCustomDomain": domain,
    "DeleteWebHostingCertificate": domain,
    "GetWebHostingCertificateDetail": domain,
    "GetWebHostingDomainVerificationContent": domain,
    "SaveWebHostingCustomDomainConfig": domain,
    "SaveWebHostingCustomDomainCorsConfig": domain,
    "UnbindWebHostingCustomDomain": domain,
    "VerifyWebHostingDomainOwner": domain,
}


def _row(action: Action, file: StoredFile) -> dict[str, Any]:
    url = f"{action.origin.scheme}://{action.origin.host}{site.PREFIX}{action.space.id}/{quote(file.key)}"
    return {
        "FilePath": file.key,
        "Size": file.size,
        "ETag": file.etag.strip('"'),
        "ContentType": file.content_type,
        "LastModifiedTime": file.modified_at,
        "SignedUrl": url,
    }


async def _delete(action: Action, paths: list[str]) -> None:
    sites, keys = action.services.sites, list[str]()
    for path in paths:
        key = path.removeprefix("/")
        if key.endswith("/"):
            page = sites.files.list(action.space.id + SUFFIX, key)
            keys += [file.key for file in page.files]
        else:
            keys.append(key)
    if not keys:
        raise Refusal(404, "InvalidFilePath.NotFound", "no such file / 文件不存在")
    for error in (await sites.files.delete(sites.owner(action.space.id), keys)).values():
        if error is not None:
            raise error
