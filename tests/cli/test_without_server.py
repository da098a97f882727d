"""Commands on a data directory where no server runs, and programs that serve one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from yunbox.cli.program import program

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("YUNBOX_")}


def run(*arguments: str) -> Any:
    """The JSON that a command prints."""
    result = CliRunner().invoke(program, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write_project(root: Path, code: str = "exports.main = async (event) => ({ v: 1, event })") -> Path:
    function = root / "cloudfunctions" / "hello"
    function.mkdir(parents=True)
    (root / "project.config.json").write_text('{"cloudfunctionRoot": "cloudfunctions/", // here\n}')
    (root / "app.js").write_text("wx.cloud.init({ env: 'shop-1' }); wx.cloud.database().collection('goods').get()")
    (function / "index.js").write_text(code)
    return root


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running ``yunbox`` program and the object it printed when it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "yunbox.cli", *arguments, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "Traceback" not in output[1]


def refused(*arguments: str) -> str:
    """What a program that must end with status 1 says of it."""
    command = [sys.executable, "-m", "yunbox.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_commands_open_the_directory_themselves(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    run("space", "create", "s", "--data", data)
    run("db", "create", "c", "--data", data)
    assert [row["name"] for row in run("db", "collections", "--data", data)] == ["c"]
    assert run("status", "--data", data)["running"] is False


def test_functions_reach_the_data_without_a_server(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    run("space", "create", "s", "--data", data)
    code = (
        "module.exports = async (ctx) => (await ctx.mpserverless.db.collection('c').insertOne({ a: 1 })).affectedDocs"
    )
    (tmp_path / "save").mkdir()
    (tmp_path / "save" / "index.js").write_text(code)
    run("functions", "deploy", str(tmp_path / "save"), "--data", data)
    assert run("functions", "invoke", "save", "--data", data, "--data", "{}")["result"] == 1
    assert run("db", "query", "c", "--count", "--data", data) == {"count": 1}


def test_backup_and_restore(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    secret = run("space", "create", "s", "--data", data)["client_secret"]
    run("db", "create", "before", "--data", data)
    (tmp_path / "f.txt").write_text("kept")
    run("files", "cp", str(tmp_path / "f.txt"), "cloud:f.txt", "--data", data)
    name = run("backup", "create", "--data", data)["name"]
    run("db", "create", "after", "--data", data)
    run("files", "rm", "f.txt", "--data", data)
    assert [row["name"] for row in run("backup", "list", "--data", data)] == [name]
    replaced = run("backup", "restore", name, "--data", data)["replaced"]
    assert (Path(replaced) / "server.sqlite").exists()
    assert [row["name"] for row in run("db", "collections", "--data", data)] == ["before"]
    assert run("space", "show", "s", "--data", data)["client_secret"] == secret
    run("files", "cp", "cloud:f.txt", str(tmp_path / "g.txt"), "--data", data)
    assert (tmp_path / "g.txt").read_text() == "kept"
    assert [row["name"] for row in run("backup", "list", "--data", data)] == [name]


def test_serve(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with started("serve", "--data", data) as (process, ready):
        assert set(ready) == {"endpoint", "console_url"}
        assert httpx.get(f"{ready['endpoint']}/healthz").status_code == 200
        assert run("space", "list", "--data", data) == []
        assert run("status", "--data", data)["pid"] == process.pid
        assert (Path(data) / "admin.token").stat().st_mode & 0o777 == 0o600
        assert data in refused("serve", "--data", data, "--port", "0")
        restored = CliRunner().invoke(program, ["backup", "restore", __file__, "--data", data, "--json"])
        assert json.loads(restored.stdout)["error"]["code"] == "invalid_request"
    assert not (Path(data) / "server.json").exists()


def test_a_taken_port(tmp_path: Path) -> None:
    with started("serve", "--data", str(tmp_path / "one")) as (_, ready):
        port = ready["endpoint"].rpartition(":")[2]
        assert port in refused("serve", "--data", str(tmp_path / "two"), "--port", port)


def test_dev(tmp_path: Path) -> None:
    project, data = write_project(tmp_path / "shop"), str(tmp_path / "data")
    for name in ("odd", "坏"):
        (project / "cloudfunctions" / name).mkdir()
        (project / "cloudfunctions" / name / "index.js").write_text("exports.main = () => 1")
    (project / "cloudfunctions" / "odd" / "config.json").write_text('{"timeout": "soon"}')
    with started("dev", str(project), "--data", data) as (_, ready):
        assert ready["space_id"] == "shop-1"
        assert ready["functions"] == ["hello", "odd"]
        assert list(ready["failed"]) == ["坏"]
        assert "timeout" in ready["warnings"]["odd"][0]
        assert ready["missing_collections"] == ["goods"]
        assert ready["client_secret"] == run("space", "show", "shop-1", "--data", data)["client_secret"]
        answer = run("functions", "invoke", "hello", "--data", data, "--openid", "ann")
        assert answer["result"]["v"] == 1
    with started("dev", str(project), "--data", data, "--create-collections") as (_, again):
        assert again["client_secret"] == ready["client_secret"]
        assert again["missing_collections"] == []
        assert [row["name"] for row in run("db", "collections", "--data", data)] == ["goods"]


def test_dev_follows_changes(tmp_path: Path) -> None:
    project, data = write_project(tmp_path / "shop"), str(tmp_path / "data")
    functions = project / "cloudfunctions"
    with started("dev", str(project), "--data", data) as (process, _):
        (functions / "hello" / "index.js").write_text("exports.main = async () => ({ v: 2 })")
        wait_for(process, "hello: reloaded")
        assert run("functions", "invoke", "hello", "--data", data)["result"] == {"v": 2}
        (functions / "added").mkdir()
        (functions / "added" / "index.js").write_text("exports.main = async () => 'new'")
        wait_for(process, "added: ready")
        assert run("functions", "invoke", "added", "--data", data)["result"] == "new"
        (functions / "hello" / "config.json").write_text('{"timeout": 7}')
        wait_for(process, "hello: ready")
        timeouts = {row["name"]: row["timeout"] for row in run("functions", "list", "--data", data)}
        assert timeouts == {"added": 20, "hello": 7}


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read what the program tells until it tells this; it is ended after a while, so that nobody waits forever."""
    assert process.stderr is not None
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    try:
        assert any(text in line for line in process.stderr), f"the program ended without: {text}"
    finally:
        alarm.cancel()


def test_dev_ephemeral_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(scratch))
    with started("dev", str(write_project(tmp_path / "shop")), "--ephemeral") as (_, ready):
        assert httpx.get(f"{ready['endpoint']}/healthz").status_code == 200
        assert list(scratch.glob("yunbox-*"))
    assert list(scratch.glob("yunbox-*")) == []


def test_dev_without_a_project(tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["dev", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "invalid_request"


def test_doctor(tmp_path: Path) -> None:
    found = {check["name"]: check["outcome"] for check in run("doctor", "--data", str(tmp_path / "data"))}
    assert found.keys() == {"python", "sqlite", "crypto", "disk", "clock", "node", "isolation", "data"}
    assert found["node"] == found["sqlite"] == "ok"
