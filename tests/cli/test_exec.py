"""``yunbox exec``: the environment of a script, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import CommandLine
from tests.server import LiveServer
from yunbox.cli.exec import PRELOAD, environment
from yunbox.errors import InvalidRequest

VALUES = {"space_id": "demo", "secret_id": "id", "secret_key": "key", "endpoint": "http://127.0.0.1:1"}


def test_a_script_gets_the_keys_and_the_redirect() -> None:
    found = environment(
        {"NODE_OPTIONS": "--trace-warnings", "TENCENTCLOUD_SESSIONTOKEN": "old"}, VALUES, ("SID=secret_id",)
    )
    assert found["NODE_OPTIONS"] == f'--trace-warnings --require "{PRELOAD}"'
    assert (found["TENCENTCLOUD_SECRETID"], found["TENCENTCLOUD_SECRETKEY"], found["TCB_ENV"]) == ("id", "key", "demo")
    assert found["SID"] == "id"
    assert "TENCENTCLOUD_SESSIONTOKEN" not in found


@pytest.mark.parametrize("name", ["SID", "=secret_id", "SID=client_secret"])
def test_unknown_keys_are_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match="secret_key"):
        environment({}, VALUES, (name,))


def test_the_programs_arguments_and_status_are_its_own(cloud: LiveServer, yunbox: CommandLine) -> None:
    code = "console.log(JSON.stringify([process.env.TCB_ENV, process.argv.slice(1)])); process.exit(7)"
    done = subprocess.run(
        [sys.executable, "-m", "yunbox.cli", "exec", "--", "node", "-e", code, "--", "--json", "-x"],
        env={**os.environ, **yunbox.environment, "YUNBOX_SPACE": yunbox.space.id},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)) == (7, [yunbox.space.id, ["--json", "-x"]])


def test_a_missing_program_is_named(yunbox: CommandLine) -> None:
    result = yunbox.run("exec", "--", "no-such-program")
    assert result.exit_code == 1
    assert "no-such-program" in result.stderr
