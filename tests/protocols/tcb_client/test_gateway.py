from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.protocols.tcb_client.clients import AuthClient
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules import security_rules

PREFIX = "database/instances/(default)/databases/(default)"


class Gateway:
    """Calls ``/v1`` as js-sdk 3 does."""

    def __init__(self, cloud: LiveServer) -> None:
        self.cloud = cloud
        self.space = cloud.create_space()
        self.token: str = AuthClient(cloud, self.space).post("signin/anonymously")["access_token"]
        cloud.call(cloud.services.documents.engine(self.space.id).run(commands.CreateCollection("c")))

    def send(
        self, method: str, path: str, body: Any = None, query: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        return httpx.request(method, f"{self.cloud.endpoint}/v1/{path}?{query}", json=body, headers=sent, timeout=30)

    def documents(self, method: str, body: Any = None, tail: str = "", query: str = "") -> Any:
        answer = self.send(method, f"{PREFIX}/collections/c/documents{tail}", body, query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def gateway(cloud: LiveServer) -> Gateway:
    return Gateway(cloud)


def test_documents(gateway: Gateway) -> None:
    assert gateway.documents("POST", {"data": [{"_id": "a", "n": 1}, {"_id": "b", "n": 2}]}) == {
        "insertedIds": ["a", "b"]
    }
    query = (
        'query={"n":{"$gte":{"$numberInt":"1"}}}&order=[{"field":"n","direction":"desc"}]&limit=1&projection={"n":1}&'
    )
    assert gateway.documents("GET", query=query)["list"] == [{"_id": "b", "n": 2}]
    assert gateway.documents("GET", query="count=true&query={}") == {"total": 2}
    assert gateway.documents("GET", tail="/a")["n"] == 1
    update = {"query": {"_id": "a"}, "data": {"$set": {"m": 1}}, "multi": False, "upsert": False}
    assert gateway.documents("PATCH", update) == {"matched": 1, "updated": 1}
    made = gateway.documents("PATCH", {"query": {"_id": "c"}, "data": {"z": 1}, "multi": False, "upsert": True})
    assert made == {"matched": 0, "updated": 0, "upsert_id": "c", "upserted_id": "c"}
    assert gateway.documents("POST", {"query": {"n": 2}, "multi": True}, "/remove") == {"deleted": 1}
    assert gateway.documents("POST", {"pipeline": [{"$count": "n"}]}, "/aggregations") == {"list": [{"n": 2}]}


def test_patch_may_be_sent_as_post(gateway: Gateway) -> None:
    gateway.documents("POST", {"data": [{"_id": "a"}]})
    body = {"query": {"_id": "a"}, "data": {"$set": {"n": 1}}}
    override = {"x-http-method-override": "PATCH"}
    answer = gateway.send("POST", f"{PREFIX}/collections/c/documents", body, headers=override)
    assert answer.json() == {"matched": 1, "updated": 1}


def test_transactions(gateway: Gateway) -> None:
    gateway.documents("POST", {"data": [{"_id": "a", "n": 1}]})
    transaction = gateway.send("POST", f"{PREFIX}/transactions").json()["transactionId"]
    body = {"query": {"_id": {"$eq": "a"}}, "data": {"$set": {"n": 2}}, "transactionId": transaction}
    gateway.documents("PATCH", body)
    assert gateway.documents("GET", tail="/a", query=f"transactionId={transaction}")["n"] == 2
    assert gateway.documents("GET", tail="/a")["n"] == 1
    assert gateway.send("POST", f"{PREFIX}/transactions/{transaction}/commit").json() == {}
    assert gateway.documents("GET", tail="/a")["n"] == 2
    again = gateway.send("POST", f"{PREFIX}/transactions/{transaction}/rollback")
    assert again.json()["code"] == "DATABASE_TRANSACTION_FAIL"


def test_own_id_template_and_security_rules(gateway: Gateway) -> None:
    rules = security_rules({"read": "doc._openid == auth.openid", "write": True})
    gateway.cloud.services.documents.set_rules(gateway.space.id, "c", rules)
    gateway.documents("POST", {"data": [{"_id": "a"}]})
    assert gateway.send("GET", f"{PREFIX}/collections/c/documents", query="query={}").status_code == 401
    assert [one["_id"] for one in gateway.documents("GET", query='query={"_openid":"{openid}"}')["list"]] == ["a"]


def test_files(gateway: Gateway) -> None:
    [info] = gateway.send(
        "POST", "storages/get-objects-upload-info", [{"objectId": "d/中.txt", "signedHeader": {}}]
    ).json()
    headers = {"authorization": info["authorization"], "x-cos-security-token": info["token"]}
    assert httpx.put(info["uploadUrl"], content=b"hi", headers=headers).is_success
    ids = [{"cloudObjectId": info["cloudObjectId"]}, {"cloudObjectId": info["cloudObjectId"] + "x"}]
    links = gateway.send("POST", "storages/get-objects-download-info", ids).json()
    assert httpx.get(links[0]["downloadUrlEncoded"]).text == "hi"
    assert links[1]["code"] == "STORAGE_FILE_NONEXIST"
    copied = gateway.send("POST", "storages/copy-objects", [{"srcPath": "d/中.txt", "dstPath": "e.txt"}]).json()
    assert copied[0]["cloudObjectId"].endswith("/e.txt")
    deleted = gateway.send("POST", "storages/delete-objects", ids).json()
    assert ("code" in deleted[0], deleted[1]["code"]) == (False, "STORAGE_FILE_NONEXIST")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{PREFIX}/collections/nowhere/documents", None, 404, "DATABASE_COLLECTION_NOT_EXIST"),
        ("GET", f"{PREFIX}/collections/c/documents/nobody", None, 404, "DOCUMENT_NOT_FOUND"),
        ("GET", f"{PREFIX}/collections/c/documents?limit=x", None, 400, "INVALID_PARAM"),
        ("POST", f"{PREFIX}/collections", {"collectionName": "c"}, 409, "DATABASE_COLLECTION_ALREADY_EXIST"),
        ("POST", f"{PREFIX}/collections/c/documents", {"data": []}, 400, "INVALID_PARAM"),
        ("POST", f"{PREFIX}/collections/c/documents", {"data": [{"_openid": "x"}]}, 401, "DATABASE_PERMISSION_DENIED"),
        ("PATCH", f"{PREFIX}/collections/c/documents", {"data": {"$set": {"a": 1}}}, 400, "INVALID_PARAM"),
        ("POST", f"{PREFIX}/commands", {}, 501, "UNSUPPORTED"),
        ("POST", "functions/nope", {}, 404, "FUNCTION_NOT_FOUND"),
        ("POST", "storages/delete-objects", {"not": "a list"}, 400, "INVALID_PARAM"),
        ("GET", "no/such/thing", None, 501, "UNSUPPORTED"),
    ],
)
def test_refusals(gateway: Gateway, method: str, path: str, body: Any, status: int, code: str) -> None:
    path, _, query = path.partition("?")
    answer = gateway.send(method, path, body, query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


def test_an_id_used_twice(gateway: Gateway) -> None:
    gateway.documents("POST", {"data": [{"_id": "a"}]})
    answer = gateway.send("POST", f"{PREFIX}/collections/c/documents", {"data": [{"_id": "a"}]})
    assert (answer.status_code, answer.json()["code"]) == (409, "DATABASE_DUPLICATE_WRITE")


@pytest.mark.parametrize("token", ["", "a.b.c", "rt_x"])
def test_tokens_are_needed(gateway: Gateway, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.post(f"{gateway.cloud.endpoint}/v1/functions/f", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_CREDENTIALS")


def test_an_ended_session_is_told_apart(gateway: Gateway) -> None:
    AuthClient(gateway.cloud, gateway.space).post("revoke", token=gateway.token)
    answer = gateway.send("POST", "functions/f", {})
    assert (answer.status_code, answer.json()["code"]) == (401, "ACCESS_TOKEN_EXPIRED")
