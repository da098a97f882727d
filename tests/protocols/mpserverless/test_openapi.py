from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.server import LiveServer
from yunbox.protocols.mpserverless.openapi import signing
from yunbox.protocols.mpserverless.openapi.registry import ACTIONS
from yunbox.spaces import Space
from yunbox.statistics import day_of
from yunbox.tools.backup import write_backup

DECLARATIONS = Path(__file__).parents[4] / "shared" / "wire" / "pop-actions.json"
DECLARED: dict[str, Any] = json.loads(DECLARATIONS.read_text()) if DECLARATIONS.exists() else {}
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (float, int),
    "List[str]": (list,),
}


def assert_declared(content: Any, declared: Any, where: str) -> None:
    """Every field of an answer is one that the vendor's generated SDK declares, and of that type."""
    if isinstance(declared, dict):
        for key, value in content.items():
            assert key in declared, f"{where}.{key} is not declared"
            assert_declared(value, declared[key], f"{where}.{key}")
    elif isinstance(declared, list):
        for item in content:
            assert_declared(item, declared[0], where)
    elif declared is not None:
        assert isinstance(content, TYPES[declared]), f"{where} is {type(content).__name__}, declared {declared}"


def test_the_declarations_of_the_vendors_sdk_are_here(capsys: pytest.CaptureFixture[str]) -> None:
    if not DECLARED:
        with capsys.disabled():
            print(f"\nNOT HERE: {DECLARATIONS.name}; the types of OpenAPI answers were not checked")
        return
    assert DECLARED.keys() == ACTIONS.keys()


class Account:
    """A signer of OpenAPI requests with one space's access key."""

    def __init__(self, endpoint: str, space: Space, http: httpx.Client) -> None:
        self.endpoint = endpoint
        self.space = space
        self.http = http
        self._nonce = time.time_ns()

    def parameters(self, action: str, method: str, **parameters: Any) -> dict[str, str]:
        self._nonce += 1
        common = {
            "Action": action,
            "Format": "JSON",
            "Version": "2019-06-15",
            "AccessKeyId": self.space.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": f"{self._nonce:x}",
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "SpaceId": self.space.id,
        }
        signed = {**common, **{name: str(value) for name, value in parameters.items()}}
        return {"Signature": signing.signature(self.space.access_key_secret, method, signed), **signed}

    def send(self, parameters: dict[str, str], method: str = "POST", path: str = "/") -> httpx.Response:
        if method == "GET":
            return self.http.get(f"{self.endpoint}{path}?{urlencode(parameters)}")
        return self.http.post(self.endpoint + path, data=parameters)

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """An action that must succeed."""
        response = self.send(self.parameters(action, "POST", **parameters))
        content: dict[str, Any] = response.json()
        assert response.status_code == 200, content
        assert "Code" not in content
        assert_declared(content, DECLARED.get(action, {}).get("response"), action)
        assert content.pop("RequestId")
        return content

    def refused(self, action: str, **parameters: Any) -> tuple[int, str]:
        return refusal(self.send(self.parameters(action, "POST", **parameters)))


def refusal(response: httpx.Response) -> tuple[int, str]:
    content = response.json()
    assert content.keys() == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    return response.status_code, content["Code"]


@pytest.fixture
def account(cloud: LiveServer, space: Space, http: httpx.Client) -> Account:
    return Account(cloud.endpoint, space, http)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", "/pre/"])
def test_both_methods_behind_any_prefix(account: Account, method: str, path: str) -> None:
    response = account.send(account.parameters("ListSpace", method, Filename="we ird*'()!~/中文.png"), method, path)
    assert response.json()["Count"] == 1


def test_requests_that_prove_nothing(account: Account) -> None:
    good = account.parameters("ListSpace", "POST")
    assert refusal(account.send({**good, "Signature": "AAAA"})) == (400, "SignatureDoesNotMatch")
    assert refusal(account.send({**good, "PageNum": "2"})) == (400, "SignatureDoesNotMatch")
    assert refusal(account.send({**good, "AccessKeyId": "nobody"})) == (404, "InvalidAccessKeyId.NotFound")
    assert refusal(account.send({**good, "Version": "2020-01-01"})) == (404, "InvalidVersion")
    assert refusal(account.send({key: good[key] for key in good if key != "SignatureNonce"})) == (
        400,
        "MissingSignatureNonce",
    )
    assert account.send(good).status_code == 200
    assert refusal(account.send(good)) == (400, "SignatureNonceUsed")
    old = account.parameters("ListSpace", "POST", Timestamp="2020-01-01T00:00:00Z")
    assert refusal(account.send(old)) == (400, "InvalidTimeStamp.Expired")
    assert account.refused("ListSpace", Timestamp="now") == (400, "InvalidTimeStamp.Format")
    assert account.refused("NoSuchAction") == (404, "InvalidAction.NotFound")


def test_a_browser_is_sent_to_the_console(account: Account) -> None:
    response = account.http.get(account.endpoint + "/", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (302, "/console/")


def test_every_action_of_the_version_is_there() -> None:
    assert len(ACTIONS) == 83


def test_foreign_spaces_are_refused(cloud: LiveServer, account: Account) -> None:
    other = cloud.create_space()
    for action in ("DescribeSpaceClientConfig", "ListFile", "DeleteSpace", "ListFunction"):
        assert account.refused(action, SpaceId=other.id) == (403, "AccessDenied")
    assert account.refused("ListFile", SpaceId="nowhere") == (403, "AccessDenied")
    assert account.refused("ListFile", SpaceId="") == (400, "MissingSpaceId")
    assert account.refused("ListFunction", PageNum="9" * 20) == (400, "InvalidPageNum")


def test_spaces(account: Account, client: GatewayClient) -> None:
    made = account.call("CreateSpace", Name="shop", Desc="test")["SpaceId"]
    assert made.startswith("mp-")
    rows = account.call("ListSpace")["Spaces"]
    assert {row["SpaceId"]: row["Name"] for row in rows} == {account.space.id: account.space.id, made: "shop"}
    account.call("UpdateSpace", SpaceId=made, Desc="changed")
    (row,) = account.call("DescribeSpaces", **{"SpaceIds.1": made})["Spaces"]
    assert (row["Name"], row["Description"]) == ("shop", "changed")
    config = account.call("DescribeSpaceClientConfig", SpaceId=made)
    assert config["PrivateKey"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert config["Endpoint"] == account.endpoint
    account.call("ResetServerSecret", SpaceId=made)
    assert account.call("DescribeSpaceClientConfig", SpaceId=made)["PrivateKey"] != config["PrivateKey"]
    account.call("DeleteSpace", SpaceId=made)
    assert account.call("ListSpace")["Count"] == 1
    assert account.refused("CreateSpaceWithOrder", Name="x") == (400, "UnsupportedOperation")


def test_the_three_step_upload_of_the_guide(account: Account) -> None:
    step = account.call("DescribeFileUploadSignedUrl", Filename="index.html", ContentType="text/html", Size=240)
    assert not set(step["SignUrl"]) & set("'\"` ")
    assert account.refused("RegisterFile", Id=step["Id"]) == (404, "ParamInvalid")
    wrong = account.http.put(step["SignUrl"], content=b"<p>hi</p>", headers={"content-type": "image/png"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "SignatureDoesNotMatch")
    moved = step["SignUrl"].replace("cloudstorage", "elsewhere")
    assert account.http.put(moved, content=b"x", headers={"content-type": "text/html"}).status_code == 403
    headers = {"content-type": "text/html", "expect": "100-continue"}
    stored = account.http.put(step["SignUrl"], content=b"<p>hi</p>", headers=headers)
    assert (stored.status_code, stored.content) == (200, b"")
    for _ in range(2):
        account.call("RegisterFile", Id=step["Id"], RegionId="cn-hangzhou")
    listed = account.call("ListFile", PageSize=20)
    (row,) = listed["DataList"]
    assert row["Id"] == step["Id"]
    assert account.http.get(row["Url"]).content == b"<p>hi</p>"
    account.call("DeleteFile", Id=step["Id"])
    assert account.refused("DeleteFile", Id=step["Id"]) == (404, "ParamInvalid")


def test_file_listings_go_page_by_page(account: Account) -> None:
    for name in ("a/1.txt", "a/2.txt", "b/1.txt"):
        step = account.call(
            "DescribeFileUploadSignedUrl", Filename="x.txt", FileId=f"/{name}", ContentType="text/plain", Size=1
        )
        assert (
            account.http.put(step["SignUrl"], content=name, headers={"content-type": "text/plain"}).status_code == 200
        )
    again = account.call("DescribeFileUploadSignedUrl", Filename="x.txt", FileId=step["Id"], ContentType="text/plain")
    assert again["Overwrite"]
    first = account.call("ListFile", PageSize=2)
    second = account.call("ListFile", PageSize=2, NextToken=first["Paginator"]["NextToken"])
    assert [row["Url"][-7:] for row in first["DataList"] + second["DataList"]] == ["a/1.txt", "a/2.txt", "b/1.txt"]
    assert second["Paginator"]["NextToken"] == ""
    assert len(account.call("ListFile", Prefix="a/")["DataList"]) == 2
    assert len(account.call("ListFile", Keyword="1.txt")["DataList"]) == 2
    folder = account.call("DescribeFileUploadSignedUrl", Filename="photos/", ContentType="", Size=0)
    assert folder["SignUrl"] == ""
    (row,) = account.call("ListFile", Prefix="photos/")["DataList"]
    assert row["Type"] == "folder"


def test_policies(account: Account) -> None:
    target = {"ServiceName": "db", "CollectionName": "things"}
    for name in ("PUBLICREAD", "ADMINREADWRITEONLY"):
        assert account.call("UpdateServicePolicy", **target, PolicyName=name)["PolicyName"] == name
    rule = {".read": True, ".write": True}
    account.call("UpdateServicePolicy", **target, PolicyName="EXTENDED", Policy=json.dumps(rule))
    shown = account.call("DescribeServicePolicy", **target)
    assert (shown["PolicyName"], json.loads(shown["Policy"])) == ("EXTENDED", rule)
    assert account.call("UpdateServicePolicy", ServiceName="file", PolicyName="PRIVATE")["PolicyName"] == "PRIVATE"
    assert account.refused("UpdateServicePolicy", ServiceName="file", Policy=json.dumps(rule)) == (400, "InvalidPolicy")
    assert account.refused("UpdateServicePolicy", **target, Policy="{}") == (400, "InvalidParameter")
    assert account.refused("DescribeServicePolicy", ServiceName="mail") == (400, "InvalidServiceName")


def test_web_origins(cloud: LiveServer, account: Account) -> None:
    made = account.call("AddCorsDomain", Domain="https://a.test")["DomainId"]
    account.call("AddCorsDomain", Domain="https://b.test")
    assert [row["Domain"] for row in account.call("ListCorsDomains")["Domains"]] == ["https://a.test", "https://b.test"]
    assert cloud.services.spaces.get(account.space.id).settings["cors_origins"] == "https://a.test,https://b.test"
    account.call("DeleteCorsDomain", DomainId=made)
    assert account.refused("DeleteCorsDomain", DomainId=made) == (404, "InvalidDomainId.NotFound")


def test_platforms(cloud: LiveServer, account: Account) -> None:
    account.call("SaveWechatOpenPlatformConfig", AppId="wx1", AppSecret="s1")
    account.call("SaveAntOpenPlatformConfig", AppId="2021", PrivateKey="k", PublicKey="p", SignMode="KEY")
    account.call("SaveAppAuthToken", AppId="2021", IsvAppId="2020", AppAuthToken="t")
    account.call("AddDingtalkOpenPlatformConfig", AppId="d1", AppSecret="s")
    assert account.refused("AddDingtalkOpenPlatformConfig", AppId="d1", AppSecret="s") == (409, "EntityAlreadyExists")
    account.call("UpdateDingtalkOpenPlatformConfig", AppId="d1", AppSecret="s2")
    assert account.call("ListDingtalkOpenPlatformConfigs")["Configs"][0]["AppSecret"] == "s2"
    assert len(account.call("ListOpenPlatformConfig")["SecretList"]) == 3
    (row,) = account.call("ListOpenPlatformConfig", Platform="alipay_openapi")["SecretList"]
    assert (row["PrivateKey"], row["SignMode"], row["Platform"]) == ("k", "KEY", "alipay")
    config = cloud.services.spaces.app(account.space.id, "alipay", "2021")
    assert config
    assert config["app_auth_token"] == "t"
    for action, app_id in (("DeleteWechat", "wx1"), ("DeleteAnt", "2021"), ("DeleteDingtalk", "d1")):
        account.call(f"{action}OpenPlatformConfig", AppId=app_id)
        assert account.refused(f"{action}OpenPlatformConfig", AppId=app_id) == (404, "InvalidAppId.NotFound")


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("OpenService", {}),
        ("QueryServiceStatus", {"ServiceStatus": "OPENED"}),
        ("DescribeFCOpenStatus", {"Status": "OPENED"}),
        ("CheckMpServerlessRoleExists", {"Exists": True}),
        ("ListExtensions", {"Extensions": [], "PageNumber": 1, "PageSize": 20, "TotalCount": 0}),
    ],
)
def test_what_is_always_so(account: Account, action: str, answer: dict[str, Any]) -> None:
    assert account.call(action, ServiceName="db", RoleName="r") == answer


def package(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_functions_from_zip_packages(account: Account) -> None:
    made = account.call("CreateFunction", Name="sum", Desc="adds", Memory=256, Runtime="nodejs12", Timeout=5)
    assert made["Spec"] == {"Memory": "256", "Timeout": "5", "Runtime": "nodejs12", "InstanceConcurrency": "1"}
    assert account.refused("CreateFunction", Name="sum") == (409, "EntityAlreadyExists")
    assert account.refused("CreateFunction", Name="1st") == (400, "InvalidName")
    step = account.call("CreateFunctionDeployment", Name="sum")
    code = package({"sum/index.js": "module.exports = async (ctx) => ({ total: ctx.args.a + ctx.args.b })"})
    assert account.http.put(step["UploadSignedUrl"], content=code).status_code == 200
    account.call("DeployFunction", DeploymentId=step["DeploymentId"])
    (row,) = account.call("ListFunctionDeployment", Name="sum")["DataList"]
    assert row["Status"]["Status"] == "DEPLOY_SUCCESS"
    body = json.dumps({"functionTarget": "sum", "functionArgs": {"a": 1, "b": 2}})
    done = account.call("RunFunction", Body=body)
    assert json.loads(done["Result"]) == {"total": 3}
    assert done["RuntimeMeta"]["RequestId"]
    assert 10 < done["RuntimeMeta"]["MaxMemoryUsage"] < 1000, "MiB"
    assert account.call("ListFunction")["Paginator"] == {"PageNum": 1, "PageSize": 20, "PageCount": 1, "Total": 1}
    assert account.call("DescribeFunction", Name="sum")["Deployment"]["VersionNo"] == "1"
    assert account.call("ListFile", Prefix="deployments/")["DataList"] == [], "code is not left where files are public"
    logs = account.call("ListFunctionLog", Name="sum", Status="SUCCESS")["DataList"]
    assert [row["FunctionName"] for row in logs] == ["sum"]
    account.call("UpdateFunction", Name="sum", Timeout=9)
    assert account.call("DescribeFunction", Name="sum")["Function"]["Spec"]["Timeout"] == "9"
    account.call("DeleteFunction", Name="sum")
    assert account.refused("DescribeFunction", Name="sum") == (404, "InvalidFunction.NotFound")
    assert account.refused("RunFunction", Body=body) == (404, "InvalidFunction.NotFound")


HTTP_FUNCTION = """
module.exports = async ({ args }) => {
  if (args.path === '/composed') {
    return {
      mpserverlessComposedResponse: true, statusCode: 201, headers: { 'X-Own': 'yes', 'Content-Type': 'image/png' },
      isBase64Encoded: true, body: Buffer.from([1, 2]).toString('base64')
    }
  }
  if (args.path === '/broken') return { mpserverlessComposedResponse: true, statusCode: 99 }
  if (args.path === '/large') return 'x'.repeat(2 ** 20 + 1)
  if (args.path === '/text') return 'plain'
  return { method: args.httpMethod, path: args.path, query: args.queryStringParameters, body: args.body, base64: args.isBase64Encoded }
}
"""


def test_functions_behind_http(account: Account) -> None:
    account.call("CreateFunction", Name="web")
    step = account.call("CreateFunctionDeployment", Name="web")
    account.http.put(step["UploadSignedUrl"], content=package({"index.js": HTTP_FUNCTION}))
    account.call("DeployFunction", DeploymentId=step["DeploymentId"])
    base = account.call("DescribeHttpTriggerConfig")["DefaultEndpoint"]
    assert account.http.get(f"{base}/api/x").status_code == 404
    account.call("UpdateFunction", Name="web", HttpTriggerPath="/api", TimingTriggerConfig='["cron:0 0 3 * * *"]')
    answer = account.http.post(f"{base}/api/things?a=1", content="hello", headers={"content-type": "text/plain"})
    assert answer.json() == {"method": "POST", "path": "/things", "query": {"a": "1"}, "body": "hello", "base64": False}
    binary = account.http.put(f"{base}/api", content=b"\xff", headers={"content-type": "image/png"}).json()
    assert (binary["path"], binary["body"], binary["base64"]) == ("/", "/w==", True)
    composed = account.http.get(f"{base}/api/composed")
    assert (composed.status_code, composed.content, composed.headers["x-own"]) == (201, b"\x01\x02", "yes")
    assert composed.headers["content-type"] == "image/png"
    assert account.http.get(f"{base}/api/text").text == "plain"
    assert account.http.get(f"{base}/api/broken").json()["error"]["code"] == "InvalidComposedResponseBody"
    assert account.http.get(f"{base}/api/large").json()["error"]["code"] == "ResponseContentLength.Exceeded"
    large = account.http.post(f"{base}/api", content=b"x" * (2**20 + 1))
    assert large.json()["error"]["code"] == "RequestContentLength.Exceeded"
    account.call("CreateFunction", Name="other")
    assert account.refused("UpdateFunction", Name="other", HttpTriggerPath="api/") == (400, "InvalidHttpTriggerPath")
    assert account.call("DescribeFunction", Name="web")["Function"]["TimingTriggerConfig"] == '["cron:0 0 3 * * *"]'
    assert account.refused("UpdateFunction", Name="web", TimingTriggerConfig="* *") == (
        400,
        "InvalidTimingTriggerConfig",
    )
    assert account.call("UpdateHttpTriggerConfig", EnableService="false")["EnableService"] is False
    assert account.http.get(f"{base}/api").json()["error"]["code"] == "InvalidSpace.NotInService"
    assert account.refused("UpdateHttpTriggerConfig", CustomDomain="a.test") == (400, "UnsupportedOperation")


@pytest.mark.parametrize("content", [b"no zip", package({"../evil.js": "x"}), package({"/etc/evil": "x"})])
def test_packages_that_are_refused(account: Account, content: bytes) -> None:
    account.call("CreateFunction", Name="bad")
    step = account.call("CreateFunctionDeployment", Name="bad")
    assert account.http.put(step["UploadSignedUrl"], content=content).status_code == 200
    assert account.refused("DeployFunction", DeploymentId=step["DeploymentId"]) == (400, "InvalidPackage")
    (row,) = account.call("ListFunctionDeployment", Name="bad")["DataList"]
    assert row["Status"]["Status"] == "DEPLOY_FAILED"


def test_document_commands(account: Account, server: ServerClient) -> None:
    def run(**body: Any) -> Any:
        return json.loads(account.call("RunDBCommand", Body=json.dumps(body))["Result"])

    assert run(command="find", collection="nothing", query={}) == []
    run(command="createCollection", name="things")
    made = run(command="insertOne", collection="things", doc={"n": 1})
    assert run(command="findOne", collection="things", query={"_id": made["insertedId"]}) == {
        "_id": made["insertedId"],
        "n": 1,
    }
    run(command="createIndex", collection="things", field={"n": 1}, options={"unique": True, "name": "n_1"})
    assert "n_1" in [index["name"] for index in run(command="listIndexes", collection="things")]
    assert (
        account.refused(
            "RunDBCommand", Body=json.dumps({"command": "insertOne", "collection": "things", "doc": {"n": 1}})
        )[0]
        == 400
    )
    run(command="dropIndex", collection="things", dropIndex="n_1")
    assert [row["name"] for row in run(command="collections")] == ["things"]
    account.call("RenameDBCollection", OriginCollection="things", NewCollection="stuff")
    assert [row["name"] for row in run(command="collections")] == ["stuff"]
    assert account.call("QuerySpaceConsumption")["DbUsage"]["StorageSize"] > 0
    account.call("DeleteDBCollection", Body=json.dumps({"collection": "stuff"}))
    assert run(command="collections") == []
    run(command="createCollection", name="mine")
    run(command="rename", collection="mine", newName="yours")
    assert [row["name"] for row in run(command="collections")] == ["yours"]
    run(command="drop", collection="yours")
    assert run(command="collections") == []
    assert account.refused("RunDBCommand", Body="{") == (400, "InvalidBody")
    assert account.refused("RunDBCommand", Body='{"command":"explode"}') == (400, "InvalidParameter")


def test_usage_is_counted(cloud: LiveServer, account: Account, client: GatewayClient, server: ServerClient) -> None:
    client.authorize().call("serverless.auth.user.getProfileInfo")
    client.db("insertOne", collection="things", doc={"n": 1})
    client.db("find", collection="things")
    server.db("find", collection="things")
    today = day_of(time.time())
    (row,) = account.call("QuerySpaceUsage", StartTime=today, EndTime=today, Interval=1)["SpaceUsageDataList"]
    assert (row["DbUsage"]["ReadCount"], row["DbUsage"]["WriteCount"]) == (2, 1)
    used = account.call("DescribeResourceUsage", StartTime=today, EndTime=today)
    assert used["DataList"][0]["CloudDB"]["Read"] == 2
    assert account.call("QuerySpaceConsumption")["DbUsage"]["ReadCount"] == 2
    assert account.call("DescribeResourceQuota")["CloudStorageDataSizeQuota"] > 0
    cloud.services.spaces.set(account.space.id, {"quota.storage_mb": 2})
    assert account.call("DescribeResourceQuota")["CloudStorageDataSizeQuota"] == 2 * 2**20
    assert account.refused("QuerySpaceUsage", StartTime=today, EndTime="never") == (400, "InvalidEndTime")
    assert account.refused("QuerySpaceSpecDetail", SpecCode="x") == (400, "UnsupportedOperation")


def host(account: Account, path: str, content: bytes) -> None:
    """Put one page on the account's site."""
    signed = account.call("GetWebHostingUploadCredential", FilePath=path)["Data"]
    fields = {
        "key": signed["FilePath"],
        "policy": signed["Policy"],
        "OSSAccessKeyId": signed["AccessKeyId"],
        "Signature": signed["Signature"],
        "success_action_status": "200",
    }
    assert account.http.post(signed["Endpoint"], data=fields, files={"file": ("x", content)}).status_code == 200


def test_web_hosting(cloud: LiveServer, account: Account) -> None:
    site = f"{account.endpoint}/hosting/{account.space.id}"
    assert account.http.get(f"{site}/").status_code == 404
    assert account.refused("GetWebHostingUploadCredential", FilePath="index.html") == (404, "InvalidParameter.NotFound")
    account.call("OpenWebHostingService")
    assert account.call("GetWebHostingStatus")["Data"]["Status"] == "OPENED"
    for path, content in (
        ("index.html", b"<h1>home</h1>"),
        ("docs/index.html", b"docs"),
        ("lost.html", b"lost"),
        ("big.bin", b"x" * 3_000_000),
    ):
        host(account, path, content)
    home = account.http.get(f"{site}/")
    assert (home.text, home.headers["content-type"]) == ("<h1>home</h1>", "text/html")
    assert "sandbox" in home.headers["content-security-policy"]
    assert account.http.get(f"{site}/", headers={"if-none-match": home.headers["etag"]}).status_code == 304
    assert account.http.get(site, follow_redirects=True).text == "<h1>home</h1>"
    assert account.http.get(f"{site}/docs", follow_redirects=True).text == "docs"
    assert len(account.http.get(f"{site}/big.bin").content) == 3_000_000
    assert account.http.head(f"{site}/big.bin").headers["content-length"] == "3000000"
    assert account.http.get(f"{site}/nothing").status_code == 404
    account.call("ModifyWebHostingConfig", ErrorPath="/lost.html", ErrorHttpStatus=200)
    lost = account.http.get(f"{site}/nothing")
    assert (lost.status_code, lost.text) == (200, "lost")
    assert account.call("GetWebHostingConfig")["Data"]["ErrorPath"] == "lost.html"
    assert account.refused("ModifyWebHostingConfig", ErrorHttpStatus=99) == (400, "InvalidParameter")
    account.call("ModifyWebHostingConfig", AllowedIps="10.0.0.0/8, 192.168.1.1")
    assert account.http.get(f"{site}/").status_code == 403
    account.call("ModifyWebHostingConfig", AllowedIps="")
    assert account.http.post(f"{site}/").status_code == 405
    assert account.call("DescribeWebHostingFile", FilePath="/index.html")["Data"]["Size"] == 13
    assert account.call("DescribeWebHostingFile", FilePath="none")["Data"]["Exists"] is False
    page = account.call("ListWebHostingFiles", PageSize=2)["Data"]
    assert [row["FilePath"] for row in page["WebHostingFiles"]] == ["big.bin", "docs/index.html"]
    assert account.call("ListWebHostingFiles", Marker=page["NextMarker"])["Data"]["Count"] == 2
    account.call("DeleteWebHostingFile", FilePath="index.html")
    account.call("BatchDeleteWebHostingFiles", **{"FilePaths.1": "docs/", "FilePaths.2": "/big.bin"})
    assert account.call("ListWebHostingFiles")["Data"]["Count"] == 1
    assert account.call("ListFile")["DataList"] == [], "a site's files are apart from the space's"
    assert account.refused("BindWebHostingCustomDomain", CustomDomain="a.test") == (400, "UnsupportedOperation")
    other = Account(account.endpoint, cloud.create_space(), account.http)
    assert account.http.get(f"{account.endpoint}/hosting/{other.space.id}/lost.html").status_code == 404


def run_import(account: Account, content: str, **parameters: str) -> dict[str, Any]:
    """The status of an import of ``content``."""
    task = account.call("CreateDBImportTask", Collection="people", **parameters)
    assert account.call("QueryDBImportTaskStatus", TaskId=task["TaskId"])["Status"] == "CREATED"
    fields = {
        "key": task["FileKey"],
        "policy": task["Policy"],
        "OSSAccessKeyId": task["AccessKeyId"],
        "Signature": task["Signature"],
    }
    assert account.http.post(task["Host"], data=fields, files={"file": ("f", content)}).status_code == 204
    done = account.call("QueryDBImportTaskStatus", TaskId=task["TaskId"])
    assert account.call("QueryDBImportTaskStatus", TaskId=task["TaskId"]) == done, "an import runs once"
    return done


def test_imports_and_exports(account: Account, server: ServerClient) -> None:
    lines = """{"_id":{"$oid":"6b010b5788d702d2edc5eddd"},"name":"tom","born":{"$date":"2020-01-02T03:04:05.678Z"}}
{"_id":"p2","name":"ann"}
{"_id":"p2","name":"twice"}
"""
    done = run_import(account, lines, FileType="JSON", Mode="INSERT")
    assert (done["Status"], done["SuccessCount"], done["FailedCount"]) == ("SUCCESS", "2", "0")
    assert done["DetailMessage"].startswith("1 documents exist already")
    tom = server.db("findOne", collection="people", query={"_id": "6b010b5788d702d2edc5eddd"})["result"]
    assert tom["born"] == "2020-01-02T03:04:05.678Z"
    done = run_import(account, "_id,name\np2,annie\n", FileType="CSV", Mode="UPSERT")
    assert (done["SuccessCount"], done["FailedCount"]) == ("1", "0")
    assert run_import(account, "nonsense", FileType="JSON")["Status"] == "FAILED"
    assert account.call("ListFile", Prefix="imports/")["DataList"] == []

    exported = account.call("CreateDBExportTask", Collection="people", FileType="JSON")["TaskId"]
    status = account.call("QueryDBExportTaskStatus", TaskId=exported)
    assert (status["Status"], status["ExportedCount"]) == ("SUCCESS", "2")
    rows = [json.loads(line) for line in account.http.get(status["DownloadUrl"]).text.splitlines()]
    assert [row["name"] for row in rows] == ["tom", "annie"]
    exported = account.call("CreateDBExportTask", Collection="people", FileType="CSV", Fields="name,_id")["TaskId"]
    text = account.http.get(account.call("QueryDBExportTaskStatus", TaskId=exported)["DownloadUrl"]).text
    assert text.splitlines()[:2] == ["name,_id", "tom,6b010b5788d702d2edc5eddd"]
    assert account.refused("CreateDBExportTask", Collection="people", FileType="CSV") == (400, "MissingFields")
    assert account.refused("CreateDBExportTask", Collection="people", FileType="XML") == (400, "InvalidFileType")
    assert account.refused("QueryDBExportTaskStatus", TaskId="none") == (404, "InvalidTaskId.NotFound")


def test_restores_from_a_backup(cloud: LiveServer, account: Account, server: ServerClient) -> None:
    server.db("insertMany", collection="kept", docs=[{"n": 1}, {"n": 2}])
    write_backup(cloud.services.settings.data)
    server.db("deleteMany", collection="kept")
    backup = account.call("QueryDBBackupDumpTimes")["BackupDumpTimes"][0]["BackupId"]
    assert account.call("QueryDBBackupCollections", BackupId=backup)["Collections"] == ["kept"]
    task = account.call("CreateDBRestoreTask", BackupId=backup, **{"OriginCollections.1": "kept"})["TaskId"]
    assert account.call("QueryDBRestoreTaskStatus", TaskId=task)["SuccessCount"] == 2
    assert server.db("find", collection="kept_bak")["affectedDocs"] == 2
    again = {"OriginCollections": '["kept"]', "NewCollections": '["kept_bak"]'}
    assert account.refused("CreateDBRestoreTask", BackupId=backup, **again) == (409, "EntityAlreadyExists")
    assert account.refused("QueryDBBackupCollections", BackupId="../x") == (404, "InvalidBackupId.NotFound")
    other = Account(account.endpoint, cloud.create_space(), account.http)
    assert other.call("QueryDBBackupCollections", BackupId=backup)["Collections"] == []
