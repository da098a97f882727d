"""``databasemigrate…`` and ``getqcloudtoken`` of the HTTP API, over a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.protocols.tcb.signed import AdminClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.errors import FileNotFound
from yunbox.spaces import Space


@dataclass
class Api:
    """Calls of one space with its keys as app id and secret."""

    cloud: LiveServer
    space: Space
    http: httpx.Client
    token: str

    def call(self, name: str, **values: Any) -> dict[str, Any]:
        """The answer, whatever it is."""
        content = {"env": self.space.id, **values}
        answer: dict[str, Any] = self.http.post(f"/tcb/{name}?access_token={self.token}", json=content).json()
        return answer

    def ok(self, name: str, **values: Any) -> dict[str, Any]:
        answer = self.call(name, **values)
        assert (answer.pop("errcode"), answer.pop("errmsg")) == (0, "ok"), answer
        return answer

    def store(self, key: str, text: str) -> None:
        admin = Caller("admin", self.space.id)
        self.cloud.call(self.cloud.services.files.put(admin, key, text.encode()))

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cloud.services.documents.engine(self.space.id).run_sync(
            c.Find("geo", sort={"_id": 1})
        )
        return found


@pytest.fixture
def api(cloud: LiveServer) -> Iterator[Api]:
    space = cloud.create_space()
    with httpx.Client(base_url=cloud.endpoint, trust_env=False, timeout=30) as http:
        query = {"grant_type": "client_credential", "appid": space.secret_id, "secret": space.secret_key}
        token = http.get("/cgi-bin/token", params=query).json()["access_token"]
        made = Api(cloud, space, http, token)
        made.ok("databasecollectionadd", collection_name="geo")
        yield made


def test_imports(api: Api) -> None:
    api.store("data/in.json", '{"_id":"a","n":1}\n{"_id":"a","n":2}\n{"_id":"b","n":3}\n')
    wanted = {"collection_name": "geo", "file_path": "/data/in.json", "file_type": 1, "stop_on_error": False}
    job = api.ok("databasemigrateimport", conflict_mode=1, **wanted)["job_id"]
    info = api.ok("databasemigratequeryinfo", job_id=job)
    assert (info["status"], info["record_success"], info["record_fail"], info["file_url"]) == ("success", 2, 1, "")
    assert info["err_msg"] == info["error_msg"]
    assert "line 2" in info["err_msg"]
    assert [document["n"] for document in api.documents()] == [1, 3]
    job = api.ok("databasemigrateimport", conflict_mode=2, **wanted)["job_id"]
    info = api.ok("databasemigratequeryinfo", job_id=job)
    assert (info["record_success"], info["record_fail"], info["error_msg"]) == (3, 0, "导入完成.")
    assert [document["n"] for document in api.documents()] == [2, 3]


def test_an_import_that_stops(api: Api) -> None:
    api.store("in.csv", "_id,n\na,1\na,2\nb,3\n")
    wanted = {"collection_name": "geo", "file_path": "in.csv", "file_type": 2, "conflict_mode": 1}
    job = api.ok("databasemigrateimport", stop_on_error=True, **wanted)["job_id"]
    info = api.ok("databasemigratequeryinfo", job_id=job)
    assert (info["status"], info["record_success"], info["record_fail"]) == ("fail", 1, 1)
    assert [document["_id"] for document in api.documents()] == ["a"]


def test_exports(api: Api) -> None:
    points = '[{_id:"a",age:1,name:"x",at:new Date(0)},{_id:"b",age:3,name:"y"},{_id:"c",age:2,name:"z"}]'
    api.ok("databaseadd", query=f'db.collection("geo").add({{data:{points}}})')
    script = (
        "const Point = db.Geo.Point;"
        "db.collection('geo').where({age: db.command.gt(0)}).orderBy('age','desc').skip(1).limit(10)"
    )
    job = api.ok("databasemigrateexport", file_path="out/a.json", file_type=1, query=f"{script}.get()")["job_id"]
    info = api.ok("databasemigratequeryinfo", job_id=job)
    assert (info["status"], info["record_success"], info["error_msg"]) == ("success", 2, "导出完成.")
    rows = [json.loads(line) for line in api.http.get(info["file_url"]).text.splitlines()]
    assert rows == [
        {"_id": "c", "age": 2, "name": "z"},
        {"_id": "a", "age": 1, "name": "x", "at": {"$date": "1970-01-01T00:00:00.000Z"}},
    ]
    script = f"{script}.field({{name:true,_id:true}}).get()"
    job = api.ok("databasemigrateexport", file_path="out/a.csv", file_type=2, query=script)["job_id"]
    url = api.ok("databasemigratequeryinfo", job_id=job)["file_url"]
    assert api.http.get(url).text == "name,_id\nz,c\nx,a\n"


@pytest.mark.parametrize(
    ("name", "values", "number"),
    [
        ("databasemigrateimport", {"file_path": "none.json"}, -503003),
        ("databasemigrateimport", {"file_path": "in.json", "collection_name": "none"}, -502005),
        ("databasemigrateimport", {"file_path": "in.json", "file_type": 3}, 40097),
        ("databasemigrateimport", {"file_path": "in.json", "conflict_mode": None}, 40101),
        ("databasemigrateimport", {}, 40101),
        ("databasemigrateexport", {"file_path": "o", "query": "db.collection('none').get()"}, -502005),
        ("databasemigrateexport", {"file_path": "o", "query": "db.collection('geo').count()"}, 40097),
        ("databasemigrateexport", {"file_path": "o", "query": "nonsense("}, -605101),
        ("databasemigrateexport", {"file_path": "o", "query": "db.collection('geo').get()", "file_type": 2}, 40097),
        ("databasemigratequeryinfo", {}, 40101),
        ("databasemigratequeryinfo", {"job_id": 1}, -501009),
    ],
)
def test_refusals(api: Api, name: str, values: dict[str, Any], number: int) -> None:
    api.store("in.json", "{}")
    given = {"collection_name": "geo", "file_type": 1, "conflict_mode": 1, **values}
    assert api.call(name, **given)["errcode"] == number
    with pytest.raises(FileNotFound):
        api.cloud.services.files.stat(api.space.id, "o")


def test_temporary_keys(api: Api) -> None:
    url = f"/tcb/getqcloudtoken?access_token={api.token}"
    issued = api.http.post(url, json={"lifespan": 60}).json()
    assert set(issued) == {"errcode", "errmsg", "secretid", "secretkey", "token", "expired_time"}
    keys = (issued["secretid"], issued["secretkey"], issued["token"])
    with AdminClient(api.cloud.endpoint, *keys) as client:
        added = client.send("database.addDocument", envName=api.space.id, collectionName="geo", data={"n": 1})
        assert "code" not in added, added
    with AdminClient(api.cloud.endpoint, keys[0], "wrong", keys[2]) as client:
        assert client.send("database.addDocument", collectionName="geo", data={})["code"]
    assert len(api.documents()) == 1
    assert api.call("getqcloudtoken", lifespan=7201)["errcode"] == 40097
    for _ in range(9):
        api.ok("getqcloudtoken")
    assert api.call("getqcloudtoken")["errcode"] == 45009
