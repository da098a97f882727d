"""Wrong keys, wrong clocks, tampered bodies, foreign spaces and capabilities, through every server SDK (tencent-server-wire.md §3).

All are refused with the documented code (semantics.md §16.2: SIGN_PARAM_INVALID also for a wrong clock), in the number that
wx-server-sdk makes of it, and every call settles: older SDKs hang on anything but HTTP 200.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_server_surface import ECHO
from tests.compat.test_wx_server_sdk import HERE, run_node
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents import commands
from yunbox.documents.dialects import TCB
from yunbox.functions.capability import Capability
from yunbox.spaces import Space

VERSIONS = (
    "wx-server-sdk-0.5.1",
    "wx-server-sdk-1.8.3",
    "wx-server-sdk-2.0.4",
    "wx-server-sdk-2.1.2",
    "wx-server-sdk-3.0.4",
    "wx-server-sdk-4.0.2",
    "tcb-admin-node-1.6.0",
    "tcb-admin-node-1.23.0",
    "cloudbase-node-sdk-2.11.0",
    "cloudbase-node-sdk-3.18.3",
)
ALLOWED = ("allowed", "capability allowed")
BAD_SIGNATURE = (
    "wrong secret",
    "unknown key",
    "clock ahead",
    "clock behind",
    "tampered body",
    "expired capability",
    "capability without a token",
    "token of another key",
    "broken token",
)
FOREIGN_SPACE = ("foreign space", "missing space")


def keys(capability: Capability) -> dict[str, str]:
    return {"secretId": capability.secret_id, "secretKey": capability.secret_key, "token": capability.token}


def prepare(cloud: LiveServer, space: Space, echo: Path) -> None:
    echo.mkdir()
    (echo / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, echo, "echo"))
    admin = Caller("admin", space.id)
    for command in (commands.CreateCollection("todos"), commands.Insert("todos", [{"_id": "d", "a": 1}])):
        cloud.call(cloud.services.documents.run(admin, TCB, command))


@pytest.fixture(scope="module")
def config(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("node") is None or not (HERE / "node_modules" / VERSIONS[0]).is_dir():
        not_run("server SDKs", "node or tests/compat/node_modules is missing; run `make`")
    space, other = cloud.create_space(), cloud.create_space()
    prepare(cloud, space, tmp_path_factory.mktemp("functions") / "echo")
    issue = cloud.services.functions.capabilities.issue
    running = Caller("function", space.id, openid="alice", function="echo", request_id="r")
    foreign = Caller("function", other.id, openid="alice", function="echo", request_id="r")
    return {
        "endpoint": cloud.endpoint,
        "space": space.id,
        "secretId": space.secret_id,
        "secretKey": space.secret_key,
        "other": {"space": other.id},
        "capability": keys(issue(running, 600)),
        "expired": keys(issue(running, -60)),
        "strangers": keys(issue(foreign, 600)),
    }


@pytest.mark.parametrize("name", VERSIONS)
def test_refusals(config: dict[str, Any], name: str) -> None:
    results = json.loads(run_node("refusals.js", name, json.dumps(config)))
    assert results.keys() == {*ALLOWED, *BAD_SIGNATURE, *FOREIGN_SPACE, "foreign function"}
    for case in ALLOWED:
        _check_allowed(results[case], name)
    for case in BAD_SIGNATURE:
        _check_refused(results[case], {"SIGN_PARAM_INVALID", -501001}, "signature|token", name)
    for case in FOREIGN_SPACE:
        _check_refused(results[case], {"INVALID_ENV", "INVALIID_ENV", -501005}, "belong", name)
    _check_own_space(results["foreign function"], name)


def _check_allowed(calls: dict[str, Any], name: str) -> None:
    assert calls["documents"].get("result", {}).get("data") == [{"_id": "d", "a": 1}], (name, calls)
    assert calls["functions"]["result"]["result"] == {"got": {}}
    assert calls.get("openapi", {"result": 0}).keys() == {"result"}


def _check_refused(calls: dict[str, Any], codes: set[Any], words: str, name: str) -> None:
    for call, told in calls.items():
        if call == "functions" and _loses_failures(name) and "error" not in told:
            assert "result" not in told["result"], "it resolves without a result"
            continue
        assert told.get("error") in codes, (call, told)
        assert re.search(words, told["message"]), (call, told)


def _loses_failures(name: str) -> bool:
    return name == "wx-server-sdk-0.5.1"


def _check_own_space(calls: dict[str, Any], name: str) -> None:
    """A function that names a foreign environment works in its own space, and sees nothing of the other (DESIGN §9.6)."""
    assert calls["documents"]["error"] in {"DATABASE_COLLECTION_NOT_EXIST", -502005}
    assert _loses_failures(name) or calls["functions"]["error"] in {"FUNCTION_NOT_FOUND", -501001}
