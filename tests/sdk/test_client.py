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
    """The JSON lines that a script prints."""
    done = subprocess.run(
        ["node", str(HERE / "js" / script), *arguments],
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


@pytest.mark.parametrize("host", ["node", "wx", "my", "dd"])
def test_every_step_passes(cloud: LiveServer, tmp_path: Path, host: str) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "notes")
    (tmp_path / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "echo"))
    assert passed(run_script("suite.js", host, cloud.endpoint, space.id)) >= 23
