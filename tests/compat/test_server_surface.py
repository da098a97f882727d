"""The complete method surface of the server SDKs, inside functions and outside, as one table of calls (js/surface*.js).

Every method that an SDK has, found by reflection, is called with right and wrong arguments, and gives what the table says,
the same in every version. A row that a version cannot do is named here with its reason.

``npm install`` further versions as ``<package>-<version>`` (``wx-server-sdk-1.5.3@npm:wx-server-sdk@1.5.3``,
``cloudbase-node-sdk-3.4.0@npm:@cloudbase/node-sdk@3.4.0``; and ``ws``) into a directory, and every one of them is driven in
every way: ``YUNBOX_SDKS=DIRECTORY pytest tests/compat/test_server_surface.py``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_wx_server_sdk import run_node
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
INSIDE = (
    "wx-server-sdk-0.5.1",
    "wx-server-sdk-1.8.3",
    "wx-server-sdk-2.0.4",
    "wx-server-sdk-2.4.0",
    "wx-server-sdk-4.0.2",
    "tcb-admin-node-1.23.0",
    "cloudbase-node-sdk-2.11.0",
    "cloudbase-node-sdk-3.18.3",
)
OUTSIDE = (
    ("wx-server-sdk-1.8.3", "service"),
    ("wx-server-sdk-2.1.2", "environment"),
    ("wx-server-sdk-3.0.4", "service"),
    ("tcb-admin-node-1.6.0", "service"),
    ("cloudbase-node-sdk-2.11.0", "environment"),
)
SDKS = re.compile(r"(wx-server-sdk|tcb-admin-node|cloudbase-node-sdk)-(\d+)\.(\d+)\.\d+$")

ECHO = """
const answers = { text: 'plain text', null: null, list: [1, [2]] }
exports.main = async (event) => {
  if (event.give === 'error') throw new Error('boom')
  if (event.give in answers) return answers[event.give]
  const { userInfo, ...got } = event
  return { got }
}
"""

NOT_CALLED: dict[str, str] = {
    "aggregate.unwrap": "internal",
    "aggregate.collStats": "without aggregation commands of its own in 0.8.1",
    "aggregate.facet": "the same",
    "aggregate.graphLookup": "the same",
    "aggregate.indexStats": "the same",
    "aggregate.out": "the same",
    "aggregate.redact": "the same",
    "expression.meta": "there is no text search before 1.0",
    "collection.watch": "called on another object; before 3.10 the SDKs lose the environment on the way",
    "document.watch": "the same",
    "query.watch": "the same",
    "cloud.getUploadMetadata": "there is no getFileAuthority beside it in these versions",
    "cloud.Cloud": "reads its keys from the environment alone",
    "db.logicCommand": "classes, not methods",
    "db.queryCommand": "classes, not methods",
    "db.updateCommand": "classes, not methods",
}
GATEWAY = {
    "auth.getClientCredential": "the SDK knows one host for it, which only a function's environment redirects",
    "cloud.ai": "the same",
    "cloud.callApis": "the same",
    "cloud.callContainer": "the same",
    "cloud.mysql": "the same",
    "cloud.rdb": "the same",
}
BUGS = {
    "wx-server-sdk-2.0.4 environment": {
        "transactions: runTransaction": "add inside a transaction goes without the transaction, in the newer dialect",
        "transactions: rollback with a reason": "follows from it",
        "transactions: a throw rolls back": "follows from it",
        "transactions: startTransaction and commit": "follows from it",
        "transactions: clean up": "follows from it",
    }
}
"""What only the SDK can be blamed for: nothing else differs from the table."""


def _ways(name: str) -> list[str]:
    """The ways in which a version reaches a server of one's own (tencent-server-wire.md §2.1)."""
    kind, major, _ = SDKS.match(name).groups()  # type: ignore[union-attr]
    if kind == "wx-server-sdk" and major == "0":
        return ["inside"]  # a second instance takes no keys from `init`
    return ["inside", "service"] if kind == "tcb-admin-node" or major == "1" else ["inside", "service", "environment"]


def _cases() -> list[tuple[str, str]]:
    directory = os.environ.get("YUNBOX_SDKS")
    if not directory:
        return [*((name, "inside") for name in INSIDE), *OUTSIDE]
    found = sorted(path.name for path in Path(directory, "node_modules").iterdir() if SDKS.match(path.name))
    return [(name, way) for name in found for way in _ways(name)]


@pytest.fixture(scope="module")
def modules() -> Path:
    directory = Path(os.environ.get("YUNBOX_SDKS", HERE)).resolve() / "node_modules"
    if shutil.which("node") is None or not directory.is_dir():
        not_run("server SDKs", "node or tests/compat/node_modules is missing; run `make`")
    return directory


def _copy_table(modules: Path, directory: Path) -> Path:
    directory.mkdir()
    for script in (HERE / "js").glob("surface*.js"):
        shutil.copy(script, directory)
    (directory / "node_modules").symlink_to(modules, target_is_directory=True)
    return directory


def _inside(cloud: LiveServer, space: Space, name: str, scripts: Path) -> dict[str, Any]:
    (scripts / "index.js").write_text(f"exports.main = require('./surface').inside('{name}')\n")
    functions = cloud.services.functions
    cloud.call(functions.deploy(space.id, scripts, "surface", in_place=True))
    cloud.call(functions.configure(space.id, "surface", timeout=100))
    user = Caller("user", space.id, openid="alice", app_id="wx1", source="wx_client")
    result: dict[str, Any] = json.loads(
        cloud.call(functions.invoke(user, "surface", {"env": space.id}), timeout=150).result_json
    )
    return result


def _outside(cloud: LiveServer, space: Space, name: str, way: str, scripts: Path) -> dict[str, Any]:
    keys = {"space": space.id, "secretId": space.secret_id, "secretKey": space.secret_key}
    config = json.dumps({"endpoint": cloud.endpoint, **keys, "way": way})
    result: dict[str, Any] = json.loads(run_node("surface.js", name, config, directory=scripts))
    return result


def drive(cloud: LiveServer, modules: Path, tmp_path: Path, name: str, way: str) -> dict[str, Any]:
    space = cloud.create_space()
    echo = tmp_path / "echo"
    echo.mkdir()
    (echo / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, echo, "echo"))
    scripts = _copy_table(modules, tmp_path / "surface")
    return _inside(cloud, space, name, scripts) if way == "inside" else _outside(cloud, space, name, way, scripts)


def check(report: dict[str, Any], name: str, way: str) -> None:
    bugs = BUGS.get(f"{name} {way}", {})
    assert {row: result for row, result in report["failed"].items() if row not in bugs} == {}
    assert bugs.keys() <= report["failed"].keys(), "an SDK's bug is gone: take it off the list"
    allowed = NOT_CALLED.keys() | (GATEWAY.keys() if way != "inside" else set())
    assert set(report["uncalled"]) <= allowed
    assert report["done"] > 100


@pytest.mark.parametrize(("name", "way"), _cases())
def test_every_method(cloud: LiveServer, modules: Path, tmp_path: Path, name: str, way: str) -> None:
    check(drive(cloud, modules, tmp_path, name, way), name, way)


TWO_PLACES = """
const http = require('node:http')
const portOf = (url) => new Promise((resolve, reject) => {
  let port
  http.get(url, (response) => response.resume().on('end', () => setTimeout(() => resolve(port), 20)))
    .on('socket', (socket) => { port = socket.localPort || new Promise((ready) => socket.on('connect', () => ready(socket.localPort))) })
    .on('error', reject)
})
exports.main = async ({ url }) => [await portOf('http://metadata.tencentyun.com/latest'), await portOf(url), await portOf(url)]
"""


def test_redirected_requests_have_connections_of_their_own(cloud: LiveServer, tmp_path: Path) -> None:
    """Else 3.0.1 fails to upload: its metadata probe (axios) leaves a `timeout` listener that destroys the socket."""
    space = cloud.create_space()
    source = tmp_path / "f"
    source.mkdir()
    (source / "index.js").write_text(TWO_PLACES)
    cloud.call(cloud.services.functions.deploy(space.id, source, "f"))
    user = Caller("user", space.id, openid="alice")
    invocation = cloud.call(cloud.services.functions.invoke(user, "f", {"url": f"{cloud.endpoint}/healthz"}))
    redirected, own, again = json.loads(invocation.result_json)
    assert redirected != own
    assert own == again
