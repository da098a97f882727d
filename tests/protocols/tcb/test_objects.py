"""Uploads in every style and downloads with ranges, through a real server."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.protocols.tcb.signed import AdminClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.errors import FileNotFound
from yunbox.protocols.tcb.objects import FileIds, upload_metadata
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture
def admin(cloud: LiveServer, space: Space) -> Iterator[AdminClient]:
    with AdminClient(cloud.endpoint, space.secret_id, space.secret_key) as client:
        yield client


def metadata(admin: AdminClient, path: str) -> dict[str, Any]:
    reply = admin.send("storage.getUploadMetadata", path=path)
    data: dict[str, Any] = reply["data"]
    return data


def form(data: dict[str, Any], key: str, **more: str) -> dict[str, str]:
    return {
        "Signature": data["authorization"],
        "x-cos-security-token": data["token"],
        "x-cos-meta-fileid": data["cosFileId"],
        "key": key,
        **more,
    }


def put_headers(data: dict[str, Any]) -> dict[str, str]:
    return {"authorization": data["authorization"], "x-cos-security-token": data["token"]}


def upload(admin: AdminClient, key: str, body: bytes, **headers: str) -> dict[str, Any]:
    data = metadata(admin, key)
    answer = admin.http.put(data["url"], content=body, headers={**put_headers(data), **headers})
    assert (answer.status_code, answer.content) == (200, b"")
    return data


def link(admin: AdminClient, file_id: str, **options: Any) -> str:
    (item,) = admin.send("storage.batchGetDownloadUrl", file_list=[{"fileid": file_id, **options}])["data"][
        "download_list"
    ]
    assert item["code"] == "SUCCESS"
    assert item["fileID"] == file_id
    return str(item["tempFileURL"])


def test_form_upload(admin: AdminClient) -> None:
    data = metadata(admin, "目录 a/f.txt")
    answer = admin.http.post(
        data["url"], data=form(data, "目录 a/f.txt"), files={"file": ("x", b"hello", "text/plain")}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    found = admin.http.get(link(admin, data["fileId"]))
    assert (found.content, found.headers["content-type"]) == (b"hello", "text/plain")


def test_web_form_upload_is_answered_201(admin: AdminClient) -> None:
    data = metadata(admin, "a.png")
    fields = {
        "key": "a.png",
        "signature": data["authorization"],
        "x-cos-meta-fileid": data["cosFileId"],
        "success_action_status": "201",
        "x-cos-security-token": data["token"],
    }
    answer = admin.http.post(data["url"], data=fields, files={"file": b"png"}, headers={"origin": "http://page"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["access-control-allow-origin"] == "http://page"


def test_a_form_to_the_bucket_root(admin: AdminClient, space: Space) -> None:
    data = metadata(admin, "k")
    root = data["url"].removesuffix("/k")
    assert admin.http.post(root, data=form(data, "k"), files={"file": b"1"}).status_code == 204


def test_put_upload_in_chunks(admin: AdminClient) -> None:
    data = metadata(admin, "big.bin")

    def chunks() -> Iterator[bytes]:
        for number in range(40):
            yield bytes([number]) * 100_000

    answer = admin.http.put(data["url"], content=chunks(), headers=put_headers(data))
    assert answer.status_code == 200
    body = admin.http.get(link(admin, data["fileId"])).content
    assert len(body) == 4_000_000
    assert body[3_999_999] == 39


def test_bare_upload_with_the_ticket_in_the_url(cloud: LiveServer, space: Space) -> None:
    data = upload_metadata(cloud.services, Caller("admin", space.id), "a/b.txt", in_url=True)
    assert httpx.post(data["url"], content=b"bare", trust_env=False).status_code == 200
    assert httpx.get(data["download_url"], trust_env=False).content == b"bare"


def test_functions_upload_to_the_local_address(
    cloud: LiveServer, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud.services.address, "configured", "https://cloud.example")
    outside = upload_metadata(cloud.services, Caller("admin", space.id), "a")
    assert outside["url"].startswith("https://cloud.example/files/")
    inside = upload_metadata(cloud.services, Caller("function", space.id, function="f"), "a")
    assert inside["url"].startswith(f"{cloud.endpoint}/files/")


def test_old_upload_inside_the_request(admin: AdminClient) -> None:
    """tcb-admin-node 1.6 sends the file to ``/admin``; its q-sign does not cover it."""
    reply = admin.send("storage.uploadFile", path="a.txt")
    assert reply["code"] == "INVALID_PARAM"


@pytest.mark.parametrize("path", ["/absolute", "a//b", "", "../x", "x" * 900])
def test_refused_paths(admin: AdminClient, path: str) -> None:
    assert admin.send("storage.getUploadMetadata", path=path)["code"] == "INVALID_PARAM"


# Failures


def code(answer: httpx.Response) -> str:
    text = answer.text
    for element in ("Code", "Message", "RequestId", "TraceId"):
        assert re.search(f"<{element}>[^<]+</{element}>", text), text
    assert answer.headers["content-type"] == "application/xml"
    found = re.search("<Code>(.*)</Code>", text)
    assert found
    return found[1]


def test_a_forged_ticket(admin: AdminClient) -> None:
    data = metadata(admin, "k")
    answer = admin.http.post(data["url"], data={**form(data, "k"), "Signature": "0" * 40}, files={"file": b"1"})
    assert (answer.status_code, code(answer)) == (403, "SignatureDoesNotMatch")
    answer = admin.http.put(data["url"], content=b"x" * 3_000_000)
    assert (answer.status_code, code(answer)) == (403, "SignatureDoesNotMatch")


def test_a_ticket_for_another_file(admin: AdminClient) -> None:
    data = metadata(admin, "k")
    answer = admin.http.post(data["url"], data=form(data, "other"), files={"file": b"1"})
    assert (answer.status_code, code(answer)) == (403, "AccessDenied")
    answer = admin.http.put(data["url"] + "x", content=b"1", headers=put_headers(data))
    assert (answer.status_code, code(answer)) == (403, "AccessDenied")


def test_a_ticket_for_another_space(cloud: LiveServer, admin: AdminClient) -> None:
    data, other = metadata(admin, "k"), cloud.create_space()
    url = f"{cloud.endpoint}/files/{other.bucket}/k"
    answer = admin.http.put(url, content=b"1", headers=put_headers(data))
    assert (answer.status_code, code(answer)) == (403, "AccessDenied")


def test_a_form_without_a_file(admin: AdminClient) -> None:
    data = metadata(admin, "k")
    answer = admin.http.post(data["url"], data=form(data, "k"), files={"other": b"1"})
    assert (answer.status_code, code(answer)) == (400, "InvalidArgument")


def test_a_form_that_ends_early(admin: AdminClient) -> None:
    data = metadata(admin, "k")
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form(data, "k").items()
    )
    body = parts + '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf a file'
    answer = admin.http.post(data["url"], content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, code(answer)) == (400, "InvalidArgument")
    assert code(admin.http.get(data["url"])) == "NoSuchKey"


def test_a_connection_that_ends_early_stores_nothing(cloud: LiveServer, space: Space, admin: AdminClient) -> None:
    data = metadata(admin, "k")
    host = cloud.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.putrequest("PUT", data["url"].removeprefix(cloud.endpoint))
    for name, value in {**put_headers(data), "content-length": "1000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"half")
    connection.close()
    assert code(admin.http.get(data["url"])) == "NoSuchKey"


@pytest.mark.parametrize("path", ["/files/nothing/k", "/files/6465-nowhere-1250000000/k", "/files/", "/files/x"])
def test_unknown_buckets(admin: AdminClient, path: str) -> None:
    assert admin.http.get(path).status_code == 404


@pytest.mark.parametrize("path", ["%2e%2e/%2e%2e/server.sqlite", "..%2f..%2fserver.sqlite", "a%00b", "~/zz", "~/ff"])
def test_paths_never_reach_the_disk(admin: AdminClient, space: Space, path: str) -> None:
    assert admin.http.get(f"/files/{space.bucket}/{path}").status_code == 404


# Downloads


def test_ranges(admin: AdminClient) -> None:
    url = upload(admin, "digits", b"0123456789")["url"]
    for wanted, status, body in (
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=-100", 206, b"0123456789"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=5-2", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ):
        answer = admin.http.get(url, headers={"range": wanted})
        assert (answer.status_code, answer.content) == (status, body), wanted
    assert admin.http.get(url, headers={"range": "bytes=2-3"}).headers["content-range"] == "bytes 2-3/10"


def test_conditions(admin: AdminClient) -> None:
    url = upload(admin, "digits", b"0123456789")["url"]
    tag = admin.http.head(url).headers["etag"]
    unchanged = admin.http.get(url, headers={"if-none-match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert admin.http.get(url, headers={"if-none-match": '"other"'}).status_code == 200
    assert admin.http.get(url, headers={"range": "bytes=0-0", "if-range": tag}).status_code == 206
    assert admin.http.get(url, headers={"range": "bytes=0-0", "if-range": '"other"'}).status_code == 200


def test_head(admin: AdminClient) -> None:
    url = upload(admin, "a.json", b"{}")["url"]
    answer = admin.http.head(url)
    assert (answer.content, answer.headers["content-length"], answer.headers["content-type"]) == (
        b"",
        "2",
        "application/json",
    )


def test_an_empty_file(admin: AdminClient) -> None:
    url = upload(admin, "empty", b"")["url"]
    assert (admin.http.get(url).content, admin.http.get(url).status_code) == (b"", 200)


def test_safe_headers(admin: AdminClient) -> None:
    page = admin.http.get(upload(admin, "page.html", b"<script>alert(1)</script>")["url"])
    assert page.headers["content-disposition"] == "attachment"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in page.headers["content-security-policy"]
    picture = admin.http.get(upload(admin, "a.png", b"png", **{"cache-control": "max-age=5"})["url"])
    assert "content-disposition" not in picture.headers
    assert picture.headers["cache-control"] == "max-age=5"


def test_private_files_need_a_signed_link(cloud: LiveServer, space: Space, admin: AdminClient) -> None:
    data = upload(admin, "目录/私 密.txt", b"secret")
    assert admin.http.get(data["url"]).content == b"secret"
    cloud.services.spaces.set(space.id, {"storage_rule": "PRIVATE"})
    assert (admin.http.get(data["url"]).status_code, code(admin.http.get(data["url"]))) == (403, "AccessDenied")
    signed = link(admin, data["fileId"], max_age=60)
    assert "%" not in signed
    assert admin.http.get(signed).content == b"secret"
    expired = re.sub(r"t=\d+", "t=1000000000", signed)
    assert admin.http.get(expired).status_code == 403
    assert admin.http.get(signed.replace("sign=", "sign=0")).status_code == 403


def test_an_unfit_key_has_a_link_that_works(admin: AdminClient) -> None:
    data = upload(admin, "100%?#.txt", b"odd")
    assert admin.http.get(link(admin, data["fileId"])).content == b"odd"


def test_preflight(admin: AdminClient, space: Space) -> None:
    answer = admin.http.options(
        f"/files/{space.bucket}/k",
        headers={"origin": "http://page", "access-control-request-headers": "x-cos-security-token"},
    )
    assert answer.status_code == 204
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-cos-security-token"


def test_other_methods(admin: AdminClient, space: Space) -> None:
    assert admin.http.delete(f"/files/{space.bucket}/k").status_code == 405


# File ids


@pytest.mark.parametrize("key", ["a/b.png", "目录/a b.png", "100%#1?.png"])
def test_addresses_are_file_ids(cloud: LiveServer, admin: AdminClient, space: Space, key: str) -> None:
    address = upload(admin, key, b"x")["download_url"]
    assert FileIds(space).decode(address) == FileIds(space).decode(f"{address}?sign=1&t=2") == key
    assert admin.http.get(link(admin, address)).content == b"x"
    (deleted,) = admin.send("storage.batchDeleteFile", fileid_list=[address])["data"]["delete_list"]
    assert (deleted["code"], deleted["fileID"]) == ("SUCCESS", address)
    for other in (cloud.create_space().bucket, "none"):
        with pytest.raises(FileNotFound):
            FileIds(space, any_space=True).decode(f"https://cloud.example/files/{other}/{key}")


def test_file_ids(admin: AdminClient, space: Space) -> None:
    file_id = upload(admin, "A.png", b"png")["fileId"]
    assert file_id == f"cloud://{space.id}.{space.bucket}/A.png"
    short = f"cloud://{space.id}.{space.bucket.rpartition('-')[0]}/A.png"
    assert admin.http.get(link(admin, short)).content == b"png"
    listed = [file_id + "x", "cloud://other.x/A.png", f"cloud://{space.id}.tcbenv-x/A.png", "nonsense"]
    items = admin.send("storage.batchGetDownloadUrl", file_list=listed)["data"]["download_list"]
    assert [item["code"] for item in items] == [
        "STORAGE_FILE_NONEXIST",
        "INVALID_ENV",
        "STORAGE_FILE_NONEXIST",
        "STORAGE_FILE_NONEXIST",
    ]
    assert [item["fileID"] for item in items] == listed


def test_a_function_reads_foreign_ids_as_its_own(space: Space) -> None:
    assert FileIds(space, any_space=True).decode("cloud://hard-coded.6861-hard-coded-1/a/b.png") == "a/b.png"


def test_delete(admin: AdminClient) -> None:
    file_id = upload(admin, "a", b"1")["fileId"]
    listed = [file_id, file_id + "x", "nonsense"]
    items = admin.send("storage.batchDeleteFile", fileid_list=listed)["data"]["delete_list"]
    assert [(item["fileID"], item["code"]) for item in items] == [
        (file_id, "SUCCESS"),
        (file_id + "x", "STORAGE_FILE_NONEXIST"),
        ("nonsense", "STORAGE_FILE_NONEXIST"),
    ]


def test_no_more_than_50_files_at_once(admin: AdminClient) -> None:
    ids = ["cloud://x.y/1.jpg"] * 51
    assert admin.send("storage.batchDeleteFile", fileid_list=ids)["code"] == "INVALID_PARAM"
    assert admin.send("storage.batchGetDownloadUrl", file_list=ids)["code"] == "INVALID_PARAM"


def test_copy(admin: AdminClient, space: Space) -> None:
    upload(admin, "a", b"1")
    items = admin.send(
        "storage.batchCopyFile",
        file_list=[
            {"src_path": "a", "dst_path": "b"},
            {"src_path": "a", "dst_path": "b", "overwrite": False},
            {"src_path": "nothing", "dst_path": "c"},
            {"src_path": "b", "dst_path": "moved", "remove_original": True},
        ],
    )["data"]["copy_list"]
    assert [item["code"] for item in items] == ["SUCCESS", "STORAGE_REQUEST_FAIL", "STORAGE_FILE_NONEXIST", "SUCCESS"]
    assert items[0]["fileId"] == f"cloud://{space.id}.{space.bucket}/b"
    assert admin.http.get(f"/files/{space.bucket}/b").status_code == 404
    assert admin.http.get(f"/files/{space.bucket}/moved").content == b"1"


def test_authority(cloud: LiveServer, space: Space, admin: AdminClient) -> None:
    alice = Caller("user", space.id, openid="alice")
    cloud.call(cloud.services.files.put(alice, "hers", b"1"))
    for openid, writes in (("alice", True), ("bob", False)):
        (item,) = admin.send("storage.getFileAuthority", openId=openid, fileList=[{"path": "hers", "type": "WRITE"}])[
            "data"
        ]
        assert (item["read"], item["write"]) == (True, writes)
        assert item["cosFileId"]
