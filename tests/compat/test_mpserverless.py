"""The unmodified @alicloud/mpserverless-sdk 3.1.5, mpserverless-node-sdk 1.2.0 to 1.2.5, pop-core 1.3.3 to 1.8.0 and
uniCloud's aliyun client against a live server: every build that can be obtained of the four.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FUNCTIONS = {
    "echo": "module.exports = async (ctx) => ({ args: ctx.args })",
    "sum": "module.exports = async (ctx) => ctx.args.a + ctx.args.b",
    "str": "module.exports = async () => 'plain string'",
    "nul": "module.exports = async () => null",
    "arr": "module.exports = async () => [1, 2, 3]",
    "undef": "module.exports = async () => {}",
    "counter": (
        "module.exports = async ({ args: { method, params: [a, b] } }) => ({ errCode: 0, method, sum: a + b })"
    ),
    "boom": "module.exports = async () => { throw new Error('boom') }",
    "hoist": "module.exports = async () => ({ affectedDocs: 1, extra: true })",
    "whoami": (
        "module.exports = async (ctx) => {"
        " const { user } = await ctx.mpserverless.user.getInfo();"
        " const up = await ctx.mpserverless.file.uploadFile({ fileBuffer: Buffer.from('abc'), fileName: 'f.txt' });"
        " const [info] = (await ctx.mpserverless.file.info(up.fileId)).result;"
        " const sum = await ctx.mpserverless.function.invoke('sum', { a: 1, b: 2 });"
        " return { userId: user.userId, size: info.size, sum: sum.result, source: ctx.env.MP_SOURCE } }"
    ),
    "stored": (
        "module.exports = async (ctx) => {"
        " const made = await ctx.mpserverless.db.collection('made').insertOne({ when: new Date(0) });"
        " const found = await ctx.mpserverless.db.collection('made').findOne({ _id: made.result.insertedId });"
        " return { date: found.result.when instanceof Date, space: ctx.env.MP_SPACE_ID, source: ctx.env.MP_SOURCE } }"
    ),
}


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / "@alicloud" / "pop-core").is_dir():
        not_run("@alicloud SDKs in Node", "node or tests/compat/node_modules is missing; run `make`")


@pytest.fixture(scope="module")
def space(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space with the functions above."""
    space = cloud.create_space()
    for name, code in FUNCTIONS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "index.js").write_text(code)
        cloud.call(cloud.services.functions.deploy(space.id, folder, name))
    return space


@pytest.fixture
def png(tmp_path: Path) -> str:
    path = tmp_path / "pic.png"
    path.write_bytes(base64.b64decode(PNG))
    return str(path)


def run(script: str, **options: Any) -> dict[str, Any]:
    """What each step of a script gave: ``{"value": …}`` or ``{"error": {"code", "message"}}``."""
    done = subprocess.run(
        ["node", str(HERE / "js" / script), json.dumps(options)],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def values(results: dict[str, Any], *expected_failures: str) -> dict[str, Any]:
    """The values of all steps; only the named ones may have failed."""
    failed = {name: result["error"] for name, result in results.items() if "error" in result}
    assert failed.keys() == set(expected_failures), {
        name: failed[name] for name in failed if name not in expected_failures
    }
    return {name: result.get("value") for name, result in results.items() if name not in failed}


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
def test_mini_program_sdk(cloud: LiveServer, space: Space, png: str, platform: str) -> None:
    results = run(
        "ali_mini.js",
        platform=platform,
        endpoint=cloud.endpoint,
        spaceId=space.id,
        clientSecret=space.client_secret,
        appId="app-1",
        collection=f"things_{platform}",
        png=png,
    )
    failures = ("beforeAuthorize", "withoutOperators", "deleteMissing", "missingFunction", "boom", "forward")
    got = values(results, *failures, "wrongSecret", "wrongSpace")
    assert results["wrongSecret"]["error"]["code"] == "SignatureNotMatch"
    assert results["wrongSpace"]["error"]["code"] == "InvalidSpaceId.NotFound"
    assert got["expiredToken"] == {"renewed": True, "userId": got["info"]["result"]["user"]["userId"]}
    assert results["missingFunction"]["error"]["code"] == "FunctionNotFound"
    assert results["boom"]["error"] == {"code": "FunctionBizError", "message": "boom"}
    assert results["deleteMissing"]["error"]["code"] == "FileNotFound"
    check_users(got)
    check_documents(got)
    check_updates(got)
    check_functions(got)
    check_files(got, platform)


def check_users(got: dict[str, Any]) -> None:
    first, second = got["anonymousInfo"]["result"]["user"], got["anonymousInfoAgain"]["result"]["user"]
    assert first["userId"] != second["userId"]
    assert "oAuthUserId" not in first
    assert got["info"]["result"]["user"]["oAuthUserId"]
    assert got["provider"] == {"success": True}


def check_documents(got: dict[str, Any]) -> None:
    inserted = got["insertOne"]["result"]["insertedId"]
    assert len(inserted) == 24
    found = got["findById"]["result"]
    assert got["whenIsDate"]
    assert found == {
        "_id": inserted,
        "name": "tom",
        "age": 1,
        "when": "2023-11-14T22:13:20.123Z",
        "nested": {"a": [1, {"b": 2}]},
        "nul": None,
        "flag": False,
        "zero": 0,
        "empty": "",
    }
    assert [doc["name"] for doc in got["find"]["result"]] == ["jerry", "ann"]
    assert got["find"]["result"][0].keys() == {"_id", "name"}
    assert got["findAll"]["affectedDocs"] == 4
    assert got["findDate"]["affectedDocs"] == 1
    assert got["findRegex"]["affectedDocs"] == 2
    assert got["findIds"]["affectedDocs"] == 3
    assert (got["findOneNone"]["affectedDocs"], got["findOneNone"]["result"]) == (0, None)
    assert (got["count"]["result"], got["countOptions"]["result"]) == (3, 2)
    assert sorted(got["distinct"]["result"]) == ["ann", "jerry"]
    assert got["aggregate"]["result"] == [{"_id": "ann", "n": 1}, {"_id": "jerry", "n": 2}]


def check_updates(got: dict[str, Any]) -> None:
    assert [
        got[name]["affectedDocs"] for name in ("updateOne", "updateNone", "upsert", "updateMany", "replaceOne")
    ] == [1, 0, 1, 2, 1]
    (upserted,) = got["afterUpsert"]["result"]
    assert (upserted["name"], upserted["age"], len(upserted["_id"])) == ("ups", 5, 24)
    assert got["findOneAndUpdate"]["result"]["value"] == {"_id": upserted["_id"], "v": 1}
    assert got["findOneAndUpdateNew"]["result"]["value"] == {"_id": upserted["_id"], "name": "rep", "v": 3}
    assert got["findOneAndReplace"]["result"]["value"]["v"] == 3
    assert got["findOneAndDelete"]["result"]["value"] == {"_id": upserted["_id"], "name": "rep2", "v": 9}
    assert got["findOneAndDeleteNone"]["result"]["value"] is None
    assert (got["deleteOne"]["affectedDocs"], got["deleteMany"]["affectedDocs"]) == (1, 2)
    assert got["rolledBack"] == {"inside": 1, "after": None}
    assert got["committed"] == {"before": None, "after": 1}


def check_functions(got: dict[str, Any]) -> None:
    assert got["echo"]["result"] == {"args": {"a": 1, "s": "中文 & = %", "n": None, "d": "1970-01-01T00:00:00.000Z"}}
    assert got["echo"]["requestId"]
    assert (got["sum"]["result"], got["str"]["result"], got["nul"]["result"], got["arr"]["result"]) == (
        2,
        "plain string",
        None,
        [1, 2, 3],
    )
    assert got["undef"]["success"]
    assert "result" not in got["undef"]
    caller = got["lastInfo"]["result"]["user"]["userId"]
    assert got["whoami"]["result"] == {"userId": caller, "size": 3, "sum": 3, "source": "client"}
    assert (got["hoist"]["affectedDocs"], got["hoist"]["extra"]) == (1, True)


def check_files(got: dict[str, Any], platform: str) -> None:
    assert got["upload"]["fileUrl"].startswith("https://")
    assert got["upload"]["fileUrl"].endswith(got["upload"]["filePath"])
    assert got["download"] == {
        "status": 200,
        "type": "image/png",
        "meta": "1",
        "cache": "max-age=2592000",
        "bytes": PNG,
    }
    assert got["fileInfo"][0]["fileId"] == got["upload"]["fileId"]
    assert got["cloudPath"]["filePath"] == f"static/{platform}.png"
    assert got["deleteFile"]["success"]
    assert got["downloadDeleted"] == 404


@pytest.mark.parametrize(
    "sdk", ["mpserverless-node-sdk-1.2.0", "mpserverless-node-sdk-1.2.2", "@alicloud/mpserverless-node-sdk"]
)
def test_server_sdk(cloud: LiveServer, space: Space, png: str, sdk: str) -> None:
    results = run(
        "ali_node.js",
        sdk=sdk,
        endpoint=cloud.endpoint,
        spaceId=space.id,
        serverSecret=space.server_private_key,
        collection=f"things_{sdk[-5:]}",
        png=png,
        userId="62d901b1532130378100aaaa",
    )
    got = values(results, "missingFunction", "redis", "proxy")
    assert results["missingFunction"]["error"]["code"] == "FunctionNotFound"
    assert got["userInfo"]["user"]["userId"] == "62d901b1532130378100aaaa"
    assert "userId" not in got["adminInfo"]["user"]
    assert got["findOne"]["result"]["when"] == "2023-11-14T22:13:20.123Z"
    assert [doc["name"] for doc in got["find"]["result"]] == ["b", "a"]
    assert got["count"]["result"] == 3
    assert got["aggregate"]["result"] == [{"_id": None, "total": 3}]
    assert got["findOneAndUpdate"]["result"]["value"]["n"] == 9
    assert got["deleteMany"]["affectedDocs"] == 2
    assert got["transaction"] == 1
    assert got["download"] == {"status": 200, "same": True}
    assert got["uploadBuffer"]["filePath"] == "x/b.txt"
    assert got["fileInfo"]["result"][0]["size"] == 3
    assert got["uploadOptions"]["policy"]
    assert got["sum"]["result"] == 3
    assert got["stored"]["result"] == {"date": True, "space": space.id, "source": "server"}


@pytest.mark.parametrize("sdk", ["pop-core-1.3.3", "pop-core-1.7.13", "@alicloud/pop-core"])
def test_openapi_sdk(cloud: LiveServer, space: Space, sdk: str) -> None:
    results = run(
        "ali_pop.js",
        sdk=sdk,
        endpoint=cloud.endpoint,
        spaceId=space.id,
        accessKeyId=space.access_key_id,
        accessKeySecret=space.access_key_secret,
    )
    got = values(results, "unknownAction", "unknownKey", "wrongSecret")
    codes = {name: results[name]["error"]["code"] for name in ("unknownAction", "unknownKey", "wrongSecret")}
    assert codes == {
        "unknownAction": "InvalidAction.NotFound",
        "unknownKey": "InvalidAccessKeyId.NotFound",
        "wrongSecret": "SignatureDoesNotMatch",
    }
    assert got["put"] == 200
    assert got["list"]["DataList"][0]["Id"] == got["sign"]["Id"]
    assert got["weird"]["Id"]
    assert got["command"]["Result"] == "[]"
    assert got["config"]["ApiKey"] == space.client_secret
    assert json.loads(got["function"]["Result"]) == 3
    assert got["prefixed"]["Count"] == 1


def test_client_inside_unicloud(cloud: LiveServer, space: Space, png: str) -> None:
    results = run(
        "ali_unicloud.js", endpoint=cloud.endpoint, spaceId=space.id, clientSecret=space.client_secret, png=png
    )
    got = values(results, "boom", "missing", "other", "foreign", "tampered", "otherKey")
    codes = {name: results[name]["error"]["code"] for name in ("boom", "missing", "other", "foreign")}
    assert codes == {
        "boom": "FunctionBizError",
        "missing": "FunctionNotFound",
        "other": "SignatureNotMatch",
        "foreign": "InvalidSpaceId.NotFound",
    }
    assert (got["sum"]["result"], got["expired"]["result"], got["callback"]["result"]) == (3, 4, "plain string")
    assert got["echo"]["result"]["args"]["s"] == "中文 & ="
    assert got["echo"]["result"]["args"]["clientInfo"]["appId"] == "__UNI__TEST"
    assert got["download"] == {"status": 200, "bytes": PNG, "disposition": "attachment"}
    assert got["temporary"]["fileList"][0]["tempFileURL"] == got["upload"]["fileID"]
    assert got["object"] == {"errCode": 0, "method": "add", "sum": 3}


def test_users_and_spaces_do_not_see_each_other(cloud: LiveServer, png: str) -> None:
    spaces = [cloud.create_space(), cloud.create_space()]
    keys = [{"spaceId": space.id, "clientSecret": space.client_secret} for space in spaces]
    results = run("ali_two_users.js", endpoint=cloud.endpoint, spaces=keys, png=png)
    refused = ("update", "remove", "deleteFile")
    got = values(results, *(name for name in refused if "error" in results[name]))
    assert got["found"]["affectedDocs"] == 0
    assert got["count"]["result"] == 0
    assert got["aggregate"]["result"] == []
    assert results["deleteFile"]["error"]["code"] == "PermissionDenied"
    for name in ("update", "remove"):
        assert "error" in results[name] or got[name]["affectedDocs"] == 0
    assert got["elsewhere"]["affectedDocs"] == 0
    assert got["mine"]["result"] == [{**got["mine"]["result"][0], "secret": 1}]
