"""Quotas that are used up reach applications as the errors of their unmodified SDKs (semantics.md §15, §16)."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_mpserverless import HERE, PNG, run
from tests.compat.test_wx_server_sdk import run_scenario
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.rules import MODES
from yunbox.spaces import Space

LIMITS = {
    "quota.db_writes_per_day": 3,
    "quota.db_reads_per_month": 2,
    "quota.function_calls_per_month": 1,
    "quota.uploads_per_day": 2,
    "quota.downloads_per_day": 1,
}
HIDES_WHY_AN_UPLOAD_IS_REFUSED = ("wx-server-sdk-2.6.3", "tcb-admin-node-1.23.0")
"""They throw errors of their own, whatever the code in the answer to `getUploadMetadata` is."""
ECHO = "exports.main = async (event) => event\n"


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / "wx-server-sdk-4.0.2").is_dir():
        not_run("SDKs in Node (quotas)", "node or tests/compat/node_modules is missing; run `make`")


@pytest.fixture
def space(cloud: LiveServer, tmp_path: Path) -> Space:
    space = cloud.create_space()
    cloud.call(cloud.services.documents.engine(space.id).run(c.CreateCollection("items")))
    cloud.services.documents.set_rules(space.id, "items", MODES["READONLY"])
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path / "echo", "echo"))
    return cloud.services.spaces.set(space.id, LIMITS)


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("wx-server-sdk-2.6.3", -501003),
        ("wx-server-sdk-4.0.2", -501003),
        ("cloudbase-node-sdk-2.11.0", "EXCEED_REQUEST_LIMIT"),
        ("cloudbase-node-sdk-3.18.3", "EXCEED_REQUEST_LIMIT"),
        ("tcb-admin-node-1.23.0", "EXCEED_REQUEST_LIMIT"),
    ],
)
def test_server_sdks(cloud: LiveServer, space: Space, package: str, code: Any) -> None:
    results = run_scenario("quota_tcb.js", package, cloud, space)
    worked = {step: times for step, (times, _) in results.items()}
    assert worked == {"write": 3, "read": 2, "call": 1, "upload": 2, "download": 1, "delete file": 1}
    for step in ("write", "read", "call", "upload", "download"):
        error = results[step][1]
        if step == "upload" and package in HIDES_WHY_AN_UPLOAD_IS_REFUSED:
            continue
        assert error["code"] in (code, "EXCEED_REQUEST_LIMIT"), (step, error)
        if step in ("write", "read", "call"):
            assert "上限" in error["message"], (step, error)
    assert "[-501016]" in results["write"][1]["message"]
    assert "[-501015]" in results["read"][1]["message"]


def test_mini_program_and_server_count_together(cloud: LiveServer, space: Space, tmp_path: Path) -> None:
    picture = tmp_path / "pic.png"
    picture.write_bytes(base64.b64decode(PNG))
    results = run(
        "quota_ali.js",
        endpoint=cloud.endpoint,
        spaceId=space.id,
        clientSecret=space.client_secret,
        serverSecret=space.server_private_key,
        png=str(picture),
    )
    worked = {step: times for step, (times, _) in results.items()}
    expected = {"write": 2, "write as a client": 0, "read": 2, "read as a server": 0, "call": 1, "upload": 2}
    assert worked == {**expected, "delete file": 1}
    assert results["call"][1]["code"] == "FunctionResourceExhausted"
    for step in ("write", "write as a client", "read", "read as a server", "upload"):
        assert results[step][1]["code"] == "PrePayResourceExhausted", step


def test_full_spaces_are_read_and_emptied(cloud: LiveServer, space: Space) -> None:
    """Documents full: only reads and deletes; files full: only downloads and deletes."""
    admin = Caller("admin", space.id)
    cloud.call(cloud.services.files.put(admin, "a.txt", b"hello"))
    cloud.call(cloud.services.documents.engine(space.id).run(c.Insert("items", [{"_id": "old", "n": 0}])))
    cloud.services.spaces.set(space.id, {**dict.fromkeys(LIMITS), "quota.db_mb": 0, "quota.storage_mb": 0})
    results = run_scenario("quota_tcb.js", "wx-server-sdk-2.6.3", cloud, space)
    worked = {step: times for step, (times, _) in results.items()}
    assert (worked["write"], worked["read"], worked["call"], worked["upload"]) == (0, 5, 5, 0)
    assert "[-501017]" in results["write"][1]["message"]
    cloud.call(cloud.services.documents.run(admin, TCB, c.Delete("items", {"_id": "old"})))
    assert cloud.call(cloud.services.files.read(space.id, "a.txt")) == b"hello"
    assert cloud.call(cloud.services.files.delete(admin, ["a.txt"])) == {"a.txt": None}
