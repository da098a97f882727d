"""Open API calls in protobuf: the codec, developer mode, and who may call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.protocols.tcb.signed import AdminClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin import protobuf
from yunbox.spaces import Space


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ([(1, 0), (2, b"")], "08001200"),
        ([(3, -604101)], "18bb90dbffffffffffff01"),
        ([(1, b"\x89PNG"), (2, "image/png"), (3, 0), (4, 200)], "0a0489504e471209696d6167652f706e67180020c801"),
    ],
)
def test_writes_messages(fields: list[tuple[int, int | bytes | str]], data: str) -> None:
    assert protobuf.write(fields).hex() == data


def test_reads_messages() -> None:
    data = protobuf.write([(1, 300), (2, "a"), (2, "文"), (4, protobuf.write([(1, "in")]))])
    fields = protobuf.read(data)
    assert fields[1] == [300]
    assert fields[2] == [b"a", "文".encode()]
    assert protobuf.text(fields, 2) == "文"
    assert protobuf.text(protobuf.message(fields, 4), 1) == "in"
    assert protobuf.message(fields, 9) == {}


@pytest.mark.parametrize("data", ["08", "0aff", "0a05ab", "0b", "ffffffffffffffffffff01", "0d0102"])
def test_refuses_what_is_no_message(data: str) -> None:
    with pytest.raises(InvalidRequest):
        protobuf.read(bytes.fromhex(data))


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture
def guarded(cloud: LiveServer, space: Space, tmp_path: Path) -> Iterator[AdminClient]:
    """A function whose ``config.json`` lists one API."""
    (tmp_path / "index.js").write_text("exports.main = async () => 1\n")
    (tmp_path / "config.json").write_text(json.dumps({"permissions": {"openapi": ["wxacode.get"]}}))
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "guarded"))
    capability = cloud.services.functions.capabilities.issue(Caller("function", space.id, function="guarded"), 60)
    with AdminClient(cloud.endpoint, capability.secret_id, capability.secret_key, capability.token) as client:
        yield client


def call(client: AdminClient, name: str, data: bytes) -> httpx.Response:
    """Send an open API call as the SDKs do: a form whose ``requestData`` is binary and signed."""
    fields: dict[str, Any] = {"action": "wx.openApi", "apiName": name, "sessionToken": client.session_token}
    headers = client.tc3_form(fields, {"requestData": data})
    files = {key: (None, value.encode()) for key, value in fields.items() if value}
    binary = {"requestData": ("", data, "application/octet-stream")}
    return client.http.post("/admin", files={**files, **binary}, headers=headers)


def test_only_listed_apis_may_be_called(guarded: AdminClient) -> None:
    refused = call(guarded, "security.msgSecCheck", protobuf.write([(1, 0), (2, b"")]))
    assert refused.headers["content-type"] == "application/octet-stream"
    assert refused.content.hex() == "18bb90dbffffffffffff01"
    allowed = protobuf.read(call(guarded, "wxacode.get", protobuf.write([(1, 0), (2, b"")])).content)
    assert protobuf.text(allowed, 2) == "image/png"


def test_errors_are_json(guarded: AdminClient) -> None:
    for data in (protobuf.write([(1, 3)]), protobuf.write([(1, 7)]), b"\xff"):
        answer = call(guarded, "wxacode.get", data)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.json()["code"] == "INVALID_PARAM"
