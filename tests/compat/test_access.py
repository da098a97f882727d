"""Security rules of functions and files, by actor, through unmodified SDKs (semantics.md §8.2)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
FUNCTION_RULES = {
    "*": {"invoke": "auth != null"},
    "open": {"invoke": True},
    "named": {"invoke": "auth.loginType != 'ANONYMOUS' && auth != null"},
    "closed": {"invoke": False},
}
FILE_RULES = {
    "read": "auth != null && auth.loginType != 'ANONYMOUS'",
    "write": "resource.openid == auth.openid || resource.openid == auth.uid",
}
ACTORS = {
    "alice": {"other": "ok", "open": "ok", "named": "ok", "closed": "denied"},
    "bob": {
        **{"other": "ok", "open": "ok", "named": "ok", "closed": "denied"},
        **{"upload": "ok", "read": "ok", "overwrite": "denied", "remove": "denied"},
    },
    "anonymous": {
        **{"other": "ok", "open": "ok", "named": "denied", "closed": "denied"},
        **{"upload": "ok", "read": "denied", "overwrite": "denied", "remove": "denied"},
    },
}
DENIED = ("EXCEED_AUTHORITY", "STORAGE_EXCEED_AUTHORITY", "PERMISSION_DENIED")


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / "cloudbase-js-sdk-3.7.0").is_dir():
        not_run("rules through SDKs", "node or tests/compat/node_modules is missing; run `make`")


@pytest.fixture
def space(cloud: LiveServer, tmp_path: Path) -> Space:
    space = cloud.create_space()
    for name in ("other", "open", "named", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.js").write_text("exports.main = async () => 'called'")
        cloud.call(cloud.services.functions.deploy(space.id, tmp_path / name, name))
    for name in ("alice", "bob"):
        cloud.services.identity.create_user(space, username=name, password="Passw0rd!")
    cloud.services.functions.rules.set(space.id, FUNCTION_RULES)
    cloud.services.files.set_rules(space.id, FILE_RULES)
    return space


def run(script: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", str(HERE / script), *arguments],
        cwd=HERE,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout[-2000:] + done.stderr[-2000:]
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def verdicts(outcome: dict[str, Any]) -> dict[str, str]:
    return {name: "denied" if any(code in str(word) for code in DENIED) else word for name, word in outcome.items()}


@pytest.mark.parametrize("variant", ["1.8.4", "2.31.0", "3.7.0"])
def test_each_actor_may_do_what_the_rules_say(cloud: LiveServer, space: Space, variant: str) -> None:
    file = ""
    for actor, expected in ACTORS.items():
        outcome = run("web/access.mjs", variant, cloud.endpoint, space.id, actor, file)
        assert verdicts(outcome) | expected == verdicts(outcome), (actor, outcome)
        file = file or outcome["fileID"]
    with_own = run("web/access.mjs", variant, cloud.endpoint, space.id, "alice", file)
    assert (with_own["read"], with_own["overwrite"], with_own["remove"]) == ("ok", "ok", "ok")


def ask(cloud: LiveServer, space: Space, function: str) -> Any:
    body = {"action": "functions.invokeFunction", "function_name": function, "dataVersion": "2020-01-10"}
    return httpx.post(f"{cloud.endpoint}/web?env={space.id}", json=body).json()


def test_who_is_not_signed_in_needs_the_rule_and_the_space_to_allow_it(cloud: LiveServer, space: Space) -> None:
    assert ask(cloud, space, "open")["code"] == "EXCEED_AUTHORITY"
    cloud.services.spaces.set(space.id, {"allow_guests": True})
    assert ask(cloud, space, "open")["data"]["response_data"] == '"called"'
    refused = ask(cloud, space, "other")
    assert refused["code"] == "EXCEED_AUTHORITY"
    assert "`auth != null` is not true" in refused["message"]


def test_plain_addresses_obey_the_rules(cloud: LiveServer, space: Space) -> None:
    file = run("web/access.mjs", "1.8.4", cloud.endpoint, space.id, "alice")["fileID"]
    plain = f"{cloud.endpoint}/files/{space.bucket}/{file.rpartition('/')[2]}"
    assert httpx.get(plain).status_code == 403
    assert httpx.get(f"{plain}.nope").status_code == 403
    cloud.services.files.set_rules(space.id, {"read": True})
    assert httpx.get(plain).text == "alice"
    assert httpx.get(f"{plain}.nope").status_code == 404


def test_rules_hold_for_mpserverless_clients(cloud: LiveServer, space: Space) -> None:
    options = {"endpoint": cloud.endpoint, "spaceId": space.id, "clientSecret": space.client_secret}
    outcome = run("js/ali_access.js", json.dumps(options))
    assert outcome["open"] == "called"
    assert outcome["closed"] == outcome["named"] == "PermissionDenied"
    assert outcome["delete"] == "PermissionDenied"
