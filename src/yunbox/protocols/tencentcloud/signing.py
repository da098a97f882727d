"""TC3-HMAC-SHA256 over a whole request to the cloud API (``X-TC-*`` headers), verified."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass

from yunbox.http import Request
from yunbox.protocols.tencentcloud.addresses import Target
from yunbox.protocols.tencentcloud.errors import ApiError
from yunbox.tools.clock import MACHINE, Clock

WINDOW_S = 300
"""Seconds by which a request's time may differ from ours, as at the vendor."""

_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<id>[^/,\s]+)/(?P<date>[\d-]+)/(?P<service>[a-z0-9_.-]+)/tc3_request,\s*"
    r"SignedHeaders=(?P<headers>[a-z0-9;_-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_REQUIRED = {"content-type", "host"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What an ``Authorization`` header says, not verified yet."""

    secret_id: str
    date: str
    service: str
    headers: tuple[str, ...]
    signature: str


def read_authorization(request: Request) -> Credential:
    """
    Raises:
        ApiError: ``AuthFailure.InvalidAuthorization`` when there is no usable header.
    """
    match = _AUTHORIZATION.fullmatch(request.header("authorization").strip())
    if match is None:
        raise ApiError("AuthFailure.InvalidAuthorization", "the Authorization header is not TC3-HMAC-SHA256 / 缺少签名")
    headers = tuple(match["headers"].split(";"))
    if not _REQUIRED.issubset(headers):
        raise ApiError("AuthFailure.InvalidAuthorization", "SignedHeaders must name content-type and host / 签名不完整")
    return Credential(match["id"], match["date"], match["service"], headers, match["signature"])


def verify(
    request: Request, target: Target, credential: Credential, body: bytes, secret: str, clock: Clock = MACHINE
) -> None:
    """Check the signature and the time of a request.

    Raises:
        ApiError: ``AuthFailure.SignatureExpire`` or ``AuthFailure.SignatureFailure``.
    """
    timestamp = request.header("x-tc-timestamp")
    _check_time(timestamp, credential, clock)
    host = request.header("host")
    # manager-node signs the host name without the port that its Host header has.
    hosts = {host, host.partition(":")[0]}
    canonical = [_canonical(request, target, credential, body, name) for name in sorted(hosts)]
    if not any(_matches(text, credential, timestamp, secret) for text in canonical):
        raise ApiError(
            "AuthFailure.SignatureFailure",
            "the signature does not match; check the secret key / 签名错误，请检查 SecretKey",
        )


def _check_time(timestamp: str, credential: Credential, clock: Clock) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise ApiError("InvalidParameter", "X-TC-Timestamp is missing or no number / 缺少 X-TC-Timestamp")
    if abs(clock.near(int(timestamp)) - int(timestamp)) > WINDOW_S:
        raise ApiError(
            "AuthFailure.SignatureExpire",
            "the signature has expired, or the clock of the caller is wrong / 签名已过期，请检查本机时间",
        )
    if time.strftime("%Y-%m-%d", time.gmtime(int(timestamp))) != credential.date:
        raise ApiError("AuthFailure.SignatureFailure", "the credential's date is not the timestamp's / 签名日期不符")


def _canonical(request: Request, target: Target, credential: Credential, body: bytes, host: str) -> str:
    values = {"host": host, **{name: request.header(name) for name in credential.headers if name != "host"}}
    headers = "".join(f"{name}:{values[name].strip().lower()}\n" for name in credential.headers)
    digest = hashlib.sha256(body).hexdigest()
    names = ";".join(credential.headers)
    return f"{request.method}\n{target.raw_path}\n{request.query_string}\n{headers}\n{names}\n{digest}"


def _matches(canonical: str, credential: Credential, timestamp: str, secret: str) -> bool:
    expected = _signature(canonical, credential.date, credential.service, timestamp, secret)
    return hmac.compare_digest(expected, credential.signature)


def _signature(canonical: str, date: str, service: str, timestamp: str, secret: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    key = _hmac(_hmac(_hmac(f"TC3{secret}".encode(), date), service), "tc3_request")
    return _hmac(key, f"TC3-HMAC-SHA256\n{timestamp}\n{date}/{service}/tc3_request\n{digest}").hex()


def authorization(secret_id: str, secret: str, service: str, host: str, body_digest: str, timestamp: int) -> str:
    """The ``Authorization`` of a JSON request with this body (its SHA-256 in hex) to ``POST /`` of ``host``."""
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    headers = f"content-type:application/json\nhost:{host}\n"
    canonical = f"POST\n/\n\n{headers}\ncontent-type;host\n{body_digest}"
    signature = _signature(canonical, date, service, str(timestamp), secret)
    scope = f"{secret_id}/{date}/{service}/tc3_request"
    return f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host, Signature={signature}"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
