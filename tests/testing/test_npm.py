"""The test kit of the npm package, under the three test frameworks that projects use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import not_run

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "sdk" / "js"
COMPAT = HERE.parent / "compat" / "node_modules"
YUNBOX = Path(sys.executable).parent / "yunbox"


@pytest.fixture(autouse=True)
def built() -> None:
    if shutil.which("node") is None or not (PACKAGE / "dist" / "node.cjs").is_file():
        not_run("yunbox/testing", "node or sdk/js/dist is missing; run `make setup-dev`")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the package installed."""
    shutil.copytree(HERE / "js", tmp_path / "tests")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "yunbox").symlink_to(PACKAGE)
    (tmp_path / "package.json").write_text("{}")
    return tmp_path


def run(project: Path, *command: str, yunbox: str = str(YUNBOX)) -> str:
    environment = {**os.environ, "YUNBOX": yunbox, "CI": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        ["node", *command], cwd=project, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def two_files(project: Path) -> list[str]:
    """The same tests twice, because frameworks run files at the same time."""
    shutil.copy(project / "tests" / "plain.test.cjs", project / "tests" / "again.test.cjs")
    return ["tests/plain.test.cjs", "tests/again.test.cjs"]


def test_with_node(project: Path) -> None:
    assert "# pass 6" in run(project, "--test", "--test-reporter=tap", *two_files(project))


def test_with_jest(project: Path) -> None:
    config = {"rootDir": str(project), "testEnvironment": "node", "testMatch": ["**/*.test.cjs"], "transform": {}}
    jest = str(PACKAGE / "node_modules" / "jest" / "bin" / "jest.js")
    assert "Tests:       3 passed, 3 total" in run(project, jest, "--config", json.dumps(config))


def test_with_vitest(project: Path) -> None:
    (project / "node_modules" / "vitest").symlink_to(PACKAGE / "node_modules" / "vitest")
    vitest = str(PACKAGE / "node_modules" / "vitest" / "vitest.mjs")
    assert "Tests  3 passed (3)" in run(project, vitest, "run", "tests/modules.test.mjs")


def test_the_vendors_sdks_take_its_keys(project: Path) -> None:
    """Both clouds' server SDKs, also after the clock was moved: they sign by the machine's."""
    for name in ("@alicloud", "cloudbase-node-sdk-3.18.3"):
        (project / "node_modules" / name).symlink_to(COMPAT / name)
    assert json.loads(run(project, "tests/sdks.cjs")) == {"texts": ["from mpserverless", "later"]}


def test_without_yunbox_the_error_says_what_to_do(project: Path) -> None:
    script = "require('yunbox/testing').startCloud().catch(error => console.log(error.message))"
    assert "pip install yunbox" in run(project, "-e", script, yunbox="/nowhere/yunbox")


def test_it_ends_with_its_parent(project: Path) -> None:
    """Also when that is killed: nothing is left running and no file stays."""
    script = "require('yunbox/testing').startCloud().then(c => { console.log(c.endpoint); setInterval(() => {}, 1e6) })"
    environment = {**os.environ, "YUNBOX": str(YUNBOX), "TMPDIR": str(project)}
    parent = subprocess.Popen(["node", "-e", script], cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rpartition(":")[2])
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while _listens(port):
        assert time.monotonic() < deadline, "the cloud outlived its parent"
        time.sleep(0.05)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
