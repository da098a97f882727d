"""Requests recorded from every SDK build, also those that cannot be obtained any more, answered by a live server.

The recordings are not part of the project; without them the run says so in one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient, checked
from tests.server import LiveServer

pytestmark = pytest.mark.recorded

RECORDINGS = Path(__file__).parents[4] / "shared" / "wire" / "aliyun-captures.json"
FUNCTIONS = {
    "echo": "module.exports = async (ctx) => ({ args: ctx.args })",
    "sum": "module.exports = async (ctx) => ctx.args.a + ctx.args.b",
    "str": "module.exports = async () => 'plain string'",
    "nul": "module.exports = async () => null",
    "arr": "module.exports = async () => [1, 2, 3]",
    "boom": "module.exports = async () => { throw new Error('boom') }",
}
# What the recording server did wrong on purpose, and what it offered that this server does not.
FAULTS = (
    "HTTP ",
    "no data field",
    "non-JSON",
    "token expiry",
    "authorize refused",
    "minimal db",
    "bad signature",
    "error: ",
)
OTHER = ("network.forward", "httpProxyClient", "user.redisCli")


def recordings() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The gateway requests of each build, in order."""
    if not RECORDINGS.exists():
        return
    builds: dict[str, list[dict[str, Any]]] = {}
    for capture in json.loads(RECORDINGS.read_text()):
        body, call = capture["request"]["body"], capture["call"]
        if isinstance(body, dict) and "params" in body and not any(text in call for text in (*FAULTS, *OTHER)):
            name = capture["sdk"].rpartition("/")[2].partition(" ")[0]
            builds.setdefault(f"{name}-{capture['version']}-{capture.get('platform')}", []).append(capture)
    yield from builds.items()


BUILDS = list(recordings())


def test_recordings_are_here(capsys: pytest.CaptureFixture[str]) -> None:
    if not BUILDS:
        with capsys.disabled():
            print(f"\nNOT HERE: recorded SDK requests ({RECORDINGS.name}); no build was replayed")


class Replay:
    """Sends recorded requests again, with our space, keys, tokens and ids in the place of the recorded ones."""

    def __init__(self, client: GatewayClient, server: ServerClient) -> None:
        self.client = client
        self.server = server
        self.ours: dict[str, str] = {}

    def send(self, capture: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(capture["request"]["body"], ensure_ascii=False)
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        body = json.loads(text)
        sender = self.server if capture["request"]["path"].endswith("/server") else self.client
        fresh = sender.body(body["method"], body["params"])
        body |= {"spaceId": fresh["spaceId"], "timestamp": fresh["timestamp"]}
        return checked(sender.post(body))

    def learn(self, theirs: Any, ours: Any) -> None:
        """Remember which of our tokens and ids stand for recorded ones."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                self.learn(theirs[key], ours[key])
        elif isinstance(theirs, str) and isinstance(ours, str) and theirs != ours and len(theirs) >= 20:
            self.ours[theirs] = ours


@pytest.mark.parametrize(("build", "captures"), BUILDS, ids=[build for build, _ in BUILDS])
def test_recorded_build(
    cloud: LiveServer,
    client: GatewayClient,
    server: ServerClient,
    tmp_path: Path,
    build: str,
    captures: list[dict[str, Any]],
) -> None:
    for name, code in FUNCTIONS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "index.js").write_text(code)
        cloud.call(cloud.services.functions.deploy(client.space.id, folder, name))
    replay = Replay(client, server)
    for capture in captures:
        recorded = capture.get("minimal_response") or capture["fuller_response"]
        answer = replay.send(capture)
        method = capture["request"]["body"]["method"]
        if not needs_uploaded_file(method) and "token" not in capture["call"]:
            told = f"{capture['call']} ({method}): {answer}"
            assert answer["success"] is recorded["body"]["success"] or unknown_token(capture, replay), told
        replay.learn(recorded["body"].get("data"), answer.get("data"))


def needs_uploaded_file(method: str) -> bool:
    """Whether a request is about a file whose upload is not replayed."""
    return method.startswith("serverless.file.resource.") and not method.endswith("generateProximalSign")


def unknown_token(capture: dict[str, Any], replay: Replay) -> bool:
    """Whether the authorize call that gave this request its token was left out of the recordings."""
    token = capture["request"]["body"].get("token")
    return bool(token) and capture["request"]["path"].endswith("/client") and token not in replay.ours
