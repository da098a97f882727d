"""``yunbox functions rules`` and ``yunbox files rules``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.server import LiveServer


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"*": {"invoke": "auth != null"}, "admin": {"invoke": "auth.openid == 'ann'"}}))
    return file


def test_function_rules(yunbox: CommandLine, rules: Path) -> None:
    assert yunbox.json("functions", "rules", "get") == {"rules": {"*": {"invoke": "auth != null"}}}
    assert yunbox.json("functions", "rules", "set", "--rules", str(rules))["rules"]["admin"]
    assert yunbox.json("functions", "rules", "explain", "admin", "--openid", "ann")["allowed"]
    told = yunbox.json("functions", "rules", "explain", "admin", "--openid", "bob")
    assert (told["allowed"], told["caller"]) == (False, "bob")
    assert told["missing"] == '`auth.openid == "ann"` is not true'
    assert "sign in" in yunbox.json("functions", "rules", "explain", "other")["missing"]
    assert yunbox.json("functions", "rules", "set", "--default") == {"rules": {"*": {"invoke": "auth != null"}}}
    rules.write_text('{"a": {"invoke": true}}')
    assert "通配" in yunbox.failure("functions", "rules", "set", "--rules", str(rules))["error"]["message"]


def test_file_rules(yunbox: CommandLine, tmp_path: Path) -> None:
    assert yunbox.json("files", "rules", "get") == {"mode": "READONLY", "rules": None}
    file = tmp_path / "rules.json"
    file.write_text('{"read": true, "write": "resource.openid == auth.openid"}')
    found = yunbox.json("files", "rules", "set", "--rules", str(file))
    assert found == {"mode": "CUSTOM", "rules": {"read": True, "write": "resource.openid == auth.openid"}}
    (tmp_path / "a.txt").write_text("a")
    yunbox.json("files", "cp", str(tmp_path / "a.txt"), "cloud:a.txt")
    told = yunbox.json("files", "rules", "explain", "cloud:a.txt", "--openid", "ann")
    assert told["read"] == {"allowed": True, "missing": ""}
    assert told["write"] == {"allowed": False, "missing": "`resource.openid == auth.openid` is not true"}
    assert yunbox.json("files", "rules", "explain", "--openid", "ann")["write"]["allowed"]
    assert yunbox.json("files", "rules", "set", "--mode", "private") == {"mode": "PRIVATE", "rules": None}


def test_sharing(yunbox: CommandLine, cloud: LiveServer) -> None:
    owner, other = yunbox.space.id, cloud.create_space().id
    assert yunbox.json("space", "shares", owner) == {}
    made = yunbox.json(
        "space", "share", owner, other, "--documents", "read", "--collections", "a, b", "--functions", "f"
    )
    assert made == {"documents": "read", "collections": ["a", "b"], "files": "none", "functions": ["f"]}
    assert yunbox.json("space", "shares", owner) == {other: made}
    everything = {"documents": "write", "collections": ["*"], "files": "write", "functions": ["*"]}
    assert yunbox.json("space", "share", owner, other, "--all") == everything
    assert "--documents" in yunbox.failure("space", "share", owner, other)["error"]["message"]
    assert "itself" in yunbox.failure("space", "share", owner, owner, "--all")["error"]["message"]
    assert "nowhere" in yunbox.failure("space", "share", owner, "nowhere", "--all")["error"]["message"]
    assert other in yunbox.text("space", "shares", owner)
    assert yunbox.json("space", "unshare", owner, other) == {"revoked": other}
    assert yunbox.json("space", "shares", owner) == {}
