"""A project as live ones on mpserverless look, run by `yunbox dev` as it is.

Several functions, one of which holds many actions; rules in YAML; seed documents in JSON; folders of the clouds it was on
before; its space id and client secret in the code. Two visitors use it through the unmodified SDK.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.test_without_server import started
from tests.conftest import not_run

HERE = Path(__file__).resolve().parent
CAT = "c" * 24


@contextmanager
def token_server() -> Iterator[str]:
    """The address that the project gets its platform token from."""

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            content = json.dumps({"access_token": f"token-of-{asked['appid']}", "expires_in": 7200}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/cgi-bin/stable_token"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `yunbox dev` said, and what each step of the visit gave."""
    if shutil.which("node") is None or not (HERE / "node_modules" / "@alicloud").is_dir():
        not_run("@alicloud SDKs in Node", "node or tests/compat/node_modules is missing; run `make`")
    root = tmp_path_factory.mktemp("campus")
    project = root / "project"
    shutil.copytree(HERE / "projects" / "campus", project)
    with (
        token_server() as token_url,
        started("dev", str(project), "--data", str(root / "data"), "--no-watch") as (_, ready),
    ):
        options = {
            "endpoint": ready["endpoint"],
            "spaceId": "mp-00000000-0000-4000-8000-000000000001",
            "clientSecret": "changeToYours",
            "serverSecret": ready["server_private_key"],
            "accessKeyId": ready["access_key_id"],
            "accessKeySecret": ready["access_key_secret"],
            "tokenUrl": token_url,
        }
        command = ["node", str(HERE / "js" / "ali_campus.js"), json.dumps(options)]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return ready, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def got(outcome: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """The values of the steps; those that a visitor must be refused have failed, no others."""
    failed = {name: step["error"] for name, step in outcome[1].items() if "error" in step}
    refused = {name: failed.pop(name, {}).get("code") for name in ("clientWrites", "secretsHidden")}
    assert refused == {"clientWrites": "PermissionDenied", "secretsHidden": "PermissionDenied"}
    assert failed.pop("noSecrets") == {"code": "FunctionBizError", "message": "缺少 AppID 或 AppSecret 配置"}
    assert not failed
    return {name: step.get("value") for name, step in outcome[1].items()}


def test_project_is_understood(outcome: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ready = outcome[0]
    assert (ready["kind"], ready["functions"]) == ("mpserverless", ["timeTrigger", "transfer", "unionOp"])
    assert (ready["space_id"], ready["client_secret"]) == ("mp-00000000-0000-4000-8000-000000000001", "changeToYours")
    assert ready["ruled_collections"] == ["photo", "badge_code", "cat", "comment", "science"]
    assert ready["seeded_collections"] == {"science": 2, "setting": 2}
    assert (ready["failed"], ready["notes"], ready["missing_packages"]) == ({}, [], {})


def test_visitors_and_their_rights(got: dict[str, Any]) -> None:
    assert (got["deployTest"], got["trusted"]) == ("v1.1", True)
    assert got["unknownAction"] == got["noArguments"] | {"errMsg": "unknown action: nope"}
    assert (got["firstUser"]["manager"], "manager" in got["secondUser"]) == (99, False)
    assert got["rename"] == {**got["secondUser"], "nickname": "鲍勃"}
    assert got["notSignedIn"]["success"]
    assert "result" not in got["notSignedIn"], "the function returned nothing"
    assert got["addCatRefused"] == {"errMsg": "not a manager", "ok": False}
    assert got["removeRefused"] == {"errMsg": "not a manager", "ok": False}
    assert got["clientAdds"]["success"]


def test_documents(got: dict[str, Any]) -> None:
    assert got["addCat"]["insertedId"] == CAT, "a database result is hoisted by the SDK"
    (comment,) = got["readComment"]
    assert comment["text"] == "可爱"
    assert comment["_openid"] == got["secondUser"]["openid"], "the application's own field"
    assert got["mine"] == 1
    assert got["locations"]["data"] == [
        {"cat_id": CAT, "latitude": 26, "time": "2026-01-03", "points": 3, "name": "小橘"}
    ]
    assert (got["clientReads"], got["inc"]) == ("小橘", 1)
    assert got["readByFunction"] == [{"_id": CAT, "name": "小橘"}]
    assert sorted(row["cate"] for row in got["seeds"]) == ["喂养", "救助"]
    assert got["setting"]["subscribe"] == {"feedback#ID": "", "feedback#content": "thing5"}


def test_calls_out_and_files(got: dict[str, Any]) -> None:
    assert got["token"] == [{"token": "token-of-wx1", "cached": False}, {"token": "token-of-wx1", "cached": True}]
    assert got["posterServed"] == [200, "image/jpeg", "not really a picture"]
    assert got["deleted"] == {"ok": True}


def test_timer_and_http(got: dict[str, Any]) -> None:
    ticked = got["ticked"]
    assert ticked["run"]["source"] == "timing"
    assert ticked["run"]["args"]["userPayload"] == "every second"
    assert ticked["stat"] == {ticked["bob"]: {"count": 4}}
    moved = got["transferred"]
    assert moved["first"] == {"success": True, "source": "http"}
    assert [row["success"] for row in moved["again"]] == [False, True]
    assert [row["_id"] for row in moved["found"]] == ["m1", "m2", "m3"]
    assert got["rankAgain"]["result"] == [None]
