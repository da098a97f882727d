"""Bad input gets the protocol's own error, other requests go on, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.http.requests import signed_admin
from tests.scenarios.admin import AdminClient
from tests.server import LiveServer
from yunbox.spaces import Space

FUNCTIONS = {
    "throws": "exports.main = async () => { throw new Error('the reason') }",
    "loops": "exports.main = () => { for (;;) {} }",
    "exits": "exports.main = async () => { process.exit(3) }",
    "prints": "exports.main = async () => { for (let i = 0; i < 3000; i++) console.log('x'.repeat(1000)); return 'done' }",
    "echo": "exports.main = async (event) => event",
    "circular": "exports.main = async () => { const a = {}; a.a = a; return a }",
    "broken": "exports.main = async () => {",
}


@pytest.fixture(scope="module")
def admin(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminClient]:
    space = cloud.create_space()
    root = Path(tmp_path_factory.mktemp("functions"))
    for name, source in FUNCTIONS.items():
        (root / name).mkdir()
        (root / name / "index.js").write_text(source, encoding="utf-8")
        settings = {"timeout": 1} if name == "loops" else None
        cloud.call(cloud.services.functions.deploy(space.id, root / name, name, settings=settings))
    client = AdminClient(cloud, space)
    client.call("database.addCollection", collectionName="kept")
    yield client
    cloud.delete_space(space.id)


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("nothing.atAll", {}, "INVALID_PARAM"),
        ("", {}, "INVALID_PARAM"),
        ("database.getDocument", {"collectionName": "absent", "query": "{}"}, "DATABASE_COLLECTION_NOT_EXIST"),
        ("database.insertDocument", {"collectionName": "absent", "data": ["{}"]}, "DATABASE_COLLECTION_NOT_EXIST"),
        ("database.addCollection", {"collectionName": "kept"}, "DATABASE_COLLECTION_ALREADY_EXIST"),
        ("database.getDocument", {"query": "{}"}, "INVALID_PARAM"),
        ("database.getDocument", {"collectionName": "kept", "query": "{not json"}, "INVALID_PARAM"),
        ("database.getDocument", {"collectionName": "kept", "query": '{"a":{"$nope":1}}'}, "DATABASE_REQUEST_FAILED"),
        ("functions.invokeFunction", {"function_name": "absent", "request_data": "{}"}, "FUNCTION_NOT_FOUND"),
        ("functions.invokeFunction", {"function_name": "throws", "request_data": "{}"}, "FUNCTIONS_EXECUTE_FAIL"),
        ("functions.invokeFunction", {"function_name": "exits", "request_data": "{}"}, "FUNCTIONS_EXECUTE_FAIL"),
        ("functions.invokeFunction", {"function_name": "circular", "request_data": "{}"}, "FUNCTIONS_EXECUTE_FAIL"),
        ("functions.invokeFunction", {"function_name": "broken", "request_data": "{}"}, "FUNCTIONS_EXECUTE_FAIL"),
        ("functions.invokeFunction", {"function_name": "loops", "request_data": "{}"}, "FUNCTIONS_TIME_LIMIT_EXCEEDED"),
    ],
)
def test_each_gets_its_code_and_the_next_call_works(
    admin: AdminClient, action: str, params: dict[str, object], code: str
) -> None:
    answer = admin.post(action, **params)
    allowed = {code} | ({"DATABASE_INVALID_OPERRATOR"} if "$nope" in str(params) else set())
    assert answer["code"] in allowed, answer
    assert answer["message"]
    assert answer["requestId"]
    assert "Traceback" not in json.dumps(answer)
    assert admin.invoke("echo", {"n": 1})["n"] == 1


def test_the_thrown_message_reaches_the_caller(admin: AdminClient) -> None:
    answer = admin.post("functions.invokeFunction", function_name="throws", request_data="{}")
    assert "the reason" in answer["message"]


def test_a_function_that_prints_megabytes_still_answers(admin: AdminClient) -> None:
    assert admin.invoke("prints") == "done"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"action":' + b"[" * 5000])
def test_malformed_bodies(admin: AdminClient, body: bytes) -> None:
    answer = admin.send(body, {"content-type": "application/json"})
    assert answer["code"]


def test_oversized_body(cloud: LiveServer, admin: AdminClient) -> None:
    body = b'{"action":"database.getDocument","x":"' + b"x" * (21 * 2**20) + b'"}'
    assert admin.send(body, {"content-type": "application/json"})["code"] == "EXCEED_REQUEST_SIZE_LIMIT"


def test_signatures(cloud: LiveServer, admin: AdminClient) -> None:
    space: Space = cloud.services.spaces.get(admin.env)
    wrong = AdminClient(cloud, space, secret_key="not the key")
    assert wrong.error("database.getDocument", collectionName="kept", query="{}") == "SIGN_PARAM_INVALID"
    body, headers = signed_admin(
        admin.host, admin.keys, {"envName": admin.env, "action": "database.addCollection", "collectionName": "signed"}
    )
    assert admin.send(body.replace(b"signed", b"forged"), headers)["code"] == "SIGN_PARAM_INVALID"
    unsigned = admin.send(body, {"content-type": "application/json"})
    assert unsigned["code"]
    assert admin.error("database.getDocument", collectionName="forged", query="{}") == "DATABASE_COLLECTION_NOT_EXIST"


def test_unknown_paths_are_plain_404(cloud: LiveServer) -> None:
    answer = httpx.get(f"{cloud.endpoint}/no/such/path")
    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"
