"""What miniprogram-ci sends to upload functions and files, written down from versions 1.9.27 and 2.1.42."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.protocols.tencentcloud.client import CloudClient
from tests.protocols.tencentcloud.test_functions import packed
from tests.server import LiveServer
from yunbox.protocols.wechat_ci.signatures import Signatures
from yunbox.spaces import Space

APP = "wx1234567890abcdef"


def raw_signature(private: rsa.RSAPrivateKey, content: bytes) -> str:
    """Node's ``privateEncrypt`` with RSA_PKCS1_PADDING: the text itself, padded and signed."""
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    block = b"\x00\x01" + b"\xff" * (size - len(content) - 3) + b"\x00" + content
    return base64.b64encode(pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(size, "big")).decode()


def key_of(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@dataclass
class Ci:
    """A project with a key, as the package uses it."""

    http: httpx.Client
    endpoint: str
    private: rsa.RSAPrivateKey
    app: str = APP

    def post(self, name: str, **values: Any) -> dict[str, Any]:
        answer = self.http.post(f"{self.endpoint}/wxa/ci/{name}?_r=0.1", json={"appid": self.app, **values})
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()
        return content

    def signature(self) -> str:
        text = self.post("getrandstr", clientRand=5)["data"]["randomString"]
        return self.sign({"appid": self.app, "rand_str": text})

    def sign(self, content: Any) -> str:
        return raw_signature(self.private, json.dumps(content).encode())

    def call(self, name: str, **values: Any) -> dict[str, Any]:
        return self.post(name, signature=self.signature(), **values)

    def relay(self, service: str, action: str, version: str, **values: Any) -> dict[str, Any]:
        """The ``Response`` of an action that is relayed."""
        asked = {"service": service, "action": action, "version": version, "region": "", "test": False}
        answer = self.call("cloudapihttpagent", agentReq={**asked, "postdata": json.dumps(values)})
        assert (answer["errCode"], answer["data"]["base_resp"]["ret"]) == (0, 0), answer
        content: dict[str, Any] = json.loads(answer["data"]["content"])["Response"]
        return content


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    space = cloud.create_space()
    return cloud.services.spaces.set(space.id, {"app_id": APP})


@pytest.fixture
def ci(cloud: LiveServer, http: httpx.Client, space: Space) -> Ci:
    return Ci(http, cloud.endpoint, key_of(space.server_private_key))


def test_a_functions_code_goes_to_the_api_with_headers_of_ours(ci: Ci, cloud: LiveServer, space: Space) -> None:
    envs = ci.relay("tcb", "DescribeEnvs", "2018-06-08", WxAppId=APP)
    assert [row["EnvId"] for row in envs["EnvList"]] == [space.id]
    assert ci.relay("tcb", "DescribeWxCloudBaseRunEnvs", "2018-06-08")["EnvList"] == []
    missing = ci.relay("scf", "GetFunction", "2018-04-16", FunctionName="hello", Namespace=space.id)
    assert missing["Error"]["Code"] == "ResourceNotFound.Function"
    values = {"FunctionName": "hello", "Code": {"ZipFile": packed(index_js="exports.main = () => 5")}}
    assert direct(ci, "CreateFunction", {**values, "Namespace": space.id})["Response"].keys() == {"RequestId"}
    assert [function.name for function in cloud.services.functions.list(space.id)] == ["hello"]
    timers = json.dumps([{"TriggerName": "t", "Type": "timer", "TriggerDesc": "0 0 2 * * * *"}])
    ci.relay("scf", "BatchCreateTrigger", "2018-04-16", FunctionName="hello", Triggers=timers, Count=1)
    assert [item.name for item in cloud.services.functions.get(space.id, "hello").triggers] == ["t"]


def direct(ci: Ci, action: str, values: Any, sent: bytes = b"") -> dict[str, Any]:
    """What the package sends to the API itself; ``sent`` in place of what was signed."""
    body = json.dumps(values).encode()
    asked = {"service": "scf", "action": action, "version": "2018-04-16", "region": "ap-shanghai", "path": "/"}
    signed = ci.call("getqcloudapisignature", signReq={**asked, "hashed_postdata": hashlib.sha256(body).hexdigest()})
    headers = dict(line.strip().split(":", 1) for line in signed["header"].split("\n"))
    url = f"{ci.endpoint}/tencentcloud/scf.tencentcloudapi.com/"
    answer: dict[str, Any] = ci.http.post(url, content=sent or body, headers=headers).json()
    return answer


def test_signed_headers_are_for_one_body(ci: Ci) -> None:
    answer = direct(ci, "ListFunctions", {}, sent=b'{"Limit": 1}')
    assert answer["Response"]["Error"]["Code"] == "AuthFailure.SignatureFailure"


@pytest.mark.parametrize(
    "change",
    [{"service": "cam"}, {"hashed_postdata": "x"}, {"action": "A\nHost:evil"}, {"version": ""}, {"action": None}],
)
def test_only_requests_to_the_api_are_signed(ci: Ci, change: dict[str, Any]) -> None:
    asked = {"service": "scf", "action": "A", "version": "1", "hashed_postdata": "0" * 64, **change}
    answer = ci.call("getqcloudapisignature", signReq=asked)
    assert (answer["errCode"], "header" in answer) == (-1, False)


def test_files_go_to_the_bucket_with_keys_of_ours(ci: Ci, cloud: LiveServer, space: Space) -> None:
    marks = ci.call("cloudcosupload", action="CLOUD_ROUTE_GETCOSMETA", agentReq={"paths": ["a", "b"]})
    assert len(json.loads(marks["data"]["data"])["x_cos_meta_field_strs"]) == 2
    given = ci.call("cloudcosupload", action="CLOUD_ROUTE_GETCOSAUTH", agentReq={"bucket": space.bucket})
    keys = json.loads(given["data"]["content"])["Response"]["Credentials"]
    client = CloudClient(ci.http, ci.endpoint, keys["TmpSecretId"], keys["TmpSecretKey"], keys["Token"])
    assert client.object("PUT", space.bucket, "up/a.txt", content=b"a").status_code == 200
    assert cloud.services.files.stat(space.id, "up/a.txt").size == 1
    other = cloud.create_space()
    assert client.object("PUT", other.bucket, "up/a.txt", content=b"a").status_code == 403


# Who may


def refused(answer: dict[str, Any]) -> bool:
    return bool(answer["errCode"] == -10008 and "data" not in answer)


def test_another_key_opens_nothing(ci: Ci, cloud: LiveServer) -> None:
    stranger = Ci(ci.http, ci.endpoint, key_of(cloud.create_space().server_private_key))
    assert refused(stranger.call("getattr"))
    assert refused(Ci(ci.http, ci.endpoint, ci.private, app="wx0000000000000000").call("getattr"))
    assert refused(Ci(ci.http, ci.endpoint, ci.private, app="").call("getattr"))


def test_of_two_spaces_with_one_app_the_key_chooses(ci: Ci, cloud: LiveServer, space: Space) -> None:
    other = cloud.services.spaces.set(cloud.create_space().id, {"app_id": APP})
    second = Ci(ci.http, ci.endpoint, key_of(other.server_private_key))
    shown = [project.relay("tcb", "DescribeEnvs", "2018-06-08")["EnvList"][0]["EnvId"] for project in (ci, second)]
    assert shown == [space.id, other.id]
    foreign = second.relay("tcb", "ListTables", "2018-06-08", EnvId=space.id)
    assert foreign["Error"]["Code"] == "InvalidParameter.EnvId"


def test_a_random_string_works_once_and_for_its_app(ci: Ci) -> None:
    signature = ci.signature()
    assert ci.post("getattr", signature=signature)["data"]["platform"] is False
    assert refused(ci.post("getattr", signature=signature))
    elsewhere = Ci(ci.http, ci.endpoint, ci.private, app="wxother").post("getrandstr")["data"]["randomString"]
    contents: list[Any] = [
        {"appid": APP, "rand_str": elsewhere},
        {"appid": APP, "rand_str": "1.2.3"},
        {"appid": APP},
        [],
        "x",
    ]
    for content in contents:
        assert refused(ci.post("getattr", signature=ci.sign(content)))
    for text in ("", "AAAA", "*"):
        assert refused(ci.post("getattr", signature=text))


def test_a_random_string_of_an_earlier_process_is_not_taken(ci: Ci, cloud: LiveServer) -> None:
    """Which of them were used is forgotten with the process."""
    text = Signatures(cloud.services).random_string(APP)
    assert refused(ci.post("getattr", signature=ci.sign({"appid": APP, "rand_str": text})))


def test_calls_of_the_vendor_say_so(ci: Ci) -> None:
    answer = ci.call("upload")
    assert (answer["errCode"], "yunbox exec" in answer["errMsg"]) == (-1, True)
    assert ci.http.post(f"{ci.endpoint}/wxa/ci/getattr", content=b"{").json()["errCode"] == -1
