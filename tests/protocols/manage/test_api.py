"""``/manage/v1``: who may call it, and how it reports what goes wrong."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server import LiveServer
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture
def api(cloud: LiveServer) -> Iterator[httpx.Client]:
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{cloud.endpoint}/manage/v1/", headers=headers, timeout=30) as client:
        yield client


def code(answer: httpx.Response) -> str:
    text: str = answer.json()["error"]["code"]
    return text


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer 令牌"])
def test_nobody_enters_without_the_token(cloud: LiveServer, authorization: str) -> None:
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    value = authorization.format(token=token).encode()
    for path in ("spaces", "status", "nothing"):
        answer = httpx.get(f"{cloud.endpoint}/manage/v1/{path}", headers={b"authorization": value})
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "expected"),
    [
        ("GET", "nothing", None, 404, "not_found"),
        ("DELETE", "status", None, 404, "not_found"),
        ("GET", "spaces/nowhere", None, 404, "space_not_found"),
        ("POST", "spaces", b"{", 400, "invalid_request"),
        ("POST", "spaces", b"[1]", 400, "invalid_request"),
        ("POST", "spaces", b'{"space_id": 5}', 400, "invalid_request"),
        ("POST", "spaces", b'{"space_id": "../up"}', 400, "invalid_request"),
        ("GET", "spaces/{s}/users?limit=-1", None, 400, "invalid_request"),
        ("POST", "spaces/{s}/users/token", b"{}", 400, "invalid_request"),
        ("PATCH", "spaces/{s}/users/u", b'{"admin": true}', 400, "invalid_request"),
        ("GET", "spaces/{s}/functions/none", None, 404, "function_not_found"),
        ("PATCH", "spaces/{s}/functions/none", b'{"nope": 1}', 400, "invalid_request"),
        ("POST", "spaces/{s}/functions/none/invoke", b'{"openid": 1}', 400, "invalid_request"),
        ("PUT", "spaces/{s}/functions/f", b"not a tar", 400, "invalid_request"),
        ("POST", "spaces/{s}/collections/none/query", b"{}", 404, "collection_not_found"),
        ("POST", "spaces/{s}/collections/none/import?mode=x", b"{}", 400, "invalid_request"),
        ("POST", "spaces/{s}/collections/none/import", b"\xff\xfe", 400, "invalid_request"),
        ("GET", "spaces/{s}/collections/none/export?format=csv", None, 400, "invalid_request"),
        ("POST", "spaces/{s}/collections/none/indexes", b'{"keys": []}', 400, "invalid_request"),
        ("PUT", "spaces/{s}/collections/none/rules", b'{"mode": "PRIVATE"}', 404, "collection_not_found"),
        ("DELETE", "spaces/{s}/files", b'{"keys": "x"}', 400, "invalid_request"),
        ("GET", "spaces/{s}/files/none", None, 404, "file_not_found"),
        ("PUT", "spaces/{s}/apps/qq/1", b"{}", 400, "invalid_request"),
        ("POST", "spaces/{s}/keys", b'{"keys": ["nope"]}', 400, "invalid_request"),
    ],
)
def test_errors(
    api: httpx.Client, space: Space, method: str, path: str, body: bytes | None, status: int, expected: str
) -> None:
    answer = api.request(method, path.replace("{s}", space.id), content=body)
    assert (answer.status_code, code(answer)) == (status, expected)


def test_new_keys(api: httpx.Client, space: Space) -> None:
    fresh = api.post(f"spaces/{space.id}/keys", json={"keys": ["client_secret"]}).json()
    assert fresh["client_secret"] != space.client_secret
    assert fresh["secret_key"] == space.secret_key


def test_spaces_do_not_see_each_other(api: httpx.Client, cloud: LiveServer) -> None:
    one, two = cloud.create_space(), cloud.create_space()
    api.post(f"spaces/{one.id}/collections/c")
    api.put(f"spaces/{one.id}/files/f.txt", content=b"1")
    api.post(f"spaces/{one.id}/users/token", json={"openid": "ann"})
    for path in ("collections", "users", "functions", "logs"):
        assert api.get(f"spaces/{two.id}/{path}").json() == []
    assert api.get(f"spaces/{two.id}/files").json()["files"] == []


def test_a_user_can_be_disabled(api: httpx.Client, cloud: LiveServer, space: Space) -> None:
    session = api.post(f"spaces/{space.id}/users/token", json={"openid": "ann"}).json()
    assert cloud.services.identity.verify(space, session["access_token"]).openid == "ann"
    user = f"spaces/{space.id}/users/{session['user_id']}"
    assert api.patch(user, json={"disabled": True}).json()["disabled"] is True
    assert api.delete(user).json() == {"deleted": session["user_id"]}
    assert api.get(f"spaces/{space.id}/users").json() == []


@pytest.mark.parametrize("name", ["../out.js", "link"])
def test_archives_cannot_leave_their_directory(api: httpx.Client, space: Space, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    answer = api.put(f"spaces/{space.id}/functions/f", content=buffer.getvalue())
    assert (answer.status_code, code(answer)) == (400, "invalid_request")


def test_renaming_keeps_rules(api: httpx.Client, space: Space) -> None:
    base = f"spaces/{space.id}/collections"
    api.post(f"{base}/old")
    api.put(f"{base}/old/rules", json={"mode": "READONLY"})
    api.patch(f"{base}/old", json={"name": "new"})
    assert api.get(f"{base}/new/rules").json()["mode"] == "READONLY"
    assert code(api.get(f"{base}/old/rules")) == "collection_not_found"


def test_duplicates_and_unique_indexes_in_one_import(api: httpx.Client, space: Space) -> None:
    base = f"spaces/{space.id}/collections/c"
    api.post(base)
    api.post(f"{base}/indexes", json={"keys": {"n": 1}, "unique": True})
    lines = '{"_id": 1, "n": 1}\n{"_id": 1, "n": 2}\n{"_id": 2, "n": 1}\n{"_id": 3, "n": 3}\n'
    report: dict[str, Any] = api.post(f"{base}/import", content=lines.encode()).json()
    assert (report["inserted"], report["failed"]) == (2, 2)
    assert [error["line"] for error in report["errors"]] == [2, 3]
    assert api.post(f"{base}/count", json={}).json() == {"count": 2}


def test_export_of_mixed_ids(api: httpx.Client, space: Space) -> None:
    base = f"spaces/{space.id}/collections/c"
    api.post(base)
    lines = "".join(f'{{"_id": {key}}}\n' for key in ('"b"', "2", '{"$oid": "5f0000000000000000000001"}', "1.5"))
    api.post(f"{base}/import", content=lines.encode())
    exported = api.get(f"{base}/export").text.splitlines()
    assert exported == ['{"_id":1.5}', '{"_id":2}', '{"_id":"5f0000000000000000000001"}', '{"_id":"b"}']
