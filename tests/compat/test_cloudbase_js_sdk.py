"""The unmodified tcb-js-sdk 1.10.10 and @cloudbase/js-sdk 1.8.4, 2.31.0 and 3.7.0 against a live server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules.rules import rules_of_mode
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
VARIANTS = ("tcb-1.10.10", "1.8.4", "2.31.0", "3.7.0", "3.7.0-cloudapi")
LEAST_STEPS = {"tcb-1.10.10": 44, "1.8.4": 61}
MOST_STEPS = 74
SECRET = {"_id": "secret", "n": 1, "_openid": "somebody"}
ECHO = """
exports.main = async ({ userInfo, ...event }) => {
  if (event.fail) throw new Error(event.fail)
  return { sum: event.a + event.b, echoed: event }
}
"""


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / "cloudbase-js-sdk-3.7.0").is_dir():
        not_run("@cloudbase/js-sdk in Node", "node or tests/compat/node_modules is missing; run `make`")


def new_ticket(cloud: LiveServer, space: Space) -> str:
    key = cloud.services.identity.new_ticket_key(space)
    now = int(time.time() * 1000)
    claims = {
        "alg": "RS256",
        "env": space.id,
        "iat": now,
        "exp": now + 600_000,
        "uid": "their-user-7",
        "refresh": 3_600_000,
        "expire": now + 86_400_000,
    }
    return key["private_key_id"] + "/@@/" + jwt.encode(claims, key["private_key"], algorithm="RS256")


class Prepared:
    """A space with what the suite expects: a function, a user, and collections that belong to others."""

    def __init__(self, cloud: LiveServer, directory: Path) -> None:
        self._cloud = cloud
        self.space = space = cloud.create_space()
        (directory / "index.js").write_text(ECHO)
        cloud.call(cloud.services.functions.deploy(space.id, directory, "echo"))
        user = cloud.services.identity.create_user(space, username="alice", password="Passw0rd!")
        self.input = {
            "username": "alice",
            "password": "Passw0rd!",
            "userId": user.user_id,
            "ticket": new_ticket(cloud, space),
        }
        self._insert("notes", [])
        self._insert("post", [])
        self._insert("theirs", [SECRET])
        self._insert("public", [{"_id": "one", "n": 7}], "ADMINWRITE")
        self._insert("forbidden", [{"_id": "one"}], "ADMINONLY")

    def _insert(self, name: str, documents: list[dict[str, Any]], mode: str = "PRIVATE") -> None:
        engine = self._cloud.services.documents.engine(self.space.id)
        self._cloud.call(engine.run(commands.CreateCollection(name)))
        if documents:
            self._cloud.call(engine.run(commands.Insert(name, documents)))
        self._cloud.services.documents.set_rules(self.space.id, name, rules_of_mode(mode))

    def stored(self, name: str) -> list[Any]:
        found: list[Any] = self._cloud.call(
            self._cloud.services.documents.engine(self.space.id).run(commands.Find(name))
        )
        return found


@pytest.fixture
def prepared(cloud: LiveServer, tmp_path: Path) -> Prepared:
    return Prepared(cloud, tmp_path)


def check(steps: list[dict[str, Any]], prepared: Prepared, variant: str) -> None:
    failed = {step["step"]: step["error"] for step in steps if not step["ok"]}
    assert not failed, json.dumps(failed, indent=1, ensure_ascii=False)
    assert len(steps) >= LEAST_STEPS.get(variant, MOST_STEPS), len(steps)
    assert prepared.stored("theirs") == [SECRET]
    assert not [document for document in prepared.stored("todos") if "stray" in document]
    assert [document["n"] for document in prepared.stored("public")] == [7]


def run_in_node(kind: str, variant: str, endpoint: str, prepared: Prepared) -> list[dict[str, Any]]:
    """The steps that the script prints, one JSON object on a line for each."""
    done = subprocess.run(
        ["node", str(HERE / "web" / "node.mjs"), kind, variant, endpoint, prepared.space.id],
        cwd=HERE,
        env={**os.environ, "INPUT": json.dumps(prepared.input), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"step"')]
    assert lines, f"nothing was printed: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_node(cloud: LiveServer, prepared: Prepared, variant: str) -> None:
    check(run_in_node("node", variant, cloud.endpoint, prepared), prepared, variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_on_the_stand_in_of_a_mini_program(cloud: LiveServer, prepared: Prepared, variant: str) -> None:
    """The SDKs' builds for mini programs; all but the gateway's with documented request methods only."""
    check(run_in_node("mini", variant, cloud.endpoint, prepared), prepared, variant)
