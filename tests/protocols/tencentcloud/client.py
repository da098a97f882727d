"""A small client of the cloud API and of buckets, that signs as the vendor's documents say: a second opinion to the SDK."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx

from yunbox.spaces import Space

VERSIONS = {"tcb": "2018-06-08", "scf": "2018-04-16", "flexdb": "2018-11-27"}


def tc3(secret_id: str, secret_key: str, service: str, host: str, body: bytes, at: int, date: str = "") -> str:
    """The ``Authorization`` of a POST to ``/``."""
    day = date or time.strftime("%Y-%m-%d", time.gmtime(at))
    digest = hashlib.sha256(body).hexdigest()
    headers = f"content-type:application/json\nhost:{host}\n"
    canonical = f"POST\n/\n\n{headers}\ncontent-type;host\n{digest}"
    scope = f"{day}/{service}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders=content-type;host, Signature={signature}"


def q_sign(
    secret_id: str, secret_key: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The ``Authorization`` of a request to a bucket, over everything in ``query`` and ``headers``."""
    now = int(time.time())
    period = f"{now - 1};{now + 900}"

    def joined(values: Mapping[str, str]) -> str:
        rows = sorted((name.lower(), value) for name, value in values.items())
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in rows)

    text = f"{method.lower()}\n{path}\n{joined(query)}\n{joined(headers)}\n"
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    key = hmac.new(secret_key.encode(), period.encode(), "sha1").hexdigest()
    signature = hmac.new(key.encode(), f"sha1\n{period}\n{digest}\n".encode(), "sha1").hexdigest()
    names = {
        "q-url-param-list": ";".join(sorted(name.lower() for name in query)),
        "q-header-list": ";".join(sorted(name.lower() for name in headers)),
    }
    parts = {
        "q-sign-algorithm": "sha1",
        "q-ak": secret_id,
        "q-sign-time": period,
        "q-key-time": period,
        **names,
        "q-signature": signature,
    }
    return "&".join(f"{name}={value}" for name, value in parts.items())


@dataclass
class CloudClient:
    """The holder of a space's keys."""

    http: httpx.Client
    endpoint: str
    secret_id: str
    secret_key: str
    token: str = ""

    @classmethod
    def of(cls, http: httpx.Client, endpoint: str, space: Space) -> CloudClient:
        return cls(http, endpoint, space.secret_id, space.secret_key)

    def holding(self, secret_id: str, secret_key: str, token: str = "") -> CloudClient:
        """The same client with other keys."""
        return replace(self, secret_id=secret_id, secret_key=secret_key, token=token)

    def call(self, action: str, /, **values: Any) -> dict[str, Any]:
        """The ``Response`` of ``service.Action``."""
        service, _, name = action.partition(".")
        return self.send(service, name, json.dumps(values).encode())

    def refused(self, action: str, /, **values: Any) -> str:
        """The ``Code`` of an answer that must be an error."""
        answer = self.call(action, **values)
        assert "Error" in answer, answer
        return str(answer["Error"]["Code"])

    def send(
        self,
        service: str,
        action: str,
        body: bytes,
        sent: bytes | None = None,
        at: int = 0,
        date: str = "",
        **headers: str,
    ) -> dict[str, Any]:
        """Sign ``body`` and send ``sent`` in its place."""
        host, at = f"{service}.tencentcloudapi.com", at or int(time.time())
        own = {
            "Host": host,
            "Content-Type": "application/json",
            "X-TC-Action": action,
            "X-TC-Version": VERSIONS.get(service, "2019-01-16"),
            "X-TC-Timestamp": str(at),
            "Authorization": tc3(self.secret_id, self.secret_key, service, host, body, at, date),
            **({"X-TC-Token": self.token} if self.token else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = f"{self.endpoint}/tencentcloud/{host}/"
        answer = self.http.post(url, content=body if sent is None else sent, headers=own)
        assert answer.status_code == 200
        shown: dict[str, Any] = answer.json()["Response"]
        assert shown["RequestId"]
        return shown

    def object(
        self,
        method: str,
        bucket: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        unsigned: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A signed request to a bucket; ``unsigned`` is added to the query afterwards."""
        host = f"{bucket}.cos.ap-shanghai.myqcloud.com"
        query, signed = dict(query or {}), {"host": host, **(headers or {})}
        own = {**signed, "authorization": q_sign(self.secret_id, self.secret_key, method, f"/{key}", query, signed)}
        if self.token:
            own["x-cos-security-token"] = self.token
        url = f"{self.endpoint}/tencentcloud/{host}/{quote(key)}"
        return self.http.request(method, url, params={**query, **(unsigned or {})}, content=content, headers=own)
