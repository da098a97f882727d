"""A deploy script on three versions of the unmodified @cloudbase/manager-node, run by `yunbox exec`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_wx_server_sdk import HERE
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.spaces import Space

VERSIONS = ("3.12.1", "4.10.6", "5.6.5")

EXPECTED: dict[str, Any] = {
    "deploy": "string",
    "invoke": {"result": {"got": 7, "mode": "one", "more": False}, "code": 0, "printed": "printed 7"},
    "configure": [
        9,
        128,
        "Nodejs16.13",
        "index.main",
        "Active",
        [{"Key": "MODE", "Value": "two"}],
        [["daily", '{"cron":"0 0 2 * * * *"}']],
    ],
    "update code": {"got": 8, "mode": "two", "more": False},
    "update a file": True,
    "delete a file": False,
    "broken": [1, "on purpose"],
    "triggers": ["hourly"],
    "copy": None,
    "list": [["broken", "Active"], ["copied", "Active"], ["hello", "Active"]],
    "download": [True, True],
    "paths": [["/hello", "hello"]],
    "versions": ["$LATEST", "4", "3", "2", "1"],
    "back": True,
    "delete": 2,
    "logs": ["printed 7"],
    "create collection": None,
    "create if missing": False,
    "index": [
        ["_id_", True, [{"Name": "_id", "Direction": "1"}]],
        ["by_title", True, [{"Name": "title", "Direction": "1"}, {"Name": "at", "Direction": "-1"}]],
    ],
    "index exists": True,
    "drop index": False,
    "import": ["success", 2],
    "export": ["success", "_id,title\na,x\nb,y\n"],
    "list collections": [["todos", 2]],
    "distribution": [{"CollectionName": "todos", "DocCount": 2}],
    "commands": [
        ["c"],
        1,
        [{"_id": "a", "title": "x", "n": 1}, {"_id": "c", "title": "zz"}],
        3,
        [{"_id": None, "n": 3}],
        1,
    ],
    "delete collection": False,
    "upload": 200,
    "upload a folder": None,
    "upload in parts": 200,
    "list files": [
        ["big.bin", 6 * 2**20 + 5],
        ["dir/文 件.txt", 12],
        ["out/todos.csv", 18],
        ["tmp/db-imports/todos.json", 71],
        ["tree/a.txt", 12],
        ["tree/sub/", 0],
        ["tree/sub/b.txt", 3],
    ],
    "info": ["0.01", "text/plain"],
    "download file": ["hello 你好", True],
    "download a folder": ["a.txt", "sub", "sub/b.txt"],
    "delete files": None,
    "delete a folder": 3,
    "acl": ["READONLY", "PRIVATE"],
    "open site": 0,
    "deploy site": [["css/", "css/a.css", "index.html"], "<h1>site</h1>"],
    "download page": "<h1>site</h1>",
    "error page": [
        {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "css/a.css"}},
        404,
        "b{}",
    ],
    "single page": 200,
    "delete pages": [1, 0],
    "close": 0,
    "rename": "新名字",
    "domains": [["a.example.com"], 0],
    "logins": ["ANONYMOUS"],
    "login key": True,
    "users": [[["anna1", "Anna", True]], 0],
}
REFUSED = {
    "deploy again": "ResourceInUse.Function",
    "delete a missing trigger": "ResourceNotFound.Trigger",
    "path taken": "InvalidParameter.APICreated",
    "layer": "UnsupportedOperation",
    "reserve": "UnsupportedOperation",
    "python": "InvalidParameterValue.Runtime",
    "create it again": "ResourceUnavailable.ResourceExist",
    "import into nothing": "ResourceNotFound.TableNotFound",
    "no site": "INVALID_OPERATION",
    "close with files": "INVALID_OPERATION",
    "destroy": "UnsupportedOperation",
    "wrong key": "AuthFailure.SignatureFailure",
    "unknown id": "AuthFailure.SecretIdNotFound",
    "foreign environment": "InvalidParameter.EnvId",
    "foreign namespace": "ResourceNotFound.Namespace",
    "unknown action": "InvalidAction",
    "not served": "UnsupportedOperation",
    "late": "AuthFailure.SignatureExpire",
}
"""Step -> the vendor's code that a script sees."""


@dataclass(frozen=True)
class Run:
    """What one version's script printed."""

    space: Space
    results: dict[str, Any]


def execute(cloud: LiveServer, space: Space, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command by `yunbox exec` with the space's keys, as CI does: without an administrator's token."""
    keys = {"TENCENTCLOUD_SECRETID": space.secret_id, "TENCENTCLOUD_SECRETKEY": space.secret_key}
    # The SDKs remember uploads in the home directory, pack in the temporary one, and tell times of their own time zone.
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home), "TZ": "Asia/Shanghai"}
    return subprocess.run(
        [sys.executable, "-m", "yunbox.cli", "exec", "--endpoint", cloud.endpoint, "--space", space.id, "--", *command],
        cwd=HERE,
        env={**os.environ, **keys, **own},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def run_version(cloud: LiveServer, package: str, folder: Path) -> Run:
    space, other = cloud.create_space(), cloud.create_space()
    done = execute(cloud, space, folder, "node", "js/manager.js", package, str(folder), other.id)
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(space, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def runs(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """All versions at once: the SDK asks once a second whether a function is ready, and waits in between."""
    packages = {version: f"cloudbase-manager-node-{version}" for version in VERSIONS}
    if shutil.which("node") is None or not all((HERE / "node_modules" / name).is_dir() for name in packages.values()):
        not_run("@cloudbase/manager-node", "node or tests/compat/node_modules is missing; run `make`")
    with ThreadPoolExecutor(len(packages)) as pool:
        yield {
            version: pool.submit(run_version, cloud, package, tmp_path_factory.mktemp("script"))
            for version, package in packages.items()
        }


@pytest.fixture(params=VERSIONS)
def run(request: pytest.FixtureRequest, runs: dict[str, Future[Run]]) -> Run:
    return runs[request.param].result()


def test_a_deploy_script_does_the_same_on_every_version(run: Run) -> None:
    assert {name: run.results.get(name) for name in EXPECTED} == EXPECTED
    assert run.results["environments"] == [[run.space.id, "NORMAL"]]


def test_refusals_have_the_vendors_codes(run: Run) -> None:
    assert {name: run.results[name]["code"] for name in REFUSED} == REFUSED
    assert "none.txt" in run.results["missing file"]["message"]
    assert "yunbox functions deploy" in run.results["missing function"]["message"]


def test_what_a_script_deployed_is_the_spaces(run: Run, cloud: LiveServer) -> None:
    """What goes in through one protocol is there for the others."""
    caller = Caller("admin", run.space.id, source="server")
    done = cloud.call(cloud.services.functions.invoke(caller, "hello", {"a": 1}))
    assert json.loads(done.result_json)["got"] == 1
    assert [function.name for function in cloud.services.functions.list(run.space.id)] == ["broken", "hello"]
    assert cloud.services.files.mode(run.space.id) == "PRIVATE"


@pytest.mark.parametrize("version", VERSIONS)
def test_inside_a_function_it_acts_on_the_functions_own_space(
    cloud: LiveServer, runs: dict[str, Future[Run]], tmp_path: Path, version: str
) -> None:
    """Without keys in `init`: the SDK takes those of the call from the environment; so do the COS SDK's uploads."""
    space, package = cloud.create_space(), f"cloudbase-manager-node-{version}"
    code = f"""
      const CloudBase = require('{package}'), fs = require('fs'), path = require('path'), os = require('os')
      exports.main = async () => {{
        const app = new CloudBase({{ envId: 'named-elsewhere' }})
        const file = path.join(os.tmpdir(), 'a.txt')
        fs.writeFileSync(file, 'from inside')
        await app.database.createCollection('made')
        await app.storage.uploadFile({{ localPath: file, cloudPath: 'dir/a.txt' }})
        return (await app.env.listEnvs()).EnvList.map(item => item.EnvId)
      }}"""
    (tmp_path / "index.js").write_text(code)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules", target_is_directory=True)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "all", in_place=True))
    cloud.call(cloud.services.functions.configure(space.id, "all", timeout=60))
    done = cloud.call(cloud.services.functions.invoke(Caller("admin", space.id, source="server"), "all", {}))
    assert json.loads(done.result_json) == [space.id]
    assert cloud.services.documents.engine(space.id).has_collection("made")
    assert cloud.services.files.stat(space.id, "dir/a.txt").size == 11
