"""A client of ``/admin`` that signs like the SDKs, for requests that no SDK would send."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from yunbox.protocols.tcb.signing import encode_component


class AdminClient:
    """Sends actions to one server with one pair of keys."""

    def __init__(self, endpoint: str, secret_id: str, secret_key: str, session_token: str = "") -> None:
        self.http = httpx.Client(base_url=endpoint, trust_env=False, timeout=30)
        self.endpoint = endpoint
        self.secret_id = secret_id
        self.secret_key = secret_key
        self.session_token = session_token

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.close()

    def send(self, action: str, **params: Any) -> dict[str, Any]:
        """Send an action with a TC3 signature; the answer."""
        body = {"action": action, "sessionToken": self.session_token, **params}
        return self.post(body, self.tc3(body))

    def post(
        self, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None, path: str = "/admin"
    ) -> dict[str, Any]:
        """Post a body as it is; checks what holds for every answer."""
        content = body if isinstance(body, bytes) else compact(body)
        given = {"content-type": "application/json", **(headers or {})}
        answer = self.http.post(path, content=content, headers=given)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        reply: dict[str, Any] = answer.json()
        assert reply["requestId"]
        return reply

    def tc3_form(self, fields: Mapping[str, str], binary: Mapping[str, bytes]) -> dict[str, str]:
        """The headers that sign a form; its own content type is left to the sender."""
        return self.tc3({**fields, **binary}, content_type="multipart/form-data")

    def tc3(
        self,
        body: Mapping[str, Any],
        path: str = "/admin",
        shift: int = 0,
        content_type: str = "application/json",
        query: str = "",
    ) -> dict[str, str]:
        """The headers that sign ``body``."""
        timestamp = int(time.time()) + shift
        date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
        host = self.endpoint.partition("://")[2]
        names = sorted((name for name in body if body[name] != ""), key=str.lower)
        payload = b"".join(
            b"&" + encode_component(name.lower()).encode() + b"=" + _signed(body[name]) + b"\r\n" for name in names
        )
        canonical = "\n".join(
            (
                "post",
                f"//{host}{path}",
                query,
                f"content-type:{content_type}\nhost:{host}\n",
                "content-type;host",
                hashlib.sha256(payload).hexdigest(),
            )
        )
        scope = f"{date}/tcb/tc3_request"
        string = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"TC3{self.secret_key}".encode()
        for part in (date, "tcb", "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, string.encode(), "sha256").hexdigest()
        parameters = ";".join(name.lower() for name in names)
        return {
            "x-timestamp": str(timestamp),
            "authorization": f"TC3-HMAC-SHA256 Credential={self.secret_id}/{scope}, SignedParams={parameters},"
            f" SignedHeaders=content-type;host, Signature={signature}",
        }


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _signed(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.strip().encode() if isinstance(value, str) else compact(value)
