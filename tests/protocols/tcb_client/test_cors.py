from __future__ import annotations

import httpx
import pytest

from tests.protocols.tcb_client.clients import AuthClient, WebClient
from tests.server import LiveServer
from yunbox.protocols.tcb.cors import allows

ORIGIN = {"origin": "https://page.example"}


@pytest.mark.parametrize(
    "path", ["/web?env=x", "/auth/v1/user/me", "/v1/functions/f", "/files/6465-demo-1250000000/dir/a.txt"]
)
def test_preflights_grant_what_they_are_asked(cloud: LiveServer, path: str) -> None:
    asked = {
        **ORIGIN,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization,x-cos-meta-fileid",
    }
    answer = httpx.options(cloud.endpoint + path, headers=asked)
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert answer.headers["access-control-allow-headers"] == asked["access-control-request-headers"]
    assert {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} <= set(
        answer.headers["access-control-allow-methods"].split(", ")
    )


def test_answers_are_readable_by_pages(cloud: LiveServer) -> None:
    space = cloud.create_space()
    body = {"action": "auth.signInAnonymously", "env": space.id}
    answer = httpx.post(f"{cloud.endpoint}/web", json=body, headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in httpx.post(f"{cloud.endpoint}/web", json=body).headers


def test_a_list_of_origins_keeps_other_pages_out(cloud: LiveServer) -> None:
    space = cloud.create_space()
    token = WebClient(cloud, space).sign_in()
    cloud.services.spaces.set(space.id, {"cors_origins": "https://app.example, other.example:8080"})
    body = {"action": "auth.signInAnonymously", "env": space.id}
    refused = httpx.post(f"{cloud.endpoint}/web", json=body, headers=ORIGIN)
    assert refused.json()["code"] == "INVALID_REQUEST_SOURCE"
    assert "uuid" in httpx.post(f"{cloud.endpoint}/web", json=body, headers={"origin": "https://app.example"}).json()
    assert "uuid" in httpx.post(f"{cloud.endpoint}/web", json=body).json()
    bearer = {**ORIGIN, "authorization": f"Bearer {token}"}
    assert httpx.get(f"{cloud.endpoint}/auth/v1/user/me", headers=bearer).status_code == 403
    assert httpx.post(f"{cloud.endpoint}/v1/functions/f", headers=bearer).status_code == 403
    assert AuthClient(cloud, space).request("GET", "user/me", token=token).is_success


@pytest.mark.parametrize(
    ("listed", "origin", "expected"),
    [
        (None, "https://a.example", True),
        ("", "https://a.example", True),
        ("*", "https://a.example", True),
        ("https://a.example/", "https://a.example", True),
        ("a.example", "http://a.example", True),
        ("a.example", "http://a.example:81", False),
        ("https://a.example", "http://a.example", False),
        ("a.example", "https://evil-a.example", False),
        ("https://b.example,*", "null", True),
        ("https://b.example", "null", False),
    ],
)
def test_origin_lists(listed: str | None, origin: str, expected: bool) -> None:
    assert allows({"cors_origins": listed}, origin) is expected
