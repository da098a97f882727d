"""Signed requests as the SDKs send them."""

from __future__ import annotations

import gzip
import json
import time
from functools import cached_property
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from yunbox.protocols.mpserverless import signing
from yunbox.spaces import Space


class GatewayClient:
    """Calls gateway methods of one space; ``call`` checks the envelope that every SDK relies on."""

    def __init__(self, endpoint: str, space: Space, http: httpx.Client) -> None:
        self.endpoint = endpoint
        self.space = space
        self.token = ""
        self.http = http

    def sign(self, body: dict[str, Any]) -> str:
        return signing.client_signature(self.space.client_secret, signing.string_to_sign(body))

    def body(self, method: str, params: Any, **fields: Any) -> dict[str, Any]:
        text = params if isinstance(params, str) else json.dumps(params)
        body = {"spaceId": self.space.id, "method": method, "params": text, "timestamp": int(time.time() * 1000)}
        return {**body, **({"token": self.token} if self.token else {}), **fields}

    def post(self, body: dict[str, Any], path: str = "/client", **changes: Any) -> httpx.Response:
        headers = {"x-serverless-sign": self.sign(body), "content-type": "application/json", **changes}
        return self.http.post(self.endpoint + path, content=json.dumps(body), headers=headers)

    def answer(self, method: str, params: Any = (), **fields: Any) -> dict[str, Any]:
        """The whole envelope."""
        response = self.post(self.body(method, params or {}, **fields))
        return checked(response)

    def call(self, method: str, params: Any = ()) -> Any:
        """The ``data`` of a call that must succeed."""
        answer = self.answer(method, params)
        assert answer["success"], answer
        return answer.get("data")

    def refused(self, method: str, params: Any = (), **fields: Any) -> str:
        """The code of a call that must fail."""
        answer = self.answer(method, params, **fields)
        assert not answer["success"], answer
        code: str = answer["error"]["code"]
        return code

    def of(self, space: Space) -> GatewayClient:
        """The same kind of client for another space."""
        return type(self)(self.endpoint, space, self.http)

    def authorize(self) -> GatewayClient:
        self.token = ""
        self.token = self.call("serverless.auth.user.anonymousAuthorize", {"clientIdentifier": "app-1"})["accessToken"]
        return self

    def db(self, command: str, **params: Any) -> Any:
        return self.call("serverless.db.default.execute", {"command": command, **params})


class ServerClient(GatewayClient):
    """The same for ``/server``, signed with the space's private key."""

    @cached_property
    def _key(self) -> RSAPrivateKey:
        key = serialization.load_pem_private_key(
            self.space.server_private_key.encode(), None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, RSAPrivateKey)
        return key

    def sign(self, body: dict[str, Any]) -> str:
        return self._key.sign(signing.string_to_sign(body).encode(), padding.PKCS1v15(), hashes.MD5()).hex()

    def post(self, body: dict[str, Any], path: str = "/server", **changes: Any) -> httpx.Response:
        return super().post(body, path, **changes)

    def post_form(self, body: dict[str, Any]) -> httpx.Response:
        """As the PHP SDK sends it."""
        return self.http.post(f"{self.endpoint}/server", data=body, headers={"x-serverless-sign": self.sign(body)})

    def post_gzip(self, body: dict[str, Any]) -> httpx.Response:
        headers = {"x-serverless-sign": self.sign(body), "content-encoding": "gzip", "content-type": "application/json"}
        content = gzip.compress(json.dumps(body).encode())
        return self.http.post(f"{self.endpoint}/server", content=content, headers=headers)


def checked(response: httpx.Response) -> dict[str, Any]:
    """The envelope in ``response``, which must have the form that no SDK breaks on (aliyun-wire.md §2.2)."""
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["request-id"]
    content: dict[str, Any] = response.json()
    assert "error" not in content or (isinstance(content["error"]["code"], str) and content["error"]["message"])
    assert content["success"] is ("error" not in content)
    assert content["header"]["x-serverless-request-id"] == response.headers["request-id"]
    return content
