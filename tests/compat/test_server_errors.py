"""Every error that a server SDK can meet here, provoked through real SDKs: code, number and meaning (semantics.md §16,
tencent-server-wire.md §9). Refused signatures, spaces and capabilities: test_refusals.py; quotas: test_quotas.py of the
protocol; open API: test_openapi_calls.py."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_wx_server_sdk import HERE, run_node
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents.commands import CreateCollection
from yunbox.documents.dialects import TCB
from yunbox.protocols.tcb.errors import NUMBERS

FUNCTIONS = {
    "fails": "exports.main = async () => { throw new Error('boom') }\n",
    "slow": "exports.main = () => new Promise(() => setInterval(() => {}, 1000))\n",
}
ROWS: dict[str, tuple[str, str]] = {
    "collection exists": ("DATABASE_COLLECTION_ALREADY_EXIST", "ResourceExist.* Table exist"),
    "collection name": ("DATABASE_REQUEST_FAILED", "Invalid collection name"),
    "no collection": ("DATABASE_COLLECTION_NOT_EXIST", "Db or Table not exist: nowhere"),
    "no collection to write to": ("DATABASE_COLLECTION_NOT_EXIST", "Db or Table not exist: nowhere"),
    "no collection to aggregate": ("DATABASE_COLLECTION_NOT_EXIST", "Db or Table not exist: nowhere"),
    "duplicate id": ("DATABASE_DUPLICATE_WRITE", "E11000 duplicate key error"),
    "unknown query operator": ("DATABASE_REQUEST_FAILED", r"unknown operator: \$nonsense"),
    "unknown stage operator": ("DATABASE_INVALID_OPERRATOR", r"\$nonsense"),
    "unknown group operator": ("DATABASE_REQUEST_FAILED", r"unknown group operator '\$nonsense'"),
    "operator of the wrong type": ("DATABASE_REQUEST_FAILED", r"Cannot apply \$inc to a value of non-numeric type"),
    "list operator on a number": ("DATABASE_REQUEST_FAILED", "must be an array"),
    "a changed id": ("INVALID_PARAM", "_id"),
    "a field name with $": ("DATABASE_REQUEST_FAILED", r"must not start with '\$'"),
    "a place outside the earth": ("INVALID_PARAM", "longitude"),
    "division by zero": ("DATABASE_REQUEST_FAILED", "divide by zero"),
    "a conflict": ("DATABASE_TRANSACTION_CONFLICT", r"\[ResourceUnavailable.TransactionConflict\]"),
    "after the end of a transaction": ("DATABASE_TRANSACTION_FAIL", r"\[ResourceUnavailable.TransactionNotExist\]"),
    "too large a request": ("EXCEED_REQUEST_SIZE_LIMIT", "larger than 1048576 bytes"),
    "no function": ("FUNCTION_NOT_FOUND", "FunctionName parameter could not be found"),
    "a function that throws": ("FUNCTIONS_EXECUTE_FAIL", r"Error: boom\n +at .*/var/user/index.js:1"),
    "a function that takes too long": ("FUNCTIONS_TIME_LIMIT_EXCEEDED", "Invoking task timed out after 1 seconds"),
    "no file": ("STORAGE_FILE_NONEXIST", ""),
    "a file name without sense": ("INVALID_PARAM", ""),
    "too many files": ("INVALID_PARAM", "no more than 50"),
}
"""Row of js/errors.js -> (code, what the message says)."""
UNKNOWN = -501001
"""What wx-server-sdk makes of every code that is not in its own table (tencent-server-wire.md §9)."""
KNOWN_TO_WX = NUMBERS.keys() - {"FUNCTION_NOT_FOUND", "FUNCTIONS_TIME_LIMIT_EXCEEDED"}
LOST = {"a file name without sense": {"wx-server-sdk-2.6.3", "wx-server-sdk-1.8.3", "tcb-admin-node-1.23.0"}}
"""Rows whose code these SDKs lose: they read on in an answer that is an error."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("node") is None or not (HERE / "node_modules" / "wx-server-sdk-2.6.3").is_dir():
        not_run("server SDKs", "node or tests/compat/node_modules is missing; run `make`")
    with LiveServer(tmp_path_factory.mktemp("cloud"), max_body_mb=1) as cloud:
        space = cloud.create_space()
        for name, code in FUNCTIONS.items():
            deploy(cloud, space.id, tmp_path_factory.mktemp("functions") / name, name, code)
        cloud.call(cloud.services.documents.run(Caller("admin", space.id), TCB, CreateCollection("items")))
        keys = {"space": space.id, "secretId": space.secret_id, "secretKey": space.secret_key}
        yield json.dumps({"endpoint": cloud.endpoint, **keys})


def deploy(cloud: LiveServer, space: str, source: Path, name: str, code: str) -> None:
    source.mkdir()
    (source / "index.js").write_text(code)
    cloud.call(cloud.services.functions.deploy(space, source, name))
    cloud.call(cloud.services.functions.configure(space, name, timeout=1))


@pytest.mark.parametrize(
    "name", ["wx-server-sdk-1.8.3", "wx-server-sdk-2.6.3", "wx-server-sdk-4.0.2", "cloudbase-node-sdk-3.18.3"]
)
def test_errors(config: str, name: str) -> None:
    told = json.loads(run_node("errors.js", name, config))
    assert told.keys() == ROWS.keys()
    for row, (code, meaning) in ROWS.items():
        if name not in LOST.get(row, ()):
            check(told[row], code, meaning, f"{name}: {row}")


def test_errors_that_are_returned(config: str) -> None:
    """tcb-admin-node returns what the others throw."""
    test_errors(config, "tcb-admin-node-1.23.0")


def check(told: dict[str, Any], code: str, meaning: str, where: str) -> None:
    assert "result" not in told, (where, told)
    if told.get("code"):
        assert told["code"] in {code, _of_wx(code)}, (where, told)
    else:
        known = _of_wx(code) in KNOWN_TO_WX
        assert told["number"] == (NUMBERS[_of_wx(code)] if known else UNKNOWN), (where, told)
    assert re.search(meaning, told.get("message", "")), (where, told)
    assert "runtimes/node" not in told.get("message", ""), "where the server is installed"


def _of_wx(code: str) -> str:
    """semantics.md §16.2: only the newer gateway has a code of its own for duplicates."""
    return "DATABASE_REQUEST_FAILED" if code == "DATABASE_DUPLICATE_WRITE" else code
