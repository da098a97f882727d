"""The package ``yunbox`` of ``sdk/js``, as built, against a live server: in Node.js and on stand-ins of the hosts."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules.security import security_rules
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "sdk" / "js"
MOST_BYTES = 30 * 1024
ECHO = """
exports.main = async ({ userInfo, ...event }) => {
  if (event.fail) throw new Error(event.fail)
  return { event, openid: userInfo.openId }
}
"""


@pytest.fixture(autouse=True)
def built() -> None:
    if shutil.which("node") is None or not (PACKAGE / "miniprogram_dist" / "index.js").is_file():
        not_run("the client package", "node or sdk/js/miniprogram_dist is missing; run `make setup-dev`")


def run_script(script: str, *arguments: str) -> list[Any]:
    """The JSON lines that a script of this directory prints."""
    return run_lines(HERE / "js" / script, *arguments)


def run_lines(script: Path, *arguments: str) -> list[Any]:
    """The JSON lines that a script prints."""
    done = subprocess.run(
        ["node", str(script), *arguments],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, f"{script} printed nothing: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return [json.loads(line) for line in lines]


def passed(steps: list[Any]) -> int:
    failed = {step["step"]: step["error"] for step in steps if not step["ok"]}
    assert not failed, json.dumps(failed, indent=1, ensure_ascii=False)
    return len(steps)


def create_collections(cloud: LiveServer, space: Space, *names: str) -> None:
    engine = cloud.services.documents.engine(space.id)
    for name in names:
        cloud.call(engine.run(commands.CreateCollection(name)))


@pytest.mark.parametrize("host", ["node", "browser", "wx", "my", "dd"])
def test_every_step_passes(cloud: LiveServer, tmp_path: Path, host: str) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "notes")
    (tmp_path / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "echo"))
    assert passed(run_script("node.mjs", host, cloud.endpoint, space.id)) >= 23


def test_signing_in_installing_and_lost_sockets(cloud: LiveServer) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "notes", "open")
    cloud.services.spaces.set(space.id, {"allow_guests": True})
    cloud.services.documents.set_rules(space.id, "open", security_rules({"read": True}))
    assert passed(run_script("hosting.js", cloud.endpoint, space.id)) == 12


def test_used_up_quotas_have_their_numbers(cloud: LiveServer) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "notes")
    limits = {"quota.db_writes_per_day": 1, "quota.db_reads_per_day": 1, "quota.function_calls_per_day": 0}
    cloud.services.spaces.set(space.id, limits)
    (told,) = run_script("quota.js", cloud.endpoint, space.id)
    assert told == {"write": 0, "write again": -501016, "read": 0, "read again": -501015, "call": -501003}
    cloud.services.spaces.set(space.id, {**dict.fromkeys(limits), "quota.db_mb": 0})
    (told,) = run_script("quota.js", cloud.endpoint, space.id)
    assert (told["write"], told["read"]) == (-501017, 0)


def test_the_client_for_mini_programs_is_small_and_plain() -> None:
    code = (PACKAGE / "miniprogram_dist" / "index.js").read_bytes()
    assert len(gzip.compress(code, 9)) < MOST_BYTES
    [found] = run_script("bundles.js")
    assert found["forbidden"] == []
    assert found["bare"] == "function" * 3
    assert found["esm"] == found["node"] == found["names"]


def test_the_lock_names_no_addresses() -> None:
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    assert not any("resolved" in package for package in lock["packages"].values())
    described = json.loads((PACKAGE / "package.json").read_text())
    assert "dependencies" not in described
    for field in ("main", "module", "unpkg", "types"):
        assert (PACKAGE / described[field]).is_file(), field
