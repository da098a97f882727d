"""Who may take an e-mail address or a phone number: only who has just proven it, on the device of the proof."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.protocols.tcb.test_origins import signed_in
from tests.server import LiveServer
from yunbox.identity.codes import DEVELOPER_CODE
from yunbox.spaces import Space

DEVICE = "0123456789abcdef0123456789abcdef"
ADDRESS = {"email": "new@example.com"}


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


def send(
    cloud: LiveServer, space: Space, path: str, body: dict[str, Any], device: str, token: str = ""
) -> httpx.Response:
    headers = {"x-device-id": device, **({"authorization": f"Bearer {token}"} if token else {})}
    url = f"{cloud.endpoint}/auth/v1/{path}?client_id={space.id}"
    return httpx.post(url, json=body, headers=headers, trust_env=False)


def prove(cloud: LiveServer, space: Space, device: str) -> None:
    sent = send(cloud, space, "verification", ADDRESS, device).json()
    code = {"verification_id": sent["verification_id"], "verification_code": DEVELOPER_CODE}
    assert send(cloud, space, "verification/verify", code, device).status_code == 200


def test_only_a_proven_address_is_taken(cloud: LiveServer, space: Space) -> None:
    token, other = signed_in(cloud, space), signed_in(cloud, space)
    assert send(cloud, space, "user/basic/edit", ADDRESS, DEVICE, token).status_code == 403
    prove(cloud, space, DEVICE)
    assert send(cloud, space, "user/basic/edit", ADDRESS, "f" * 32, other).status_code == 403
    assert send(cloud, space, "user/basic/edit", {"email": "x@example.com"}, DEVICE, token).status_code == 403
    assert send(cloud, space, "user/basic/edit", ADDRESS, DEVICE, token).json()["email"] == "new@example.com"
    assert send(cloud, space, "user/basic/edit", ADDRESS, DEVICE, other).status_code == 403


@pytest.mark.parametrize("device", ["", "short"])
def test_without_a_device_nothing_is_proven(cloud: LiveServer, space: Space, device: str) -> None:
    prove(cloud, space, device)
    answer = send(cloud, space, "user/basic/edit", ADDRESS, device, signed_in(cloud, space))
    assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")
