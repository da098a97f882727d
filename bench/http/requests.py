"""Prepared requests, signed as the SDKs sign them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any


def raw(host: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def admin(host: str, space: dict[str, Any], action: dict[str, Any]) -> bytes:
    """A ``/admin`` request."""
    body, headers = signed_admin(host, space, {"envName": space["space_id"], **action})
    return raw(host, "/admin", body, headers)


def signed_admin(host: str, space: dict[str, Any], body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A ``/admin`` body and its headers, with the TC3 signature of tencent-server-wire.md §4.2."""
    timestamp = int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    signed_headers = {"content-type": "application/json", "host": host, "user-agent": "tcb-node-sdk/2.10.0"}
    payload = hashlib.sha256()
    for key, value in body.items():
        text = value.strip() if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        if text:
            payload.update(f"&{_cam(key.lower())}={text}\r\n".encode())
    canonical = "\n".join(
        [
            "post",
            f"//{host}/admin",
            "",
            "".join(f"{name}:{value.lower()}\n" for name, value in signed_headers.items()),
            ";".join(signed_headers),
            payload.hexdigest(),
        ]
    )
    scope = f"{date}/tcb/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing_key = f"TC3{space['secret_key']}".encode()
    for part in (date, "tcb", "tc3_request"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
    authorization = (
        f"TC3-HMAC-SHA256 Credential={space['secret_id']}/{scope}, SignedParams={';'.join(body).lower()}, "
        f"SignedHeaders={';'.join(signed_headers)}, Signature={signature}"
    )
    headers = {
        "content-type": "application/json",
        "user-agent": signed_headers["user-agent"],
        "authorization": authorization,
        "x-timestamp": str(timestamp),
        "x-signature-expires": "600",
    }
    return json.dumps(body, separators=(",", ":")).encode(), headers


def _cam(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="-_.~")


def client(host: str, space: dict[str, Any], method: str, params: dict[str, Any], token: str = "") -> bytes:
    """A ``/client`` request with the HMAC-MD5 signature of aliyun-wire.md §2.1."""
    body: dict[str, Any] = {
        "spaceId": space["space_id"],
        "method": method,
        "params": json.dumps(params, separators=(",", ":")),
        "timestamp": int(time.time() * 1000),
    }
    if token:
        body["token"] = token
    canonical = "&".join(f"{key}={body[key]}" for key in sorted(body))
    sign = hmac.digest(space["client_secret"].encode(), canonical.encode(), "md5").hex()
    headers = {"content-type": "application/json", "x-serverless-sign": sign}
    if token:
        headers["x-basement-token"] = token
    return raw(host, "/client", json.dumps(body, separators=(",", ":")).encode(), headers)
