"""One scenario through @cloudbase/node-sdk 2.11 and 3.18 and tcb-admin-node 1.23, with a space's keys."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.compat.test_wx_server_sdk import HERE, run_scenario
from tests.conftest import not_run
from tests.server import LiveServer

PACKAGES = ("cloudbase-node-sdk-2.11.0", "cloudbase-node-sdk-3.18.3", "tcb-admin-node-1.23.0")

EXPECTED: dict[str, Any] = {
    "create": True,
    "add": {"same": True, "isDate": True, "dotted": "1"},
    "add numeric id": 5,
    "get numeric id": [{"_id": 5, "n": 4}],
    "where": [{"n": 4}],
    "everything": 3,
    "count": 4,
    "update": 4,
    "set new": {"updated": 0, "id": "made"},
    "set existing": 1,
    "remove": 1,
    "remove many": 2,
    "group": [{"_id": True, "total": 2}, {"_id": False, "total": 4}],
    "aggregate match": [3, 2],
    "transaction": {"found": {"_id": "1", "money": 10}, "updated": 1, "gone": None},
    "after transaction": [{"_id": "1", "money": 11}, {"_id": "2", "money": 1}],
    "conflict": "DATABASE_TRANSACTION_CONFLICT",
    "metadata": ["authorization", "cosFileId", "download_url", "fileId", "token", "url"],
    "links": [
        {"code": "SUCCESS", "maxAge": 7200},
        {"code": "SUCCESS", "maxAge": 60},
        {"code": "STORAGE_FILE_NONEXIST"},
    ],
    "download": 300000,
    "foreign file": "INVALID_ENV",
    "open api": "image",
}
NODE_SDK: dict[str, Any] = {
    "update and return": {"updated": 1, "n": 102},
    "update and return nothing": {"updated": 0, "doc": None},
    "copy": [{"fileId": "COPY", "code": "SUCCESS", "message": ""}],
}
OLD: dict[str, Any] = {"newer signature": "number"}
ERRORS = {
    "create again": "DATABASE_COLLECTION_ALREADY_EXIST",
    "duplicate": "DATABASE_DUPLICATE_WRITE",
    "bad point": "INVALID_PARAM",
    "missing collection": "DATABASE_COLLECTION_NOT_EXIST",
    "bad field": "DATABASE_REQUEST_FAILED",
    "ended": "DATABASE_TRANSACTION_FAIL",
    "missing function": "FUNCTION_NOT_FOUND",
    "foreign environment": "INVALID_ENV",
    "wrong key": "SIGN_PARAM_INVALID",
    "unknown key": "SIGN_PARAM_INVALID",
}


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / PACKAGES[0]).is_dir():
        not_run("@cloudbase/node-sdk", "node or tests/compat/node_modules is missing; run `make`")


@pytest.mark.parametrize("package", PACKAGES)
def test_scenario(cloud: LiveServer, package: str) -> None:
    space = cloud.create_space()
    results = run_scenario("cloudbase_node.js", package, cloud, space)
    expected = EXPECTED | (OLD if results["old"] else NODE_SDK)
    copied = f"cloud://{space.id}.{space.bucket}/copies/a|b测试 1.txt"
    assert {name: _named(results.get(name), copied) for name in expected} == expected
    assert {name: results[name].get("error") for name in ERRORS} == ERRORS
    assert results["upload"] == f"cloud://{space.id}.{space.bucket}/a|b测试 1.txt"


def _named(result: Any, copied: str) -> Any:
    """``result`` with the new file id of a copy written as COPY."""
    if isinstance(result, list):
        return [_named(item, copied) for item in result]
    return {**result, "fileId": "COPY"} if isinstance(result, dict) and result.get("fileId") == copied else result
