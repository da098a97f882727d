"""A bucket as a whole: list it, delete several objects, its origins and its web site."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from yunbox.errors import FileNotFound
from yunbox.files.sites import Site
from yunbox.files.stored import StoredFile
from yunbox.http import Response
from yunbox.protocols.tencentcloud.addresses import REGION, account_of
from yunbox.protocols.tencentcloud.cos import xml
from yunbox.protocols.tencentcloud.cos.call import Call, moment
from yunbox.protocols.tencentcloud.cos.errors import ObjectError, not_implemented

_MOST = 1000
_LAST = "\U0010ffff"
_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD"]


@dataclass(slots=True)
class _Listing:
    files: list[StoredFile] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    next: str = ""
    """The marker that continues it; ``""`` at the end."""


async def head(call: Call) -> Response:
    return Response(b"", 200, "", (("x-cos-bucket-region", REGION),))


async def location(call: Call) -> Response:
    return xml.write("LocationConstraint", {"Location": REGION})


async def list_objects(call: Call) -> Response:
    """Objects in the order of their keys; with ``delimiter`` those below a folder are one ``CommonPrefixes``."""
    query, limit = call.query, call.number("max-keys", _MOST, _MOST)
    prefix, marker, delimiter = query.get("prefix", ""), query.get("marker", ""), query.get("delimiter", "")
    found = _list(call, prefix, marker, delimiter, limit)
    encode = quote if query.get("encoding-type") == "url" else str
    owner = {"ID": account_of(call.place.space), "DisplayName": account_of(call.place.space)}
    content: dict[str, Any] = {
        "Name": call.place.bucket,
        "Prefix": encode(prefix),
        "Marker": encode(marker),
        "MaxKeys": limit,
        "IsTruncated": bool(found.next),
        "Contents": [_content(file, encode(file.key), owner) for file in found.files],
        "CommonPrefixes": [{"Prefix": encode(group)} for group in found.groups],
    }
    if delimiter:
        content["Delimiter"] = encode(delimiter)
    if found.next:
        content["NextMarker"] = encode(found.next)
    return xml.write("ListBucketResult", content)


async def delete_objects(call: Call) -> Response:
    """Delete up to a thousand objects; those that are not there count as deleted, as in COS."""
    document = await call.document()
    keys = [xml.text(item, "Key") for item in document.iterfind("Object")]
    if len(keys) > _MOST:
        raise ObjectError(400, "MalformedXML", f"at most {_MOST} objects at once / 单次最多 {_MOST} 个对象")
    outcome = await call.place.store.delete(call.place.caller, keys)
    failed = {key: error for key, error in outcome.items() if error is not None and not isinstance(error, FileNotFound)}
    quiet = xml.text(document, "Quiet") == "true"
    content = {
        "Deleted": [] if quiet else [{"Key": key} for key in outcome if key not in failed],
        "Error": [{"Key": key, "Code": "AccessDenied", "Message": error.message} for key, error in failed.items()],
    }
    return xml.write("DeleteResult", content)


async def get_cors(call: Call) -> Response:
    """One rule for each of the space's ``cors_origins``."""
    known = _origins(call)
    if not known:
        raise ObjectError(404, "NoSuchCORSConfiguration", "no origins are set / 未设置跨域规则")
    rules = [
        {
            "AllowedOrigin": ["*"] if name == "*" else [f"http://{name}", f"https://{name}"],
            "AllowedMethod": _METHODS,
            "AllowedHeader": "*",
            "ExposeHeader": ["Etag", "Date"],
            "MaxAgeSeconds": 5,
        }
        for name in known
    ]
    return xml.write("CORSConfiguration", {"CORSRule": rules})


async def put_cors(call: Call) -> Response:
    """Make the rules' origins the space's ``cors_origins``; methods and headers are not told apart."""
    document = await call.document()
    names = [
        (item.text or "").strip().removeprefix("https://").removeprefix("http://").rstrip("/")
        for item in document.iterfind("CORSRule/AllowedOrigin")
    ]
    if any(not name or "," in name for name in names):
        raise ObjectError(400, "InvalidArgument", "AllowedOrigin must be an origin or * / AllowedOrigin 格式错误")
    _keep_origins(call, names)
    return Response(b"", 200, "")


async def delete_cors(call: Call) -> Response:
    """Back to the default, which allows every origin."""
    _keep_origins(call, [])
    return Response(b"", 204, "")


async def get_website(call: Call) -> Response:
    site = call.services.sites.get(_site_of(call))
    content: dict[str, Any] = {"IndexDocument": {"Suffix": site.index_path}}
    if site.error_path and site.error_status == 404:
        content["ErrorDocument"] = {"Key": site.error_path}
    elif site.error_path:
        rule = {"Condition": {"HttpErrorCodeReturnedEquals": 404}, "Redirect": {"ReplaceKeyWith": site.error_path}}
        content["RoutingRules"] = {"RoutingRule": [rule]}
    return xml.write("WebsiteConfiguration", content)


async def put_website(call: Call) -> Response:
    """The index page, the error page, and the one routing rule that pages of single-page applications use: show a page
    instead of a 404."""
    document = await call.document()
    name = _site_of(call)
    site = replace(call.services.sites.get(name), error_path="", error_status=404)
    if index := xml.text(document, "IndexDocument/Suffix"):
        site = replace(site, index_path=index.strip("/"))
    if error := xml.text(document, "ErrorDocument/Key"):
        site = replace(site, error_path=error.strip("/"))
    for rule in document.iterfind("RoutingRules/RoutingRule"):
        site = _with_rule(
            site, xml.text(rule, "Condition/HttpErrorCodeReturnedEquals"), xml.text(rule, "Redirect/ReplaceKeyWith")
        )
    call.services.sites.configure(name, site)
    return Response(b"", 200, "")


async def delete_website(call: Call) -> Response:
    call.services.sites.configure(_site_of(call), Site())
    return Response(b"", 204, "")


def _list(call: Call, prefix: str, marker: str, delimiter: str, limit: int) -> _Listing:
    found, files = _Listing(), call.place.store
    # A folder that was listed as the last one is left behind as a whole.
    position = marker + _LAST if delimiter and marker.endswith(delimiter) else marker
    last = marker
    while True:
        page = files.list(call.place.name, prefix, position, _MOST)
        for file in page.files:
            if len(found.files) + len(found.groups) >= limit:
                found.next = last
                return found
            group = _group(file.key, prefix, delimiter)
            if group:
                found.groups.append(group)
                last, position = group, group + _LAST
                break
            found.files.append(file)
            last = position = file.key
        else:
            if not page.marker:
                return found


def _group(key: str, prefix: str, delimiter: str) -> str:
    """The folder that ``key`` lies in below ``prefix``, or ``""``."""
    cut = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: cut + len(delimiter)] if cut >= 0 else ""


def _content(file: StoredFile, key: str, owner: dict[str, str]) -> dict[str, Any]:
    return {
        "Key": key,
        "LastModified": moment(file.modified_at),
        "ETag": file.etag,
        "Size": file.size,
        "Owner": owner,
        "StorageClass": "STANDARD",
    }


def _origins(call: Call) -> list[str]:
    setting = call.place.space.settings.get("cors_origins") or "*"
    return [name.strip() for name in str(setting).split(",") if name.strip()]


def _keep_origins(call: Call, names: list[str]) -> None:
    call.services.spaces.set(call.place.space.id, {"cors_origins": ",".join(dict.fromkeys(names)) or None})


def _site_of(call: Call) -> str:
    """The space, when the bucket is its site's."""
    if call.place.files is not call.services.sites.files:
        raise not_implemented("a web site in the bucket of files")
    return call.place.space.id


def _with_rule(site: Site, status: str, page: str) -> Site:
    if status != "404" or not page:
        raise not_implemented("a routing rule other than 404 -> ReplaceKeyWith")
    return replace(site, error_path=page.strip("/"), error_status=200)
