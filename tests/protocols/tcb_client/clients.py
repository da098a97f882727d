"""Small clients of the web surfaces."""

from __future__ import annotations

from typing import Any

import httpx

from tests.server import LiveServer
from yunbox.spaces import Space


class WebClient:
    """Calls ``/web`` as the 1.x SDKs do."""

    def __init__(self, cloud: LiveServer, space: Space) -> None:
        self.space = space
        self._url = f"{cloud.endpoint}/web?env={space.id}"

    def post(self, action: str, **params: Any) -> dict[str, Any]:
        body = {"action": action, "env": self.space.id, "dataVersion": "2020-01-10", **params}
        answer = httpx.post(self._url, json=body, timeout=30)
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()
        return content

    def call(self, action: str, **params: Any) -> dict[str, Any]:
        """The answer of a call that must succeed."""
        answer = self.post(action, **params)
        assert "code" not in answer, answer
        return answer

    def error(self, action: str, **params: Any) -> str:
        """The code of a call that must fail."""
        code: str = self.post(action, **params)["code"]
        return code

    def access_token(self, refresh_token: str) -> str:
        token: str = self.call("auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh_token)["access_token"]
        return token

    def sign_in(self) -> str:
        """The access token of a new anonymous user."""
        return self.access_token(self.call("auth.signInAnonymously")["refresh_token"])

    def uid(self, refresh_token: str) -> str:
        uid: str = self.call("auth.getUserInfo", access_token=self.access_token(refresh_token))["data"]["uid"]
        return uid


class AuthClient:
    """Calls ``/auth/v1`` as the 2.x and 3.x SDKs do: JSON bodies that say they are text."""

    def __init__(self, cloud: LiveServer, space: Space) -> None:
        self.space = space
        self._base = f"{cloud.endpoint}/auth/v1"

    def request(
        self, method: str, path: str, body: Any = None, token: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        query = "" if token else f"{'&' if '?' in path else '?'}client_id={self.space.id}"
        sent = {"content-type": "text/plain;charset=UTF-8", **(headers or {})}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return httpx.request(method, f"{self._base}/{path}{query}", json=body, headers=sent, timeout=30)

    def post(self, path: str, bearer: str = "", **body: Any) -> dict[str, Any]:
        """The answer of a call that must succeed."""
        answer = self.request("POST", path, body, bearer)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def get(self, path: str, token: str = "") -> dict[str, Any]:
        answer = self.request("GET", path, token=token)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def error(self, path: str, bearer: str = "", **body: Any) -> tuple[int, str]:
        """Status and error of a call that must fail."""
        answer = self.request("POST", path, body, bearer)
        assert set(answer.json()) >= {"error", "error_code", "error_description"}
        return answer.status_code, answer.json()["error"]
