"""Which address clients are told, and which pages may use a space's files."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.protocols.tcb.signed import AdminClient
from tests.server import LiveServer
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


def call(cloud: LiveServer, space: Space, action: str, host: str = "", **params: Any) -> dict[str, Any]:
    """What ``/web`` answers to a client that came by the name ``host``."""
    body = {"action": action, "env": space.id, "dataVersion": "2020-01-10", **params}
    headers = {"host": host} if host else {}
    answer: dict[str, Any] = httpx.post(f"{cloud.endpoint}/web", json=body, headers=headers, trust_env=False).json()
    return answer


def signed_in(cloud: LiveServer, space: Space) -> str:
    refresh = call(cloud, space, "auth.signInAnonymously")["refresh_token"]
    token: str = call(cloud, space, "auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh)["access_token"]
    return token


@pytest.mark.parametrize(
    ("host", "configured", "origin"),
    [
        ("192.168.1.5:7800", "", "http://192.168.1.5:7800"),
        ("[fe80::1]:7800", "", "http://[fe80::1]:7800"),
        ("cloud.example", "https://public.example", "https://public.example"),
        ("bad host/x", "", None),
    ],
)
def test_addresses_are_those_by_which_a_client_came(
    cloud: LiveServer, space: Space, monkeypatch: pytest.MonkeyPatch, host: str, configured: str, origin: str | None
) -> None:
    token = signed_in(cloud, space)
    monkeypatch.setattr(cloud.services.address, "configured", configured)
    expected = origin or cloud.endpoint
    upload = call(cloud, space, "storage.getUploadMetadata", host, path="a.txt", access_token=token)["data"]
    assert upload["url"].startswith(f"{expected}/files/")
    watch = call(cloud, space, "auth.wsWebSign", host, access_token=token)["data"]
    assert watch["wsUrl"] == expected.replace("http", "ws", 1) + "/ws"


def test_only_listed_pages_upload_and_read(cloud: LiveServer, space: Space) -> None:
    with AdminClient(cloud.endpoint, space.secret_id, space.secret_key) as admin:
        data = admin.send("storage.getUploadMetadata", path="a.txt")["data"]
    cloud.services.spaces.set(space.id, {"cors_origins": "https://app.example"})
    ticket = {"authorization": data["authorization"], "x-cos-security-token": data["token"]}

    def put(origin: str) -> httpx.Response:
        return httpx.put(data["url"], content=b"a", headers={**ticket, "origin": origin}, trust_env=False)

    def get(origin: str) -> httpx.Response:
        return httpx.get(data["download_url"], headers={"origin": origin}, trust_env=False)

    refused = put("https://evil.example")
    assert (refused.status_code, "cors_origins" in refused.text) == (403, True)
    assert put("https://app.example").status_code == 200
    assert get("https://app.example").headers["access-control-allow-origin"] == "https://app.example"
    shown = get("https://evil.example")
    assert (shown.content, shown.headers.get("access-control-allow-origin")) == (b"a", None)
