"""A client of ``/admin`` with a space's own keys."""

from __future__ import annotations

import json
from typing import Any

import httpx

from bench.http.requests import signed_admin
from tests.server import LiveServer
from yunbox.spaces import Space


class AdminClient:
    """Every answer is checked for the form that all server SDKs rely on: HTTP 200 and JSON."""

    def __init__(
        self, cloud: LiveServer, space: Space, *, env: str | None = None, secret_key: str | None = None
    ) -> None:
        self.url = f"{cloud.endpoint}/admin"
        self.host = cloud.endpoint.partition("://")[2]
        self.env = env or space.id
        self.keys = {"secret_id": space.secret_id, "secret_key": secret_key or space.secret_key}

    def post(self, action: str, **params: Any) -> dict[str, Any]:
        """The whole envelope of an action."""
        body, headers = signed_admin(self.host, self.keys, {"envName": self.env, "action": action, **params})
        return self.send(body, headers)

    def send(self, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        answer = httpx.post(self.url, content=body, headers=headers, timeout=60)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        content: dict[str, Any] = answer.json()
        return content

    def call(self, action: str, **params: Any) -> Any:
        """The ``data`` of an action that must succeed."""
        answer = self.post(action, **params)
        assert not answer.get("code"), answer
        return answer.get("data")

    def error(self, action: str, **params: Any) -> str:
        """The code of an action that must fail."""
        answer = self.post(action, **params)
        assert answer.get("code"), answer
        assert "Traceback" not in json.dumps(answer)
        return str(answer["code"])

    def add(self, collection: str, document: dict[str, Any]) -> str:
        ids = self.call("database.insertDocument", collectionName=collection, data=[json.dumps(document)])
        return str(ids["insertedIds"][0])

    def find(self, collection: str, **query: Any) -> list[dict[str, Any]]:
        found = self.call(
            "database.getDocument", collectionName=collection, query=json.dumps(query), queryType="WHERE", limit=100
        )
        return [json.loads(text) for text in found["list"]]

    def invoke(self, name: str, event: Any = None) -> Any:
        data = self.call("functions.invokeFunction", function_name=name, request_data=json.dumps(event or {}))
        return json.loads(data["response_data"])
