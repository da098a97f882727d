"""``/cgi-bin/token`` and ``/tcb/*`` over a live server (semantics.md §14.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import LiveServer
from yunbox.spaces import Space


class HttpApi:
    """A caller with an access token."""

    def __init__(self, cloud: LiveServer, space: Space) -> None:
        self.endpoint = cloud.endpoint
        self.space = space
        self.token = ""

    def fetch_token(self, app_id: str, secret: str) -> dict[str, Any]:
        query = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        answer = httpx.get(f"{self.endpoint}/cgi-bin/token", params=query)
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()
        return content

    def post(self, name: str, body: Any = None, /, **query: str) -> dict[str, Any]:
        params = {"access_token": self.token, **query}
        content = json.dumps(body) if not isinstance(body, bytes) else body
        answer = httpx.post(f"{self.endpoint}/tcb/{name}", params=params, content=content, timeout=30)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        assert "errmsg" in told
        return told

    def call(self, name: str, **body: Any) -> dict[str, Any]:
        """The answer of a call that must succeed."""
        told = self.post(name, {"env": self.space.id, **body})
        assert told["errcode"] == 0, told
        assert told["errmsg"] == "ok"
        return told

    def script(self, name: str, text: str) -> dict[str, Any]:
        return self.call(name, query=text)


@pytest.fixture(scope="module")
def api(cloud: LiveServer) -> Iterator[HttpApi]:
    caller = HttpApi(cloud, cloud.create_space())
    caller.token = caller.fetch_token(caller.space.secret_id, caller.space.secret_key)["access_token"]
    caller.call("databasecollectionadd", collection_name="geo")
    yield caller
    cloud.delete_space(caller.space.id)


def test_documents_by_script(api: HttpApi) -> None:
    added = api.script("databaseadd", "db.collection('geo').add({data:[{_id:'a', n:1, o:{p:1, q:2}}, {n:2.5}, {n:3}]})")
    assert added["id_list"][0] == "a"
    assert len(added["id_list"]) == 3
    found = api.script(
        "databasequery",
        "const _ = db.command\ndb.collection('geo').where({n: _.gt(1)}).orderBy('n', 'desc').limit(1).get()",
    )
    assert found["pager"] == {"Offset": 0, "Limit": 1, "Total": 2}
    assert [json.loads(text)["n"] for text in found["data"]] == [3]
    partial = api.script("databasequery", "db.collection('geo').where({o: {p: 1}}).get()")
    assert json.loads(partial["data"][0])["_id"] == "a"
    changed = api.script(
        "databaseupdate", "db.collection('geo').where({n: 1}).update({data: {o: {p: 9}, l: db.command.push([7])}})"
    )
    assert (changed["matched"], changed["modified"], changed["id"]) == (1, 1, "")
    document = json.loads(api.script("databasequery", "db.collection('geo').doc('a').get()")["data"][0])
    assert document == {"_id": "a", "n": 1, "o": {"p": 9, "q": 2}, "l": [7]}
    made = api.script("databaseupdate", "db.collection('geo').doc('b').set({data: {n: 4}})")
    assert (made["matched"], made["modified"], made["id"]) == (0, 0, "b")
    assert api.script("databasecount", "db.collection('geo').count()")["count"] == 4
    summed = api.script(
        "databaseaggregate",
        "const $ = db.command.aggregate\ndb.collection('geo').aggregate().group({_id: null, s: $.sum('$n')}).end()",
    )
    assert json.loads(summed["data"][0]) == {"_id": None, "s": {"$numberDouble": "10.5"}}
    assert api.script("databasedelete", "db.collection('geo').where({n: db.command.gte(3)}).remove()")["deleted"] == 2


def test_collections_and_indexes(api: HttpApi) -> None:
    api.call("databasecollectionadd", collection_name="extra")
    listed = api.call("databasecollectionget", limit=10, offset=0)
    assert "extra" in [collection["name"] for collection in listed["collections"]]
    api.call(
        "updateindex",
        collection_name="extra",
        create_indexes=[{"name": "n_1", "unique": True, "keys": [{"name": "n", "direction": "1"}]}],
    )
    api.script("databaseadd", "db.collection('extra').add({data: {n: 1}})")
    twice = api.post("databaseadd", {"env": api.space.id, "query": "db.collection('extra').add({data: {n: 1}})"})
    assert twice["errcode"] == -502001
    assert "E11000" in twice["errmsg"]
    api.call("databasecollectiondelete", collection_name="extra")
    gone = api.post("databasequery", {"env": api.space.id, "query": "db.collection('extra').get()"})
    assert gone["errcode"] == -502005


def test_functions_have_no_user(cloud: LiveServer, api: HttpApi, tmp_path: Path) -> None:
    (tmp_path / "who").mkdir()
    source = "exports.main = async (event) => ({ event, openid: process.env.WX_OPENID || null })\n"
    (tmp_path / "who" / "index.js").write_text(source, encoding="utf-8")
    cloud.call(cloud.services.functions.deploy(api.space.id, tmp_path / "who", "who"))
    told = api.post("invokecloudfunction", {"a": 1}, env=api.space.id, name="who")
    assert told["errcode"] == 0
    assert json.loads(told["resp_data"]) == {"event": {"a": 1}, "openid": None}
    assert api.post("invokecloudfunction", {}, env=api.space.id, name="absent")["errcode"] == -501000


def test_files(api: HttpApi) -> None:
    ticket = api.call("uploadfile", path="a/b.txt")
    form = {
        "key": "a/b.txt",
        "Signature": ticket["authorization"],
        "x-cos-security-token": ticket["token"],
        "x-cos-meta-fileid": ticket["cos_file_id"],
    }
    sent = httpx.post(ticket["url"], data=form, files={"file": ("b.txt", b"hello", "text/plain")})
    assert sent.status_code < 300
    [link] = api.call("batchdownloadfile", file_list=[{"fileid": ticket["file_id"], "max_age": 60}])["file_list"]
    assert link["status"] == 0
    assert httpx.get(link["download_url"]).content == b"hello"
    [gone] = api.call("batchdeletefile", fileid_list=[ticket["file_id"]])["delete_list"]
    assert gone["status"] == 0
    [missing] = api.call("batchdownloadfile", file_list=[{"fileid": ticket["file_id"]}])["file_list"]
    assert missing["status"] == -503003


@pytest.mark.parametrize(
    ("name", "body", "number"),
    [
        ("databasequery", {"query": "db.collection('geo').get("}, -605101),
        ("databasequery", {"query": "db.collection('geo').count()"}, 40097),
        ("databasequery", {}, 40101),
        ("databasequery", b"", 44002),
        ("databasequery", b"{", 47001),
        ("databasequery", b"[]", 47001),
        ("nothing", {}, 40066),
        ("databasecollectionadd", {"collection_name": "geo"}, -501007),
    ],
)
def test_refusals(api: HttpApi, name: str, body: Any, number: int) -> None:
    content = body if isinstance(body, bytes) else {"env": api.space.id, **body}
    assert api.post(name, content)["errcode"] == number


def test_tokens(cloud: LiveServer, api: HttpApi) -> None:
    space = api.space
    assert api.fetch_token("unknown", "x")["errcode"] == 40013
    assert api.fetch_token(space.secret_id, "wrong")["errcode"] == 40125
    other = cloud.create_space()
    stranger = HttpApi(cloud, space)
    stranger.token = stranger.fetch_token(other.secret_id, other.secret_key)["access_token"]
    query = {"env": space.id, "query": "db.collection('geo').get()"}
    assert stranger.post("databasequery", query)["errcode"] == -501005
    for token, number in (("", 41001), ("forged", 40014), (stranger.token + "0", 40014)):
        stranger.token = token
        assert stranger.post("databasequery", query)["errcode"] == number
    assert (
        httpx.get(f"{cloud.endpoint}/tcb/databasequery", params={"access_token": api.token}).json()["errcode"] == 43002
    )
    cloud.services.spaces.set_app(space.id, "wechat", "wx-app", {"secret": "app-secret"})
    stranger.token = stranger.fetch_token("wx-app", "app-secret")["access_token"]
    assert stranger.post("databasequery", query)["errcode"] == 0
    cloud.delete_space(other.id)
