"""Gateway calls of @cloudbase/node-sdk 3."""

from __future__ import annotations

import hashlib
import hmac
import time

import httpx

from tests.server import LiveServer
from yunbox.spaces import Space

BODY = b'{"grant_type":"client_credentials"}'
PATH = "/auth/v1/token/clientCredential"


def signed(space: Space, host: str, body: bytes, key: str = "") -> dict[str, str]:
    now = int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    headers = "content-type;host"
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n{PATH}\n\ncontent-type:application/json\nhost:{host}\n\n{headers}\n{digest}"
    scope = f"{date}/tcb/tc3_request"
    string = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"TC3{key or space.secret_key}".encode()
    for part in (date, "tcb", "tc3_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.new(secret, string.encode(), "sha256").hexdigest()
    credential = f"Credential={space.secret_id}/{scope}, SignedHeaders={headers}, Signature={signature}"
    return {
        "host": host,
        "content-type": "application/json",
        "authorization": f"TC3-HMAC-SHA256 {credential}, Timestamp={now}, Token=",
    }


def post(cloud: LiveServer, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(cloud.endpoint + PATH, content=body, headers=headers, trust_env=False)


def test_client_credentials(cloud: LiveServer) -> None:
    space = cloud.create_space()
    host = f"{space.id}.api.tcloudbasegateway.com"
    answer = post(cloud, BODY, signed(space, host, BODY))
    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 259200)


def test_refusals(cloud: LiveServer) -> None:
    space, other = cloud.create_space(), cloud.create_space()
    host, foreign = f"{space.id}.api.tcloudbasegateway.com", f"{other.id}.api.tcloudbasegateway.com"
    wrong = post(cloud, BODY, signed(space, host, BODY, key="wrong"))
    assert (wrong.status_code, wrong.json()["code"]) == (401, "SIGN_PARAM_INVALID")
    assert post(cloud, BODY + b" ", signed(space, host, BODY)).status_code == 401
    assert post(cloud, BODY, signed(space, foreign, BODY)).json()["code"] == "INVALID_ENV"
    assert post(cloud, b"{}", signed(space, host, b"{}")).json()["code"] == "INVALID_PARAM"


def test_containers_are_not_configured(cloud: LiveServer) -> None:
    answer = httpx.post(f"{cloud.endpoint}/v1/cloudrun/svc/hello", json={"k": 1}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (501, "SERVICE_NOT_CONFIGURED")
