"""Collections, permissions, users, HTTP paths and figures through the cloud API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.protocols.tencentcloud.client import CloudClient
from tests.protocols.tencentcloud.test_functions import create
from tests.server import LiveServer
from yunbox.spaces import Space


def run(client: CloudClient, kind: str, command: dict[str, Any], table: str = "todos") -> Any:
    row = {"TableName": table, "CommandType": kind, "Command": json.dumps(command)}
    return json.loads(client.call("tcb.RunCommands", MgoCommands=[row])["Data"][0])


@pytest.fixture
def todos(client: CloudClient) -> CloudClient:
    client.call("tcb.CreateTable", TableName="todos")
    return client


def test_commands_in_mongodbs_form(todos: CloudClient) -> None:
    made = [{"_id": "a", "n": 1, "at": {"$date": "2026-01-01T00:00:00Z"}}, {"_id": "b", "n": 2}, {"_id": "c", "n": 3}]
    assert run(todos, "INSERT", {"insert": "todos", "documents": made})["n"] == 3
    found = run(todos, "QUERY", {"find": "todos", "filter": {"n": {"$gt": 1}}, "sort": {"n": -1}, "limit": 1})
    assert [json.loads(row) for row in found] == [{"_id": "c", "n": 3}]
    assert run(todos, "QUERY", {"distinct": "todos", "key": "n"})["values"] == [1, 2, 3]
    upsert = {"q": {"_id": "d"}, "u": {"$set": {"n": 4}}, "upsert": True}
    many = {"q": {"n": {"$lt": 3}}, "u": {"$inc": {"n": 10}}, "multi": True}
    changed = run(todos, "UPDATE", {"update": "todos", "updates": [upsert, many]})
    assert changed == {"n": 3, "nModified": 2, "upserted": [{"index": 0, "_id": "d"}], "ok": 1}
    taken = run(todos, "UPDATE", {"findAndModify": "todos", "query": {"_id": "d"}, "remove": True})
    assert taken["value"] == {"_id": "d", "n": 4}
    assert run(todos, "DELETE", {"delete": "todos", "deletes": [{"q": {}, "limit": 0}]})["n"] == 3
    index = {"key": {"n": 1}, "name": "by_n", "unique": True}
    assert run(todos, "COMMAND", {"createIndexes": "todos", "indexes": [index]}) == {"ok": 1}
    assert [row["name"] for row in run(todos, "COMMAND", {"listIndexes": "todos"})] == ["_id_", "by_n"]
    assert run(todos, "COMMAND", {"dropIndexes": "todos", "index": "by_n"}) == {"ok": 1}
    assert run(todos, "COMMAND", {"create": "more"}, "more") == {"ok": 1}
    assert run(todos, "COMMAND", {"drop": "more"}, "more") == {"ok": 1}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('{"find": "none"}', "InvalidParameterValue"),
        ('{"find": "todos", "filter": {"$what": 1}}', "FailedOperation.QueryError"),
        ('{"eval": "todos"}', "UnsupportedOperation"),
        ("[]", "InvalidParameterValue.InvalidDoc"),
        ("{", "InvalidParameterValue.InvalidDoc"),
        ('{"insert": "todos"}', "MissingParameter"),
    ],
)
def test_commands_that_cannot_be_run(todos: CloudClient, command: str, expected: str) -> None:
    assert todos.refused("tcb.RunCommands", MgoCommands=[{"TableName": "todos", "Command": command}]) == expected


def test_codes_of_missing_and_taken_collections(todos: CloudClient) -> None:
    missing = {"TableName": "none", "Command": '{"count": "none"}'}
    assert todos.refused("tcb.RunCommands", MgoCommands=[missing]) == "ResourceNotFound.Table"
    assert todos.refused("tcb.DescribeTable", TableName="none") == "ResourceNotFound.TableNotFound"
    assert todos.refused("tcb.DeleteTable", TableName="none") == "ResourceNotFound.TableNotFound"
    assert todos.refused("tcb.CreateTable", TableName="todos") == "ResourceUnavailable.ResourceExist"
    keys = {"MgoIsUnique": False, "MgoIndexKeys": [{"Name": "a", "Direction": "sideways"}]}
    wrong = [{"IndexName": "i", "MgoKeySchema": keys}]
    assert todos.refused("tcb.UpdateTable", TableName="todos", CreateIndexes=wrong) == "InvalidParameterValue"
    assert todos.refused("tcb.UpdateTable", TableName="todos", DropIndexes=[{"IndexName": "i"}]) == "ResourceNotFound"


def test_permissions_of_collections(todos: CloudClient, cloud: LiveServer, space: Space) -> None:
    assert todos.call("tcb.DescribeSafeRule", CollectionName="todos")["AclTag"] == "PRIVATE"
    todos.call("tcb.ModifyDatabaseACL", CollectionName="todos", AclTag="READONLY")
    rule = {"read": True, "write": "doc._openid == auth.openid"}
    resource = {"ResourceType": "collection", "Resource": "todos"}
    custom = {"Permission": "CUSTOM", "SecurityRule": json.dumps(rule)}
    assert todos.call("tcb.ModifyResourcePermission", **resource, **custom)["Data"] == {"Success": True}
    shown = todos.call("tcb.DescribeResourcePermission", ResourceType="collection", Resources=["todos"])["Data"]
    assert (shown["TotalCount"], json.loads(shown["PermissionList"][0]["SecurityRule"])) == (1, rule)
    assert cloud.services.documents.rules(space.id, "todos").security is not None
    for wrong in ({"AclTag": "EVERYBODY"}, {"AclTag": "CUSTOM"}, {"AclTag": "CUSTOM", "Rule": '{"read": "1 +"}'}):
        assert "Error" in todos.call("tcb.ModifySafeRule", CollectionName="todos", **wrong)


def test_permissions_of_files(client: CloudClient, cloud: LiveServer, space: Space, other: Space) -> None:
    client.call("tcb.ModifyStorageSafeRule", Bucket=space.bucket, AclTag="ADMINONLY")
    assert cloud.services.files.mode(space.id) == "ADMINONLY"
    assert client.refused("tcb.ModifyStorageACL", Bucket=other.bucket, AclTag="READONLY") == "ResourceNotFound"
    assert client.refused("tcb.DescribeStorageACL", Bucket=other.bucket) == "ResourceNotFound"
    rule = {"read": True, "write": "resource.openid == auth.uid"}
    client.call("tcb.ModifyStorageSafeRule", AclTag="CUSTOM", Rule=json.dumps(rule))
    shown = client.call("tcb.DescribeStorageSafeRule")
    assert (shown["AclTag"], json.loads(shown["Rule"])) == ("CUSTOM", rule)
    assert client.refused("tcb.ModifyStorageSafeRule", AclTag="CUSTOM", Rule='{"list": true}') == "InvalidParameter"


def test_permissions_of_functions(client: CloudClient, cloud: LiveServer, space: Space) -> None:
    rule = {"*": {"invoke": False}, "open": {"invoke": True}}
    values = {"ResourceType": "function", "Permission": "CUSTOM"}
    client.call("tcb.ModifyResourcePermission", **values, SecurityRule=json.dumps(rule))
    assert cloud.services.functions.rules.of(space.id).to_json() == rule
    shown = client.call("tcb.DescribeResourcePermission", ResourceType="function")["Data"]["PermissionList"]
    assert json.loads(shown[0]["SecurityRule"]) == rule
    assert client.refused("tcb.ModifyResourcePermission", **values, SecurityRule="{}") == "InvalidParameter"


def test_users_of_the_newer_actions(client: CloudClient, stranger: CloudClient) -> None:
    made = client.call("tcb.CreateUser", Name="anna", Password="Secret12345", NickName="Anna")["Data"]["Uid"]
    client.call("tcb.CreateUser", Name="bert", UserStatus="BLOCKED")
    assert client.refused("tcb.CreateUser", Name="anna") == "ResourceInUse"
    client.call("tcb.ModifyUser", Uid=made, NickName="", Description="said")
    shown = client.call("tcb.DescribeUserList", Name="ann")["Data"]
    assert shown["Total"] == 1
    row = shown["UserList"][0]
    assert (row["Uid"], row["NickName"], row["Description"], row["UserStatus"]) == (made, "", "said", "ACTIVE")
    assert stranger.refused("tcb.ModifyUser", Uid=made, NickName="mine") == "ResourceNotFound.UserNotExist"
    assert stranger.call("tcb.DeleteUsers", Uids=[made])["Data"] == {"SuccessCount": 0, "FailedCount": 1}
    assert client.call("tcb.DeleteUsers", Uids=[made])["Data"] == {"SuccessCount": 1, "FailedCount": 0}


def test_http_paths_of_both_generations(client: CloudClient, cloud: LiveServer, space: Space) -> None:
    create(client, code="exports.main = async event => 'at ' + event.path")
    client.call("tcb.CreateCloudBaseGWAPI", Path="/a", Type=1, Name="f")
    route = {"Path": "/b", "UpstreamResourceType": "SCF", "UpstreamResourceName": "f"}
    client.call("tcb.CreateHTTPServiceRoute", Domain={"Domain": "*", "Routes": [route]})
    domains = client.call("tcb.DescribeHTTPServiceRoute")["Domains"]
    assert [row["Path"] for row in domains[0]["Routes"]] == ["/a", "/b"]
    assert client.http.get(f"http://{domains[0]['Domain']}/b/x").text == "at /x"
    refused: dict[str, dict[str, Any]] = {
        "tcb.CreateCloudBaseGWAPI": {"Path": "/b", "Name": "f"},
        "tcb.CreateHTTPServiceRoute": {"Domain": {"Domain": "*", "Routes": [route]}},
    }
    codes = [client.refused(action, **values) for action, values in refused.items()]
    assert codes == ["InvalidParameter.APICreated", "ResourceInUse.HTTPServiceRoute"]
    assert client.refused("tcb.CreateCloudBaseGWAPI", Path="/c", Name="none") == "ResourceNotFound.Function"
    assert client.refused("tcb.BindCloudBaseGWDomain", Domain="a.example.com") == "UnsupportedOperation"
    client.call("tcb.ModifyCloudBaseGWPrivilege", EnableService=False)
    assert client.http.get(f"http://{domains[0]['Domain']}/b/x").status_code == 400
    client.call("scf.DeleteFunction", FunctionName="f")
    assert client.call("tcb.DescribeCloudBaseGWAPI")["Total"] == 0


def test_figures(todos: CloudClient) -> None:
    run(todos, "INSERT", {"insert": "todos", "documents": [{}, {}]})
    times = {"StartTime": "2026-01-01 00:00:00", "EndTime": "2026-01-03 00:00:00"}
    shown = todos.call("tcb.DescribeCurveData", MetricName="DbWrite", **times)
    assert (shown["Period"], len(shown["Time"]), sum(shown["Values"])) == (86400, len(shown["Values"]), 0)
    assert todos.call("tcb.DescribeQuotaData", MetricName="DbWritePkg")["Value"] >= 1
    for metric in ("FunctionGBs", "StorageRead", "StorageWrite", "CDNFlux"):
        assert todos.call("tcb.DescribeCurveData", MetricName=metric, **times)["Values"][-1] >= 0
    assert todos.refused("tcb.DescribeCurveData", MetricName="MysqlTps", **times) == "UnsupportedOperation"
    backwards = {"StartTime": times["EndTime"], "EndTime": times["StartTime"]}
    assert todos.refused("tcb.DescribeCurveData", MetricName="DbRead", **backwards) == "InvalidParameterValue"


def test_collections_come_back_from_a_backup(todos: CloudClient, cloud: LiveServer, space: Space) -> None:
    from yunbox.tools.backup import list_backups

    instance = todos.call("tcb.DescribeEnvs")["EnvList"][0]["Databases"][0]["InstanceId"]
    run(todos, "INSERT", {"insert": "todos", "documents": [{"_id": "kept"}]})
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    made = todos.http.post(f"{cloud.endpoint}/manage/v1/backups", headers={"authorization": f"Bearer {token}"}, json={})
    assert made.status_code == 200, made.text
    assert list_backups(cloud.services.settings.data)
    newest = todos.call("tcb.DescribeRestoreTime", InstanceId=instance)["RestoreTimes"][0]
    assert todos.call("tcb.DescribeRestoreTables", InstanceId=instance, Time=newest)["Tables"] == ["todos"]
    names = [{"OldTableName": "todos", "NewTableName": "todos_back"}]
    todos.call("tcb.RestoreTCBTables", InstanceId=instance, Time=newest, ModifyTableNamesInfo=names)
    assert todos.call("tcb.DescribeRestoreTask", InstanceId=instance)["Tasks"][0]["Status"] == "success"
    assert [json.loads(row) for row in run(todos, "QUERY", {"find": "todos_back"}, "todos_back")] == [{"_id": "kept"}]
    again = todos.refused("tcb.RestoreTCBTables", InstanceId=instance, Time=newest, ModifyTableNamesInfo=names)
    assert again == "ResourceUnavailable.ResourceExist"
