"""The signature that opens the vendor's temporary bucket to one function package.

The COS SDKs take it as it is and only look whether it has the old format's fields (cos-nodejs-sdk-v5 ``getAuthorization``).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import parse_qsl, quote

from yunbox.protocols.tencentcloud.errors import ApiError
from yunbox.protocols.tencentcloud.packages import space_in
from yunbox.services import Services
from yunbox.spaces import Space

SECONDS = 3600
_BUCKET_ACCOUNT = "1253665819"


def temporary_sign(services: Services, space: Space, key: str) -> str:
    """A signature for the package ``key`` (``<date>/<account>/<space>/<function>.zip``), for an hour.

    Raises:
        ApiError: when the key is of another space, or no package's.
    """
    if space_in(key) != space.id:
        raise ApiError("InvalidParameterValue", "ObjectPath must be <account>/<this environment>/<function>.zip")
    now = int(services.clock())
    fields = f"a={_BUCKET_ACCOUNT}&b=tempcos&k={space.secret_id}&e={now + SECONDS}&t={now}&r=0&f={quote(key, safe='')}"
    return base64.b64encode(f"{_mac(services, fields)}&{fields}".encode()).decode()


def signed_key(services: Services, sign: str) -> str:
    """The package that a signature is for; ``""`` when it is not ours or has expired."""
    try:
        text = base64.b64decode(sign, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    mac, _, fields = text.partition("&")
    if not hmac.compare_digest(mac.encode(), _mac(services, fields).encode()):
        return ""
    values = dict(parse_qsl(fields))
    return values["f"] if int(values["e"]) >= services.clock() else ""


def _mac(services: Services, text: str) -> str:
    return hmac.digest(services.keyring.derive("tencentcloud packages"), text.encode(), "sha256").hex()
