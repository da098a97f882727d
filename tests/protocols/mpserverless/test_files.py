from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient, checked
from tests.server import LiveServer
from yunbox.protocols.mpserverless import oss

SIGN = "serverless.file.resource.generateProximalSign"
REPORT = "serverless.file.resource.report"
DELETE = "serverless.file.resource.delete"
INFO = "serverless.file.resource.info"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def form(signed: Mapping[str, Any], **changes: str) -> dict[str, str]:
    """The fields of mini SDK 3.x, in its order."""
    fields = {
        "success_action_status": "200",
        "Cache-Control": "max-age=2592000",
        "Content-Disposition": "inline",
        "x-oss-meta-userId": "42",
        "key": signed["ossPath"],
        "policy": signed["policy"],
        "Signature": signed["signature"],
        "OSSAccessKeyId": signed["accessKeyId"],
    }
    return {**fields, **changes}


def node_form(signed: Mapping[str, Any]) -> dict[str, str]:
    callback = base64.b64encode(b'{"callbackBody":"{}","callbackBodyType":"application/json"}').decode()
    return {
        "X-OSS-server-side-encrpytion": "AES256",
        "success_action_status": "200",
        "id": signed["id"],
        "key": signed["ossPath"],
        "policy": signed["policy"],
        "Signature": signed["signature"],
        "OSSAccessKeyId": signed["accessKeyId"],
        "cdnDomain": signed["cdnDomain"],
        "callback": callback,
    }


def uni_form(signed: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Cache-Control": "max-age=2592000",
        "Content-Disposition": "attachment",
        "OSSAccessKeyId": signed["accessKeyId"],
        "Signature": signed["signature"],
        "host": signed["host"],
        "id": signed["id"],
        "key": signed["ossPath"],
        "policy": signed["policy"],
        "success_action_status": "200",
    }


def post(
    http: httpx.Client, host: str, fields: Mapping[str, str], data: bytes = PNG, scheme: str = "https"
) -> httpx.Response:
    files = {"file": ("pic.png", data, "image/png")}
    return http.post(host if "://" in host else f"{scheme}://{host}", data=fields, files=files)


def upload(client: GatewayClient, **params: Any) -> dict[str, Any]:
    signed: dict[str, Any] = client.call(SIGN, {"env": "public", "filename": "pic.png", "size": len(PNG), **params})
    assert post(client.http, signed["host"], form(signed)).status_code == 200
    assert client.call(REPORT, {"id": signed["id"], "contentType": "image/png"}) == {"id": signed["id"]}
    return signed


def test_upload_report_download(client: GatewayClient) -> None:
    signed = upload(client.authorize())
    for url in (f"https://{signed['cdnDomain']}/{signed['ossPath']}", f"https://{signed['host']}/{signed['ossPath']}"):
        answer = client.http.get(url, follow_redirects=True, headers={"origin": "https://h5.test"})
        assert (answer.status_code, answer.content) == (200, PNG)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "max-age=2592000"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["x-oss-meta-userid"] == "42"
        assert answer.headers["x-meta-user-id"] == "42", "the guide's spelling"
        assert answer.headers["access-control-allow-origin"]


@pytest.mark.parametrize("fields", [form, node_form, uni_form])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_sdks_form_over_both_schemes(client: GatewayClient, fields: Any, scheme: str) -> None:
    signed = client.authorize().call(SIGN, {"env": "public", "filename": "pic.png"})
    answer = post(client.http, signed["host"], fields(signed), scheme=scheme)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.call(REPORT, {"id": signed["id"]})


def test_the_node_sdk_gets_a_host_with_a_scheme(server: ServerClient) -> None:
    body = server.body(SIGN, {"env": "public", "filename": "b.txt"})
    agent = {"x-serverless-ua": "pkg_name:@alicloud/mpserverless-node-sdk;ver:1.2.5;"}
    signed = checked(server.post(body, **agent))["data"]
    assert signed["host"].startswith("http://127.0.0.1:")
    assert "://" not in checked(server.post(server.body(SIGN, {"env": "public", "filename": "b.txt"})))["data"]["host"]


def test_a_callback_is_answered_as_if_it_had_been_made(client: GatewayClient) -> None:
    signed = client.authorize().call(SIGN, {"env": "public", "filename": "pic.png"})
    callback = base64.b64encode(b'{"callbackUrl":"http://stand-in/","callbackBody":"{}"}').decode()
    answer = post(client.http, signed["host"], form(signed, callback=callback))
    assert answer.json() == {"Status": "OK"}


def refusal(answer: httpx.Response) -> str:
    assert 400 <= answer.status_code < 500
    code: str = answer.json()["error"]["code"]
    return code


def expired(signed: Mapping[str, Any], cloud: LiveServer, client: GatewayClient) -> dict[str, str]:
    ticket = cloud.services.files.read_ticket(*json.loads(base64.b64decode(signed["policy"]))["ticket"])
    again = oss.sign(cloud.services, client.space, replace(ticket, expires_at=1))
    return form(signed, policy=again["policy"], Signature=again["signature"])


def test_refused_forms_store_nothing(cloud: LiveServer, client: GatewayClient) -> None:
    signed = client.authorize().call(SIGN, {"env": "public", "filename": "pic.png"})
    other = client.of(cloud.create_space()).authorize().call(SIGN, {"env": "public", "filename": "pic.png"})
    tampered = base64.b64encode(base64.b64decode(signed["policy"]).replace(b"cloudstorage", b"cloudstorag3")).decode()
    attempts = [
        (form(signed, Signature="AAAA"), "SignatureDoesNotMatch"),
        (form(signed, policy=tampered), "SignatureDoesNotMatch"),
        (form(signed, key="cloudstorage/other.png"), "AccessDenied"),
        (form(other), "SignatureDoesNotMatch"),
        (expired(signed, cloud, client), "AccessDenied"),
        ({"key": signed["ossPath"]}, "SignatureDoesNotMatch"),
        (form(signed, extra="x" * 70_000), "MaxPOSTPreDataLengthExceeded"),
    ]
    for fields, code in attempts:
        assert refusal(post(client.http, signed["host"], fields)) == code
    assert client.refused(REPORT, {"id": signed["id"]}) == "FileNotFound"
    assert cloud.services.files.usage(client.space.id) == (0, 0)


def test_bodies_that_are_no_form(client: GatewayClient) -> None:
    signed = client.authorize().call(SIGN, {"env": "public", "filename": "pic.png"})
    url, kind = f"https://{signed['host']}", {"content-type": "multipart/form-data; boundary=b"}
    assert refusal(client.http.post(url, content=b"{}")) == "MalformedPOSTRequest"
    assert refusal(client.http.post(url, content=b"junk", headers=kind)) == "MalformedPOSTRequest"
    assert (
        refusal(client.http.post(url, data=form(signed), files={"other": b"x"}))
        == "IncorrectNumberOfFilesInPOSTRequest"
    )
    cut = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
    assert refusal(client.http.post(url, content=cut, headers=kind)) == "SignatureDoesNotMatch"


def test_uploads_above_the_limit(cloud: LiveServer, client: GatewayClient) -> None:
    limit = cloud.services.settings.max_upload_mb * 2**20
    assert (
        client.authorize().refused(SIGN, {"env": "public", "filename": "a.png", "size": limit + 1}) == "LimitExceeded"
    )
    signed = client.call(SIGN, {"env": "public", "filename": "a.png", "size": 1})
    ticket = cloud.services.files.read_ticket(*json.loads(base64.b64decode(signed["policy"]))["ticket"])
    small = oss.sign(cloud.services, client.space, replace(ticket, max_size=10))
    fields = form(signed, policy=small["policy"], Signature=small["signature"])
    assert refusal(post(client.http, signed["host"], fields)) == "EntityTooLarge"
    assert client.refused(REPORT, {"id": signed["id"]}) == "FileNotFound"


def test_cloud_paths(client: GatewayClient, server: ServerClient) -> None:
    first = upload(client.authorize(), fileId="/static/h.png")
    assert first["ossPath"] == "static/h.png"
    again = upload(client, fileId="/static/h.png")
    assert (again["ossPath"], again["id"]) == ("static/h.png", first["id"]), "an owner replaces"
    foreign = upload(client.authorize(), fileId="/static/h.png")
    assert foreign["ossPath"].startswith("static/h-")
    assert foreign["ossPath"].endswith(".png")
    assert upload(server, fileId="/static/h.png")["id"] == first["id"], "an administrator replaces"
    assert client.refused(SIGN, {"filename": "a.png", "fileId": "/a b?.png"}) == "ParamInvalid"
    assert client.refused(SIGN, {"filename": "a.png", "fileId": "/../a.png"}) == "InvalidParameter"
    assert upload(client, targetPath="/avatars/")["ossPath"].startswith("avatars/")


def test_file_types_of_clients(client: GatewayClient, server: ServerClient) -> None:
    assert client.authorize().refused(SIGN, {"filename": "page.html"}) == "ParamInvalid"
    assert client.call(SIGN, {"filename": "noextension"})["ossPath"].startswith("cloudstorage/")
    assert server.call(SIGN, {"filename": "page.html"})["ossPath"].endswith(".html")


def test_info_and_delete(client: GatewayClient, server: ServerClient) -> None:
    signed = upload(client.authorize())
    url = f"https://{signed['cdnDomain']}/{signed['ossPath']}"
    (row,) = client.call(INFO, {"id": f"{signed['id']},unknown"})
    assert row == {**row, "fileId": signed["id"], "size": len(PNG), "type": "png", "url": url}
    assert row["gmtCreate"] < 10_000_000_000, "seconds"
    (temporary,) = client.call(INFO, {"id": url, "maxAge": 60})
    assert client.http.get(temporary["url"]).content == PNG
    assert client.refused(INFO, {"id": ",".join(["x"] * 51)}) == "ParamInvalid"

    other = client.of(client.space).authorize()
    assert other.refused(DELETE, {"id": url}) == "PermissionDenied"
    assert client.answer(DELETE, {"id": url})["success"]
    assert client.refused(DELETE, {"id": url}) == "FileNotFound"
    assert client.http.get(url).status_code == 404

    for name in ("id", "host", "cdn", "path"):
        signed = upload(client)
        names = {
            "id": signed["id"],
            "host": f"https://{signed['host']}/{signed['ossPath']}",
            "cdn": f"https://cdn.example.test/files/{client.space.bucket}/{signed['ossPath']}",
            "path": signed["ossPath"],
        }
        assert server.answer(DELETE, {"id": names[name]})["success"]


def test_spaces_do_not_see_each_others_files(cloud: LiveServer, client: GatewayClient) -> None:
    signed = upload(client.authorize())
    other = client.of(cloud.create_space()).authorize()
    for name in (signed["id"], signed["ossPath"], f"https://{signed['cdnDomain']}/{signed['ossPath']}"):
        assert other.refused(DELETE, {"id": name}) == "FileNotFound"
        assert other.call(INFO, {"id": name}) == []
    assert other.refused(REPORT, {"id": signed["id"]}) == "FileNotFound"


def test_header_injection_is_not_possible(client: GatewayClient) -> None:
    signed = client.authorize().call(SIGN, {"filename": "pic.png"})
    evil = {"Content-Disposition": "inline\r\nset-cookie: a=1", "x-oss-meta-ü": "1"}
    assert post(client.http, signed["host"], form(signed, **evil)).status_code == 200
    answer = client.http.get(f"https://{signed['cdnDomain']}/{signed['ossPath']}")
    assert "set-cookie" not in answer.headers
