"""The PHP server SDK, which needs PHP to run: its requests as its published source sends them (aliyun-wire.md §2, §4).

Form bodies; ``json_encode`` of an empty array is ``[]``; arguments that were not given are ``null``.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.protocols.mpserverless.signed import ServerClient, checked
from tests.server import LiveServer

pytestmark = pytest.mark.recorded


def ask(server: ServerClient, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What PHP's ``json_encode`` makes of ``params``, sent as a form."""
    text = json.dumps(params, separators=(",", ":")).replace("/", "\\/")
    return checked(server.post_form(server.body(method, text)))


def db(server: ServerClient, command: str, **arguments: Any) -> Any:
    answer = ask(server, "serverless.db.isv.execute", {"command": command, "collection": "php", **arguments})
    assert answer["success"], answer
    return answer["data"]


def test_documents(server: ServerClient) -> None:
    one = db(server, "insertOne", doc={"name": "甲", "url": "https://a/b"}, options=[])
    many = db(server, "insertMany", docs=[{"n": 1}, {"n": 2}], options=[])
    assert len(one["result"]["insertedId"]) == 24
    assert list(many["result"]) == ["0", "1"]
    assert db(server, "findOne", query={"name": "甲"}, options=[])["result"]["url"] == "https://a/b"
    assert db(server, "find", query=[], options=[])["affectedDocs"] == 3
    assert db(server, "find", query=[], options={"limit": 1, "sort": {"n": -1}})["result"][0]["n"] == 2
    assert db(server, "count", query=[], options=[])["result"] == 3
    assert sorted(db(server, "distinct", key="n", query=[], options=[])["result"]) == [1, 2]
    assert db(server, "aggregate", pipeline=[{"$match": {"n": 2}}], options=[])["affectedDocs"] == 1
    assert db(server, "aggregate", pipeline=[], options=[])["affectedDocs"] == 3


def test_changes(server: ServerClient) -> None:
    db(server, "insertMany", docs=[{"n": 1}, {"n": 2}, {"n": 3}], options=[])
    assert db(server, "updateOne", filter={"n": 1}, update={"$set": {"m": 1}}, options=[])["affectedDocs"] == 1
    assert db(server, "updateMany", filter=[], update={"$inc": {"k": 1}}, options=[])["affectedDocs"] == 3
    assert db(server, "replaceOne", filter={"n": 2}, doc={"n": 20}, options=[])["affectedDocs"] == 1
    changed = db(server, "findOneAndUpdate", filter={"n": 3}, update={"$set": {"m": 3}}, options={"upsert": True})
    assert changed["result"]["value"]["n"] == 3
    assert (
        db(server, "findOneAndReplace", filter={"n": 20}, replacement={"n": 21}, options=[])["result"]["value"]["n"]
        == 20
    )
    assert db(server, "findOneAndDelete", filter={"n": 21}, options=[])["affectedDocs"] == 1
    assert db(server, "deleteOne", filter={"n": 1}, options=[])["affectedDocs"] == 1
    assert db(server, "deleteMany", filter=[], options=[])["affectedDocs"] == 1


def test_functions(cloud: LiveServer, server: ServerClient, tmp_path: Any) -> None:
    (tmp_path / "index.js").write_text("module.exports = async ({ args }) => args")
    cloud.call(cloud.services.functions.deploy(server.space.id, tmp_path, "echo"))
    for name in ("serverless.function.isv.runtime.invoke", "serverless.function.runtime.invoke"):
        for arguments in ({"a": "中/文"}, {}):
            answer = ask(server, name, {"functionTarget": "echo", "functionArgs": arguments})
            assert answer["data"] == arguments


def test_files(server: ServerClient, http: httpx.Client) -> None:
    sign = {"env": "public", "filename": "pic.png", "size": 0, "targetPath": None}
    signed = ask(server, "serverless.file.resource.isv.generateProximalSign", sign)["data"]
    fields = {
        "id": signed["id"],
        "key": signed["ossPath"],
        "host": signed["host"],
        "policy": signed["policy"],
        "Signature": signed["signature"],
        "OSSAccessKeyId": signed["accessKeyId"],
        "success_action_status": "200",
    }
    headers = {"Cache-Control": "max-age=2592000", "X-OSS-server-side-encrpytion": "AES256"}
    sent = http.post(
        f"https://{signed['host']}", data=fields, files={"file": ("pic.png", b"\x89PNG", None)}, headers=headers
    )
    assert (sent.status_code, sent.content) == (200, b"")
    report = ask(server, "serverless.file.resource.isv.report", {"id": signed["id"], "contentType": None})
    assert report["success"]
    fetched = http.get(f"http://{signed['host']}/{signed['ossPath']}", follow_redirects=True)
    assert (fetched.status_code, fetched.content) == (200, b"\x89PNG")
    gone = ask(server, "serverless.file.resource.isv.delete", {"id": signed["id"]})
    assert gone["success"]


def test_a_failure_has_what_the_sdk_reads(server: ServerClient) -> None:
    answer = ask(server, "serverless.function.isv.runtime.invoke", {"functionTarget": "nope", "functionArgs": {}})
    assert answer["error"].keys() == {"code", "message"}
