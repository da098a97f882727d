"""``/admin`` beyond what the SDKs send: bad input, wrong keys, capabilities, limits, dialects."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.protocols.tcb.signed import AdminClient, compact
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.protocols.tcb import signing
from yunbox.protocols.tcb.admin.actions import ACTIONS
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture
def admin(cloud: LiveServer, space: Space) -> Iterator[AdminClient]:
    with AdminClient(cloud.endpoint, space.secret_id, space.secret_key) as client:
        yield client


@pytest.fixture
def todos(admin: AdminClient) -> AdminClient:
    assert "code" not in admin.send("database.addCollection", collectionName="todos")
    return admin


def function_client(cloud: LiveServer, space: Space, openid: str = "alice", lifetime: float = 60) -> AdminClient:
    caller = Caller("function", space.id, openid=openid, function="f", source="wx_client", request_id="r")
    capability = cloud.services.functions.capabilities.issue(caller, lifetime)
    return AdminClient(cloud.endpoint, capability.secret_id, capability.secret_key, capability.token)


# Who may


def test_any_prefix_and_any_host(admin: AdminClient, space: Space) -> None:
    body = {"action": "database.countDocument", "collectionName": "none"}
    reply = admin.post(body, admin.tc3(body, "/some/prefix/admin"), "/some/prefix/admin")
    assert reply["code"] == "DATABASE_COLLECTION_NOT_EXIST"


def test_unsigned(admin: AdminClient) -> None:
    assert admin.post({"action": "database.getDocument"})["code"] == "SIGN_PARAM_INVALID"


def test_tampered(todos: AdminClient) -> None:
    body = {"action": "database.getDocument", "collectionName": "todos", "limit": 1}
    headers = todos.tc3(body)
    assert "code" not in todos.post(body, headers)
    assert todos.post({**body, "limit": 2}, headers)["code"] == "SIGN_PARAM_INVALID"


def test_an_added_field_is_not_obeyed(todos: AdminClient) -> None:
    body = {"action": "database.getDocument", "collectionName": "todos"}
    reply = todos.post({**body, "transactionId": "x"}, todos.tc3(body))
    assert reply["code"] == "SIGN_PARAM_INVALID"
    assert "transactionId" in reply["message"]


def test_an_old_request(admin: AdminClient) -> None:
    body = {"action": "database.getDocument", "collectionName": "todos"}
    assert admin.post(body, admin.tc3(body, shift=-2000))["code"] == "SIGN_PARAM_INVALID"


@pytest.mark.parametrize(
    ("sdk", "code"),
    [("wx-server-sdk/2.6.3", "INVALIID_ENV"), ("tcb-node-sdk/3.18.3", "INVALID_ENV"), ("", "INVALID_ENV")],
)
def test_another_environment(admin: AdminClient, cloud: LiveServer, sdk: str, code: str) -> None:
    body = {"action": "database.getDocument", "collectionName": "todos", "envName": cloud.create_space().id}
    assert admin.post(body, {**admin.tc3(body), "x-sdk-version": sdk})["code"] == code


def test_a_function_reaches_its_own_space_by_any_name(cloud: LiveServer, space: Space, todos: AdminClient) -> None:
    other = cloud.create_space()
    with function_client(cloud, space) as function:
        for env in ("", space.id, other.id, "anything"):
            assert function.send("database.calculateDocument", collectionName="todos", envName=env)["data"] == {
                "total": 0
            }


def test_an_environment_named_in_chinese(cloud: LiveServer, space: Space, todos: AdminClient) -> None:
    """@cloudbase/node-sdk 3 signs the name before it is escaped into the address."""
    query, body = "env=填入您的环境ID&seqId=a%20b", {"action": "database.calculateDocument", "collectionName": "todos"}
    with function_client(cloud, space) as function:
        body["sessionToken"] = function.session_token
        reply = function.post(body, function.tc3(body, query=query), f"/admin?{query}")
    assert reply["data"] == {"total": 0}


def test_an_expired_capability(cloud: LiveServer, space: Space) -> None:
    with function_client(cloud, space, lifetime=-10) as function:
        assert function.send("database.calculateDocument", collectionName="todos")["code"] == "SIGN_PARAM_INVALID"


def test_a_capability_needs_its_token(cloud: LiveServer, space: Space) -> None:
    with function_client(cloud, space) as one, function_client(cloud, space, "bob") as two:
        one.session_token = two.session_token
        assert one.send("database.calculateDocument", collectionName="todos")["code"] == "SIGN_PARAM_INVALID"
        one.session_token = ""
        assert one.send("database.calculateDocument", collectionName="todos")["code"] == "SIGN_PARAM_INVALID"


def test_a_made_up_key_costs_nothing(admin: AdminClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can write down the id of a function's key; many texts may be tried for the signature of a real one."""
    tried: list[Any] = []

    def no_forms(fields: Any) -> list[Any]:
        tried.append(fields)
        return []

    monkeypatch.setattr(signing, "signed_forms", no_forms)
    now = int(time.time())
    period = f"{now};{now + 600}"
    body = {"action": "database.getDocument", "query": ["2020-01-01T00:00:00.000Z"]}

    def answer_to(key: str) -> dict[str, Any]:
        times = f"q-sign-time={period}&q-key-time={period}"
        names = "q-header-list=&q-url-param-list=action;query"
        return admin.post({**body, "authorization": f"q-sign-algorithm=sha1&q-ak={key}&{times}&q-signature=x&{names}"})

    assert answer_to(admin.secret_id)["code"] == "SIGN_PARAM_INVALID"
    assert len(tried) == 1
    assert answer_to("AKIDfnx")["code"] == "SIGN_PARAM_INVALID"
    assert len(tried) == 1


def test_a_big_body_keeps_nobody_waiting(cloud: LiveServer, admin: AdminClient) -> None:
    """Its signature is looked at beside the loop: others are answered all the while."""
    now = int(time.time())
    period = f"{now};{now + 600}"
    query = [{"$date": f"2020-01-01T00:00:00.{number % 1000:03}Z"} for number in range(60_000)]
    names = f"q-sign-time={period}&q-key-time={period}&q-header-list=&q-url-param-list=action;query"
    authorization = f"q-sign-algorithm=sha1&q-ak={admin.secret_id}&q-signature=x&{names}"
    body = compact({"action": "database.getDocument", "query": query, "authorization": authorization})
    answered = 0
    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(admin.post, body)
        while not refused.done():
            assert httpx.get(f"{cloud.endpoint}/healthz", timeout=30).status_code == 200
            answered += 1
    assert refused.result()["code"] == "SIGN_PARAM_INVALID"
    assert answered > 3


def test_what_a_function_adds_has_no_owner(cloud: LiveServer, space: Space, todos: AdminClient) -> None:
    with function_client(cloud, space) as function:
        assert "code" not in function.send("database.insertDocument", collectionName="todos", data=['{"_id":"a"}'])
    assert todos.send("database.getDocument", collectionName="todos")["data"]["list"] == ['{"_id":"a"}']


# Bad input


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"action":"\xff"}', b"\x00" * 10])
def test_malformed_json(admin: AdminClient, body: bytes) -> None:
    assert admin.post(body)["code"] == "INVALID_PARAM"


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\n\r\nabc", b"garbage" * 100])
def test_malformed_forms(admin: AdminClient, body: bytes) -> None:
    for content_type in ("multipart/form-data; boundary=x", "multipart/form-data"):
        assert admin.post(body, {"content-type": content_type})["code"] in ("INVALID_PARAM", "SIGN_PARAM_INVALID")


def test_an_oversized_body(admin: AdminClient) -> None:
    reply = admin.post(b'{"action":"' + b"x" * (21 * 2**20) + b'"}')
    assert reply["code"] == "EXCEED_REQUEST_SIZE_LIMIT"


@pytest.mark.parametrize("action", ["", "nothing", "database.dropEverything", "__class__"])
def test_unknown_actions(admin: AdminClient, action: str) -> None:
    assert admin.send(action)["code"] == "INVALID_PARAM"


def test_every_action_survives_missing_parameters(admin: AdminClient) -> None:
    for action in ACTIONS:
        reply = admin.send(action)
        assert reply.get("code") != "SYS_ERR", (action, reply)


@pytest.mark.parametrize("junk", [[], {}, 5, "text", [[]], {"$date": {"offset": "x"}}, '{"$numberInt":"x"}'])
def test_every_action_survives_junk(admin: AdminClient, junk: Any) -> None:
    names = (
        "query data order projection stages limit offset transactionId path file_list fileid_list fileList"
        " function_name request_data uuid platform platformId requestData apiName _id"
    )
    for action in ACTIONS:
        reply = admin.send(action, collectionName="todos", **dict.fromkeys(names.split(), junk))
        assert reply.get("code") != "SYS_ERR", (action, reply)


def test_a_deep_document(todos: AdminClient) -> None:
    deep = '{"a":' * 500 + "1" + "}" * 500
    assert "code" in todos.send("database.insertDocument", collectionName="todos", data=[deep])


# Dialects


def test_old_replies(todos: AdminClient) -> None:
    document = {"_id": "a", "at": {"$date": 1700000000000}, "n": 1, "re": {"$regex": "^a", "$options": "gi"}}
    added = todos.send("database.addDocument", collectionName="todos", data=document)
    assert added["data"] == {"_id": "a", "insertedIds": ["a"]}
    found = todos.send(
        "database.queryDocument",
        collectionName="todos",
        query={"n": {"$gte": 1}},
        order=[{"field": "n", "direction": "desc"}],
        limit=5,
    )
    assert found["data"]["list"] == [{**document, "re": {"$regex": "^a", "$options": "i"}}]
    assert (found["data"]["offset"], found["limit"]) == (0, 5)


def test_old_add_takes_an_id_beside_the_document(todos: AdminClient) -> None:
    added = todos.send("database.addDocument", collectionName="todos", data={"n": 1}, _id="b")
    assert added["data"]["_id"] == "b"
    many = todos.send("database.addDocument", collectionName="todos", data=[{"n": 2}, {"n": 3}])
    assert len(many["data"]["insertedIds"]) == 2


def test_new_ids_are_32_hex_digits(todos: AdminClient) -> None:
    (new,) = todos.send("database.insertDocument", collectionName="todos", data=["{}"])["data"]["insertedIds"]
    assert len(new) == 32
    int(new, 16)


def test_numeric_and_object_ids(todos: AdminClient) -> None:
    oid = "5f0000000000000000000001"
    data = ['{"_id":{"$numberInt":"5"}}', json.dumps({"_id": {"$oid": oid}, "ref": {"$oid": oid}})]
    assert todos.send("database.insertDocument", collectionName="todos", data=data)["data"]["insertedIds"] == [5, oid]
    found = todos.send("database.getDocument", collectionName="todos", query=json.dumps({"_id": {"$oid": oid}}))
    assert [json.loads(text) for text in found["data"]["list"]] == [{"_id": oid, "ref": oid}]


def test_server_dates_of_one_request_are_the_same_moment(todos: AdminClient) -> None:
    dates = {"a": {"$tcb_server_date": {"offset": {"$numberInt": "0"}}}, "b": {"$tcb_server_date": {"offset": 1000}}}
    todos.send("database.insertDocument", collectionName="todos", data=[json.dumps({"_id": "d", **dates})])
    (text,) = todos.send("database.getDocument", collectionName="todos")["data"]["list"]
    found = json.loads(text)
    assert found["b"]["$date"] - found["a"]["$date"] == 1000
    assert abs(found["a"]["$date"] - time.time() * 1000) < 10_000


def test_reads_are_limited_to_100_by_default(todos: AdminClient) -> None:
    todos.send("database.insertDocument", collectionName="todos", data=["{}"] * 120)
    assert len(todos.send("database.getDocument", collectionName="todos")["data"]["list"]) == 100
    assert len(todos.send("database.getDocument", collectionName="todos", limit=110)["data"]["list"]) == 110


def test_an_update_of_nothing_changes_nothing(todos: AdminClient) -> None:
    todos.send("database.insertDocument", collectionName="todos", data=['{"_id":"a"}'])
    for data in ("{}", '{"$set":{}}'):
        reply = todos.send(
            "database.modifyDocument", collectionName="todos", query='{"_id":"a"}', data=data, merge=True
        )
        assert reply["data"]["updated"] == 0


def test_setting_a_document_to_itself_counts(todos: AdminClient) -> None:
    todos.send("database.insertDocument", collectionName="todos", data=['{"_id":"a","n":1}'])
    same: dict[str, Any] = {"collectionName": "todos", "query": '{"_id":"a"}', "queryType": "DOC"}
    replaced = todos.send("database.modifyDocument", **same, data='{"n":1}', merge=False, upsert=True)
    assert replaced["data"] == {"updated": 1, "matched": 1}
    assert todos.send("database.modifyDocument", **same, data='{"$set":{"n":1}}')["data"]["updated"] == 0


def test_field_names_may_not_start_with_a_dollar(todos: AdminClient) -> None:
    for action in ("database.addDocument", "database.insertDocument"):
        data: Any = [{"$_key": 1}] if action.endswith("addDocument") else ['{"$_key":1}']
        assert todos.send(action, collectionName="todos", data=data)["code"] == "DATABASE_REQUEST_FAILED"


def test_an_empty_query_text_removes_nothing(todos: AdminClient) -> None:
    todos.send("database.insertDocument", collectionName="todos", data=['{"_id":"a"}'])
    reply = todos.send("database.removeDocument", collectionName="todos", query="", queryType="WHERE", multi=True)
    assert reply["code"] == "INVALID_PARAM"
    assert todos.send("database.removeDocument", collectionName="todos", query="{}", multi=True)["data"] == {
        "deleted": 1
    }


def test_old_aggregate_is_text_of_texts(todos: AdminClient) -> None:
    todos.send("database.insertDocument", collectionName="todos", data=['{"_id":"a","n":{"$numberInt":"2"}}'])
    stages = [{"stageKey": "$match", "stageValue": '{"n":{"$gt":1}}'}, {"stageKey": "$limit", "stageValue": "5"}]
    text = todos.send("database.aggregate", collectionName="todos", stages=stages)["data"]["list"]
    assert [json.loads(item) for item in json.loads(text)] == [{"_id": "a", "n": 2}]
    new = todos.send("database.aggregateDocuments", collectionName="todos", stages=stages)["data"]["list"]
    assert [json.loads(item) for item in new] == [{"_id": "a", "n": 2}]


def test_old_transactions_answer_in_texts(todos: AdminClient) -> None:
    transaction = todos.send("database.startTransaction")["transactionId"]
    common: dict[str, Any] = {"collectionName": "todos", "transactionId": transaction}
    query = {"_id": {"$eq": "t"}}
    inserted = todos.send("database.insertDocInTransaction", **common, _id="t", data='{"n":{"$numberInt":"1"}}')
    assert (inserted["inserted"], inserted["ok"], inserted["id"]) == ("1", "1", "t")
    updated = todos.send(
        "database.updateDocInTransaction", **common, query=query, data='{"$inc":{"n":{"$numberInt":"1"}}}'
    )
    assert updated["updated"] == "1"
    assert json.loads(todos.send("database.getInTransaction", **common, query=query)["data"]) == {"_id": "t", "n": 2}
    assert todos.send("database.deleteDocInTransaction", **common, query=query)["deleted"] == "1"
    assert todos.send("database.getInTransaction", **common, query=query)["data"] == "null"
    made = todos.send(
        "database.updateDocInTransaction", **common, query={"_id": {"$eq": "u"}}, data='{"n":1}', upsert=True
    )
    assert json.loads(made["upserted"]) == [{"_id": "u"}]
    assert "code" not in todos.send("database.commitTransaction", transactionId=transaction)
    again = todos.send("database.commitTransaction", transactionId=transaction)
    assert again["code"] == "DATABASE_TRANSACTION_FAIL"


def test_a_transaction_belongs_to_its_space(cloud: LiveServer, todos: AdminClient) -> None:
    transaction = todos.send("database.startTransaction")["transactionId"]
    other = cloud.create_space()
    with AdminClient(cloud.endpoint, other.secret_id, other.secret_key) as stranger:
        assert (
            stranger.send("database.commitTransaction", transactionId=transaction)["code"]
            == "DATABASE_TRANSACTION_FAIL"
        )
    todos.send("database.abortTransaction", transactionId=transaction)


# The rest


def test_a_throwing_function(cloud: LiveServer, space: Space, admin: AdminClient, tmp_path: Any) -> None:
    (tmp_path / "index.js").write_text("exports.main = async () => { throw new Error('boom') }\n")
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "boom"))
    reply = admin.send("functions.invokeFunction", function_name="boom", request_data="{}")
    assert reply["code"] == "FUNCTIONS_EXECUTE_FAIL"
    assert "boom" in reply["message"]


def test_user_info(cloud: LiveServer, space: Space, admin: AdminClient) -> None:
    user = cloud.services.identity.create_user(space, username="alice")
    found = admin.send("auth.getUserInfoForAdmin", uuid=user.user_id)["data"]
    assert (found["uuid"], found["username"], found["envName"]) == (user.user_id, "alice", space.id)
    assert admin.send("auth.getUserInfoForAdmin", platform="USERNAME", platformId="alice")["data"] == found
    assert admin.send("auth.getUserInfoForAdmin", uuid="nobody")["code"] == "INVALID_PARAM"


def test_analytics(admin: AdminClient) -> None:
    assert set(admin.send("analytics.report", requestData={"analytics_scene": "mall"})) == {"requestId"}


def test_signed_text_is_the_text_that_was_sent(todos: AdminClient) -> None:
    body = b'{"action":"database.getDocument","collectionName":"todos","limit":1e1}'
    headers = todos.tc3({"action": "database.getDocument", "collectionName": "todos", "limit": 10})
    assert todos.post(body, headers)["code"] == "SIGN_PARAM_INVALID"
    assert "code" not in todos.post(body.replace(b"1e1", b"10"), headers)
    assert compact({"limit": 10}) == b'{"limit":10}'


def test_a_ticket_for_the_realtime_socket(admin: AdminClient, space: Space) -> None:
    data = admin.send("auth.wsWebSign")["data"]
    assert data["signStr"]
    assert data["wsUrl"].startswith("ws://")
    assert data["envId"] == space.id
