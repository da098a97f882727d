"""One scenario through six real wx-server-sdk versions: the results are the same in all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
VERSIONS = ("0.8.1", "1.8.3", "2.1.2", "2.6.3", "3.0.4", "4.0.2")
ECHO = "exports.main = async (event) => ({ got: event.a, s: event.s })\n"

EXPECTED: dict[str, Any] = {
    "add": {
        "kind": "string",
        "isDate": True,
        "same": True,
        "data": {
            "_id": 0,
            "title": "a",
            "n": 1,
            "f": 1.5,
            "big": 1234567890123,
            "tags": ["x", {"y": 2}],
            "o": {"p": {"q": 1}},
            "at": "2023-11-14T22:13:20.000Z",
            "nothing": None,
            "文": "值",
        },
    },
    "add with id": {"_id": "fixed", "errMsg": "collection.add:ok"},
    "update": {
        "done": {"stats": {"updated": 1}, "errMsg": "document.update:ok"},
        "data": {"_id": "fixed", "title": "b", "n": 7, "o": {"p": 9, "q": 2}, "tags": ["t"]},
    },
    "update missing": {"stats": {"updated": 0}, "errMsg": "document.update:ok"},
    "set existing": {"_id": "fixed", "errMsg": "document.set:ok", "stats": {"updated": 1, "created": 0}},
    "set new": {"_id": "made", "errMsg": "document.set:ok", "stats": {"updated": 0, "created": 1}},
    "where": [{"n": 4}, {"n": 3}],
    "where nested": 1,
    "where date": 1,
    "where regex": 1,
    "where or": 2,
    "where in": 2,
    "update many": {"stats": {"updated": 3}, "errMsg": "collection.update:ok"},
    "server date": {"near": True, "apart": 60000},
    "geo": [113, 23],
    "remove": {"stats": {"removed": 1}, "errMsg": "document.remove:ok"},
    "remove many": {"stats": {"removed": 1}, "errMsg": "collection.remove:ok"},
    "count": {"total": 3, "errMsg": "collection.count:ok"},
    "group": [{"_id": "a", "total": 15, "count": 2}, {"_id": "b", "total": 20, "count": 1}],
    "match": [{"_id": "s2", "price": 20}],
    "match date": {"count": 2, "isDate": True},
    "lookup": 2,
    "transaction": [{"_id": "a", "money": 90}, {"_id": "b", "money": 10}, {"_id": "log", "amount": 10}],
    "rollback": {"_id": "a", "money": 90},
    "download": "hello 你好",
    "open api": {
        "simulated": True,
        "result": {"suggest": "pass", "label": 100},
        "detail": [],
        "traceId": "simulated",
        "errMsg": "openapi.security.msgSecCheck:ok",
        "errCode": 0,
    },
    "open api picture": ["image/png", "PNG"],
    "open api with a file": {"simulated": True, "errMsg": "openapi.security.imgSecCheck:ok", "errCode": 0},
    "open data": ["cid-1", "cid-2"],
    "voip": "string",
    "pay": ["SUCCESS", "1", "string"],
}
CODES = {
    "create again": (-501001, "DATABASE_COLLECTION_ALREADY_EXIST"),
    "add same id": (-502001, None),
    "get missing collection": (-502005, None),
    "remove without where": (-501007, None),
    "download missing": (-503003, "STORAGE_FILE_NONEXIST"),
    "call missing function": (-501001, "FUNCTION_NOT_FOUND"),
    "foreign environment": (-501005, None),
    "wrong key": (-501001, None),
}
"""Step -> the number an application sees; 4.x shows the code of some calls instead (tencent-server-wire.md §9)."""
MISSING: dict[str, set[str]] = {
    "0.8.1": {"transaction", "rollback", "lookup", "pay"},
    "1.8.3": {"pay"},
}
"""What a version's SDK does not have."""


def run_scenario(script: str, package: str, cloud: LiveServer, space: Space) -> dict[str, Any]:
    config = {
        "endpoint": cloud.endpoint,
        "space": space.id,
        "secretId": space.secret_id,
        "secretKey": space.secret_key,
    }
    results: dict[str, Any] = json.loads(run_node(script, package, json.dumps(config)))
    return results


def run_node(script: str, *arguments: str, directory: Path = HERE / "js") -> str:
    """The last line that a script prints."""
    done = subprocess.run(
        ["node", script, *arguments], cwd=directory, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None or not (HERE / "node_modules" / "wx-server-sdk-4.0.2").is_dir():
        not_run("wx-server-sdk", "node or tests/compat/node_modules is missing; run `make`")
    return HERE / "node_modules"


@dataclass(frozen=True)
class Run:
    """What one version's scenario printed."""

    version: str
    space: Space
    results: dict[str, Any]


def deploy(cloud: LiveServer, space: Space, source: Path, name: str, code: str) -> None:
    source.mkdir()
    (source / "index.js").write_text(code)
    if name != "echo":
        shutil.copy(HERE / "js" / "wx_server.js", source)
        (source / "node_modules").symlink_to(HERE / "node_modules", target_is_directory=True)
    functions = cloud.services.functions
    cloud.call(functions.deploy(space.id, source, name, in_place=name != "echo"))
    cloud.call(functions.configure(space.id, name, timeout=60))


@pytest.fixture(scope="module", params=VERSIONS)
def run(
    request: pytest.FixtureRequest, cloud: LiveServer, packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    space = cloud.create_space()
    deploy(cloud, space, tmp_path_factory.mktemp("functions") / "echo", "echo", ECHO)
    return Run(request.param, space, run_scenario("wx_server.js", f"wx-server-sdk-{request.param}", cloud, space))


def test_results_are_the_same_in_every_version(run: Run) -> None:
    missing = MISSING.get(run.version, set())
    expected = {name: value for name, value in EXPECTED.items() if name not in missing}
    assert {name: run.results.get(name) for name in expected} == expected


def test_files_and_functions(run: Run) -> None:
    results, space = run.results, run.space
    assert results["upload"]["fileID"] == f"cloud://{space.id}.{space.bucket}/目录 a/f.txt"
    assert [item["status"] for item in results["links"]] == [0, -503003]
    assert [item["status"] for item in results["delete"]] == [0, -503003]
    assert results["call"]["result"] == {"got": 1, "s": "文"}


def test_refusals(run: Run) -> None:
    for step, (number, code) in CODES.items():
        if run.version == "0.8.1" and step == "call missing function":
            assert "result" not in run.results[step]  # it resolves without a result
        elif run.version == "4.0.2" and code is not None:
            assert run.results[step]["code"] == code
        else:
            assert run.results[step]["error"] == number, step
    assert "does not exist" in run.results["get missing doc"]["message"]
    assert "Db or Table not exist" in run.results["get missing collection"]["message"]
    assert "E11000" in run.results["add same id"]["message"]


@pytest.mark.parametrize("version", ["0.8.1", "2.6.3"])
def test_inside_a_function_with_a_hard_coded_environment(
    cloud: LiveServer, packages: Path, tmp_path: Path, version: str
) -> None:
    space = cloud.create_space()
    deploy(cloud, space, tmp_path / "echo", "echo", ECHO)
    deploy(
        cloud,
        space,
        tmp_path / "all",
        "all",
        f"exports.main = require('./wx_server').inside('wx-server-sdk-{version}')\n",
    )
    user = Caller("user", space.id, openid="alice", app_id="wx1", source="wx_client")
    results = json.loads(cloud.call(cloud.services.functions.invoke(user, "all", {})).result_json)
    missing = MISSING.get(version, set())
    expected = {name: value for name, value in EXPECTED.items() if name not in missing}
    assert {name: results.get(name) for name in expected} == expected
    assert results["context"]["OPENID"] == "alice"
    assert results["call"]["result"] == {"got": 1, "s": "文"}
    assert results["upload"]["fileID"] == f"cloud://{space.id}.{space.bucket}/目录 a/f.txt"
