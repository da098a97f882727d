"""Addresses of files as this protocol shows them: all on our own port, with the space in the path.

``https://{cdnDomain}/{ossPath}`` is built by the SDKs, so both parts are chosen to give the plain download address
``/files/<bucket>/<key>``; the upload host also answers ``GET`` for builds of 2020 that download from it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from yunbox.files.keys import check_key
from yunbox.protocols.mpserverless.call import Origin
from yunbox.protocols.mpserverless.errors import GatewayError
from yunbox.services import Services
from yunbox.spaces import Space

UPLOAD_PREFIX = "/oss/"
_FILES_PREFIX = "/files/"
_UNUSABLE = frozenset("%?#\\\"'<>^`{|} \t\r\n")


def checked_key(key: str) -> str:
    """``key``, when the SDKs can put it into a URL unchanged.

    Raises:
        GatewayError: when it holds a character that would change the URL.
        InvalidRequest: when it is no usable key at all.
    """
    if found := set(key) & _UNUSABLE:
        raise GatewayError(
            "ParamInvalid",
            f"the path contains {sorted(found)[0]!r}, which cannot stand in a URL / 路径包含不支持的字符",
        )
    return check_key(key)


def upload_host(origin: Origin, space: Space, *, with_scheme: bool) -> str:
    """``host`` of a signed upload. Mini SDKs put ``https://`` in front, the node SDK takes it as it stands."""
    host = f"{origin.host}{UPLOAD_PREFIX}{space.id}"
    return f"{origin.scheme}://{host}" if with_scheme else host


def cdn_domain(origin: Origin, space: Space) -> str:
    """The host and path in front of every object key."""
    return f"{origin.host}{_FILES_PREFIX}{space.bucket}"


def file_url(services: Services, origin: Origin, space: Space, key: str, max_age: int | None = None) -> str:
    """The download URL of a file, signed for ``max_age`` seconds if given."""
    if max_age is None:
        path, query = services.files.public_path(space, key), ""
    else:
        path, _, query = services.files.temporary_url(space.id, key, max_age).partition("?")
    return f"https://{origin.host}{quote(path)}" + (f"?{query}" if query else "")


def key_of(space: Space, name: str) -> str | None:
    """The object key in a URL or path of this space's files; ``None`` when ``name`` is something else, such as an id."""
    path = unquote(urlsplit(name).path)
    for prefix in (f"{_FILES_PREFIX}{space.bucket}/", f"{UPLOAD_PREFIX}{space.id}/"):
        _, found, key = path.partition(prefix)
        if found:
            return _plain_key(key)
    if "://" in name:
        return path.lstrip("/")
    return name if "/" in name else None


def _plain_key(key: str) -> str:
    if not key.startswith("~/"):
        return key
    try:
        return bytes.fromhex(key[2:]).decode()
    except ValueError:
        return key
