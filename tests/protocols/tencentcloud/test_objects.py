"""Buckets: what keys open, and the operations that deploy scripts use."""

from __future__ import annotations

import base64
import hashlib
from xml.etree import ElementTree

import httpx
import pytest

from tests.protocols.tencentcloud.client import CloudClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.files.sites import SUFFIX
from yunbox.spaces import Space

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>'
CORS = b"<CORSConfiguration><CORSRule><AllowedOrigin>evil.example</AllowedOrigin></CORSRule></CORSConfiguration>"
HIDDEN = f"<?xml version='1.0' encoding='utf-16'?>{ENTITIES.decode()}".encode("utf-16")


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, ElementTree.fromstring(answer.content).findtext("Code") or ""


def keys(answer: httpx.Response, path: str = "Contents/Key") -> list[str]:
    return [item.text or "" for item in ElementTree.fromstring(answer.content).iterfind(path)]


@pytest.fixture
def bucket(space: Space) -> str:
    return space.bucket


def put(client: CloudClient, bucket: str, *names: str) -> None:
    for name in names:
        assert client.object("PUT", bucket, name, content=name.encode()).status_code == 200


def test_an_object_goes_in_and_comes_out(client: CloudClient, bucket: str, cloud: LiveServer, space: Space) -> None:
    stored = client.object("PUT", bucket, "目录/a b.txt", content=b"0123456789", headers={"x-cos-meta-who": "me"})
    assert stored.status_code == 200
    found = client.object("GET", bucket, "目录/a b.txt", headers={"range": "bytes=2-4"})
    assert (found.status_code, found.content, found.headers["x-cos-meta-who"]) == (206, b"234", "me")
    head = client.object("HEAD", bucket, "目录/a b.txt")
    assert (head.headers["content-length"], head.headers["etag"]) == ("10", stored.headers["etag"])
    assert cloud.services.files.stat(space.id, "目录/a b.txt").size == 10
    assert client.object("DELETE", bucket, "目录/a b.txt").status_code == 204
    assert client.object("DELETE", bucket, "目录/a b.txt").status_code == 204
    assert code(client.object("GET", bucket, "目录/a b.txt")) == (404, "NoSuchKey")


def test_listing_by_folders_and_pages(client: CloudClient, bucket: str) -> None:
    put(client, bucket, "a.txt", "d/1", "d/2", "d/e/3", "f/4", "z")
    whole = client.object("GET", bucket, query={"prefix": "", "delimiter": "/"})
    assert keys(whole) == ["a.txt", "z"]
    assert keys(whole, "CommonPrefixes/Prefix") == ["d/", "f/"]
    below = client.object("GET", bucket, query={"prefix": "d/", "delimiter": "/"})
    assert (keys(below), keys(below, "CommonPrefixes/Prefix")) == (["d/1", "d/2"], ["d/e/"])
    seen, marker = [], ""
    for _ in range(10):
        page = client.object("GET", bucket, query={"delimiter": "/", "marker": marker, "max-keys": "1"})
        seen += keys(page) + keys(page, "CommonPrefixes/Prefix")
        marker = next(iter(keys(page, "NextMarker")), "")
        if not marker:
            break
    assert seen == ["a.txt", "d/", "f/", "z"]
    plain = client.object("GET", bucket, query={"max-keys": "4", "encoding-type": "url"})
    assert (keys(plain), keys(plain, "IsTruncated")) == (["a.txt", "d/1", "d/2", "d/e/3"], ["true"])


def test_several_objects_are_deleted_at_once(client: CloudClient, bucket: str) -> None:
    put(client, bucket, "a", "b", "c")
    body = (
        b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>none</Key></Object></Delete>"
    )
    done = client.object("POST", bucket, query={"delete": ""}, content=body)
    assert keys(done, "Deleted/Key") == ["a", "b", "none"]
    assert keys(client.object("GET", bucket)) == ["c"]


@pytest.mark.parametrize("body", [b"", b"<Delete>", b"nonsense", ENTITIES, HIDDEN])
def test_bad_xml_is_refused(client: CloudClient, bucket: str, body: bytes) -> None:
    assert code(client.object("POST", bucket, query={"delete": ""}, content=body)) == (400, "MalformedXML")


def test_a_copy(client: CloudClient, bucket: str, other: Space) -> None:
    put(client, bucket, "文")
    source = f"{bucket}.cos.ap-shanghai.myqcloud.com/%E6%96%87"
    assert client.object("PUT", bucket, "copy", headers={"x-cos-copy-source": source}).status_code == 200
    assert client.object("GET", bucket, "copy").content == "文".encode()
    foreign = f"{other.bucket}.cos.ap-shanghai.myqcloud.com/x"
    refused = client.object("PUT", bucket, "copy", headers={"x-cos-copy-source": foreign})
    assert code(refused) == (403, "AccessDenied")


def begin(client: CloudClient, bucket: str, key: str) -> str:
    return keys(client.object("POST", bucket, key, query={"uploads": ""}), "UploadId")[0]


def test_an_object_in_parts(client: CloudClient, bucket: str) -> None:
    upload = begin(client, bucket, "big")
    tags = [
        client.object("PUT", bucket, "big", {"partNumber": str(number), "uploadId": upload}, part).headers["etag"]
        for number, part in [(1, b"old"), (2, b"two"), (1, b"one")]
    ]
    assert keys(client.object("GET", bucket, query={"uploads": "", "prefix": "b"}), "Upload/UploadId") == [upload]
    listed = client.object("GET", bucket, "big", {"uploadId": upload})
    assert (keys(listed, "Part/PartNumber"), keys(listed, "Part/ETag")) == (["1", "2"], [tags[2], tags[1]])

    def complete(*rows: tuple[int, str]) -> httpx.Response:
        return client.object("POST", bucket, "big", {"uploadId": upload}, _parts(*rows))

    assert code(complete((1, tags[0]))) == (400, "InvalidPart")
    assert code(complete((2, tags[1]), (1, tags[2]))) == (400, "InvalidPartOrder")
    assert code(complete()) == (400, "MalformedXML")
    assert complete((1, tags[2]), (2, tags[1])).status_code == 200
    assert client.object("GET", bucket, "big").content == b"onetwo"
    assert code(complete((1, tags[2]))) == (404, "NoSuchUpload")


def _parts(*rows: tuple[int, str]) -> bytes:
    parts = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in rows)
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def test_an_upload_that_is_given_up(client: CloudClient, bucket: str, space: Space) -> None:
    upload = begin(client, bucket, "big")
    for wrong in (f"../{upload}", "0" * 32, "note.json"):
        refused = client.object("PUT", bucket, "big", {"partNumber": "1", "uploadId": wrong}, b"x")
        assert code(refused) == (404, "NoSuchUpload")
    elsewhere = client.object("PUT", bucket, "small", {"partNumber": "1", "uploadId": upload}, b"x")
    assert code(elsewhere) == (404, "NoSuchUpload")
    assert client.object("DELETE", bucket, "big", {"uploadId": upload}).status_code == 204
    assert not list((space.directory / "uploads").iterdir())


def test_a_body_that_was_changed_is_not_stored(client: CloudClient, bucket: str) -> None:
    announced = base64.b64encode(hashlib.md5(b"this", usedforsecurity=False).digest()).decode()
    refused = client.object("PUT", bucket, "a", content=b"that", headers={"content-md5": announced})
    assert code(refused) == (400, "BadDigest")
    assert code(client.object("GET", bucket, "a")) == (404, "NoSuchKey")


@pytest.mark.parametrize("key", ["a//b", "a\nb", "x" * 1100])
def test_unusable_names_are_refused(client: CloudClient, bucket: str, key: str) -> None:
    assert code(client.object("PUT", bucket, key, content=b"x")) == (400, "InvalidArgument")
    assert keys(client.object("GET", bucket)) == []


@pytest.mark.parametrize("query", [{"acl": ""}, {"tagging": ""}, {"append": "", "position": "0"}])
def test_operations_that_are_not_done_change_nothing(client: CloudClient, bucket: str, query: dict[str, str]) -> None:
    assert code(client.object("PUT", bucket, "a", query, b"<x/>")) == (501, "NotImplemented")
    assert code(client.object("GET", bucket, "a")) == (404, "NoSuchKey")


def test_origins_are_the_spaces(client: CloudClient, bucket: str, cloud: LiveServer, space: Space) -> None:
    rules = b"<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example.com</AllowedOrigin></CORSRule></CORSConfiguration>"
    assert client.object("PUT", bucket, query={"cors": ""}, content=rules).status_code == 200
    assert cloud.services.spaces.get(space.id).settings["cors_origins"] == "a.example.com"
    shown = client.object("GET", bucket, query={"cors": ""})
    assert keys(shown, "CORSRule/AllowedOrigin") == ["http://a.example.com", "https://a.example.com"]
    assert client.object("DELETE", bucket, query={"cors": ""}).status_code == 204
    assert "cors_origins" not in cloud.services.spaces.get(space.id).settings


# Who may


def test_keys_open_no_other_bucket(client: CloudClient, stranger: CloudClient, bucket: str, cloud: LiveServer) -> None:
    put(client, bucket, "secret")
    for method, key in (("GET", "secret"), ("PUT", "secret"), ("DELETE", "secret"), ("GET", "")):
        assert code(stranger.object(method, bucket, key, content=b"mine"))[0] == 403
    assert client.object("GET", bucket, "secret").content == b"secret"


def test_a_function_has_the_bucket_but_not_by_anothers_grant(
    client: CloudClient, bucket: str, cloud: LiveServer, space: Space, other: Space
) -> None:
    put(client, bucket, "a.txt")
    for grantee, status in ((None, 200), (other.id, 403)):
        caller = Caller("function", space.id, function="f", grantee=grantee)
        issued = cloud.services.functions.capabilities.issue(caller, 60)
        held = client.holding(issued.secret_id, issued.secret_key, issued.token)
        assert held.object("GET", bucket, "a.txt").status_code == status


def test_a_site_has_a_bucket_of_its_own(
    client: CloudClient, stranger: CloudClient, cloud: LiveServer, space: Space
) -> None:
    site = f"{space.bucket.rpartition('-')[0]}-site-{space.bucket.rpartition('-')[2]}"
    assert code(client.object("GET", site)) == (404, "NoSuchBucket")
    client.call("tcb.CreateStaticStore", EnvId=space.id)
    put(client, site, "index.html")
    assert code(stranger.object("GET", site)) == (403, "AccessDenied")
    assert cloud.services.sites.files.stat(space.id + SUFFIX, "index.html").size == 10
    assert keys(client.object("GET", space.bucket)) == []


def test_what_a_signature_does_not_cover_is_refused(client: CloudClient, bucket: str) -> None:
    put(client, bucket, "a")
    assert code(client.object("GET", bucket, unsigned={"prefix": "x"})) == (403, "SignatureDoesNotMatch")
    assert code(client.object("DELETE", bucket, unsigned={"cors": ""})) == (403, "SignatureDoesNotMatch")
    wrong = client.holding(client.secret_id, "wrong")
    assert code(wrong.object("GET", bucket, "a")) == (403, "SignatureDoesNotMatch")
    bare = client.http.get(f"{client.endpoint}/tencentcloud/{bucket}.cos.ap-shanghai.myqcloud.com/a")
    assert code(bare) == (403, "AccessDenied")


def test_a_package_signature_opens_one_package(
    client: CloudClient, stranger: CloudClient, space: Space, other: Space
) -> None:
    account = space.bucket.rpartition("-")[2]
    path = f"{account}/{space.id}/f.zip"
    given = client.call("scf.GetTempCosInfo", ObjectPath=path)
    url = f"{client.endpoint}/tencentcloud/shtempcos-1253665819.cos.ap-shanghai.myqcloud.com"
    headers = {"authorization": given["Sign"]}
    key = f"{given['Date']}/{path}"
    assert client.http.put(f"{url}/{key}", content=b"zip", headers=headers).status_code == 200
    assert code(client.http.put(f"{url}/{key}x", content=b"zip", headers=headers))[0] == 403
    changed = {"authorization": base64.b64encode(base64.b64decode(given["Sign"]).replace(b"f.zip", b"g.zip")).decode()}
    assert code(client.http.put(f"{url}/{key.replace('f.zip', 'g.zip')}", content=b"zip", headers=changed))[0] == 403
    assert client.http.get(f"{url}/{key}", headers=headers).status_code == 501
    for method in ("PUT", "DELETE"):
        whole = client.http.request(method, url, params={"cors": "", "prefix": key}, content=CORS, headers=headers)
        assert code(whole) == (403, "SignatureDoesNotMatch")
    assert client.refused("scf.GetTempCosInfo", ObjectPath=f"{account}/{other.id}/f.zip") == "InvalidParameterValue"
    taken = stranger.refused("scf.CreateFunction", FunctionName="f", Code={"TempCosObjectName": f"/{key}"})
    assert taken == "InvalidParameterValue.TempCosObjectName"
