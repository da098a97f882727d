"""Functions through the cloud API: packages, links, versions, triggers, logs."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest

from tests.protocols.tencentcloud.client import CloudClient
from tests.server import LiveServer
from yunbox.spaces import Space

ECHO = "exports.main = async event => { console.log('said', event.a); return { got: event.a, mode: process.env.MODE } }"

WAITING = """exports.main = async event => {
  console.log('said', event.a)
  if (event.wait) await new Promise(resolve => setTimeout(resolve, 60000))
  return 1
}"""


def packed(**files: str) -> str:
    """A package as base64; ``__`` in a name is a slash."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_js", ".js"), text)
    return base64.b64encode(buffer.getvalue()).decode()


def create(client: CloudClient, name: str = "f", code: str = ECHO, **more: Any) -> dict[str, Any]:
    return client.call("scf.CreateFunction", FunctionName=name, Code={"ZipFile": packed(index_js=code)}, **more)


def invoke(client: CloudClient, name: str = "f", **event: Any) -> Any:
    answer = client.call("scf.Invoke", FunctionName=name, ClientContext=json.dumps(event))
    return json.loads(answer["Result"]["RetMsg"])


def test_a_package_of_any_layout(client: CloudClient) -> None:
    inner = packed(code__index_js=ECHO, code__package_json="{}")
    client.call("scf.CreateFunction", FunctionName="inner", Code={"ZipFile": inner})
    assert invoke(client, "inner", a=1) == {"got": 1}
    other = packed(app_js="exports.go = () => 5")
    client.call("scf.CreateFunction", FunctionName="handled", Handler="app.go", Code={"ZipFile": other})
    assert invoke(client, "handled") == 5
    assert client.call("scf.GetFunction", FunctionName="handled")["Handler"] == "app.go"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({}, "MissingParameter.Code"),
        ({"ZipFile": "*"}, "InvalidParameterValue.ZipFileBase64BinasciiError"),
        ({"ZipFile": base64.b64encode(b"no zip").decode()}, "InvalidParameterValue.ZipFile"),
        ({"ZipFile": packed(**{"..__evil_js": "1"})}, "InvalidParameterValue.ZipFile"),
        ({"ZipFile": packed(readme="nothing to run")}, "InvalidParameterValue"),
        ({"TempCosObjectName": "/2026-01-01/1/x/f.zip"}, "InvalidParameterValue.TempCosObjectName"),
        ({"CosBucketName": "mine-1250000000", "CosObjectName": "f.zip"}, "InvalidParameterValue.CosBucketName"),
        ({"ImageConfig": {"ImageUri": "a"}}, "UnsupportedOperation"),
    ],
)
def test_packages_that_cannot_be_deployed(client: CloudClient, code: dict[str, Any], expected: str) -> None:
    assert client.refused("scf.CreateFunction", FunctionName="f", Code=code) == expected
    assert client.call("scf.ListFunctions")["TotalCount"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"Type": "HTTP"},
        {"CodeSecret": "x"},
        {"Layers": [{"LayerName": "l", "LayerVersion": 1}]},
        {"Runtime": "Php7"},
        {"Timeout": 100_000},
        {"MemorySize": 1},
        {"Environment": {"Variables": "MODE=1"}},
        {"FunctionName": "../up"},
    ],
)
def test_what_would_not_take_effect_is_refused(client: CloudClient, more: dict[str, Any]) -> None:
    values = {"FunctionName": "f", "Code": {"ZipFile": packed(index_js=ECHO)}, **more}
    assert "Error" in client.call("scf.CreateFunction", **values)


def test_a_package_from_the_spaces_storage(client: CloudClient, space: Space) -> None:
    client.object("PUT", space.bucket, "f.zip", content=base64.b64decode(packed(index_js=ECHO)))
    client.call("scf.CreateFunction", FunctionName="f", Code={"CosBucketName": space.bucket, "CosObjectName": "/f.zip"})
    assert invoke(client, a=2) == {"got": 2}


def test_a_package_by_an_upload_link(client: CloudClient, stranger: CloudClient, other: Space) -> None:
    given = client.call("tcb.DescribeBuildServiceCosInfo", ServiceName="f", Business="scf", Suffix=".zip")
    package = base64.b64decode(packed(index_js=ECHO))
    tampered = given["UploadUrl"].replace("f.zip", "g.zip")
    assert client.http.put(tampered, content=package).status_code == 403
    assert client.http.get(given["UploadUrl"]).status_code == 405
    assert client.http.put(given["UploadUrl"], content=package).status_code == 200
    code = {"CosTimestamp": given["UnixTimestamp"]}
    assert (
        stranger.refused("scf.CreateFunction", FunctionName="f", Code=code) == "InvalidParameterValue.TempCosObjectName"
    )
    assert "Error" not in client.call("scf.CreateFunction", FunctionName="f", Code=code)
    # It was taken, so it is gone.
    assert (
        client.refused("scf.UpdateFunctionCode", FunctionName="f", Code=code)
        == "InvalidParameterValue.TempCosObjectName"
    )


def test_a_download_link_ends_with_its_version(client: CloudClient) -> None:
    create(client)
    url = client.call("scf.GetFunctionAddress", FunctionName="f")["Url"]
    with zipfile.ZipFile(io.BytesIO(client.http.get(url).content)) as archive:
        assert archive.read("index.js").decode() == ECHO
    assert client.http.get(url.replace("until=", "until=1")).status_code == 403
    client.call("scf.UpdateFunctionCode", FunctionName="f", Code={"ZipFile": packed(index_js=ECHO + ";")})
    assert client.http.get(url).status_code == 400


def test_the_environment_is_replaced_as_a_whole_and_survives_new_code(client: CloudClient) -> None:
    create(client, Environment={"Variables": [{"Key": "MODE", "Value": "1"}, {"Key": "OLD", "Value": "x"}]}, Timeout=7)
    client.call(
        "scf.UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": [{"Key": "MODE", "Value": "2"}]}
    )
    client.call("scf.UpdateFunctionCode", FunctionName="f", ZipFile=packed(index_js=ECHO))
    shown = client.call("scf.GetFunction", FunctionName="f")
    assert (shown["Environment"]["Variables"], shown["Timeout"]) == ([{"Key": "MODE", "Value": "2"}], 7)
    assert invoke(client)["mode"] == "2"


def test_changes_to_single_files_stay_inside(client: CloudClient) -> None:
    create(client)
    for name in ("../x", "/etc/passwd", ""):
        answer = client.call("scf.UpdateFunctionIncrementalCode", FunctionName="f", DeleteFiles=[name])
        assert answer["Error"]["Code"] == "InvalidParameterValue"
    added = packed(lib__more_js="module.exports = 3", index_js="exports.main = () => require('./lib/more')")
    client.call("scf.UpdateFunctionIncrementalCode", FunctionName="f", AddFiles=added)
    assert invoke(client) == 3
    client.call("scf.UpdateFunctionIncrementalCode", FunctionName="f", DeleteFiles=["lib"])
    assert invoke(client)["errorCode"] == 1
    assert client.refused("scf.UpdateFunctionIncrementalCode", FunctionName="f") == "MissingParameter"


def test_triggers(client: CloudClient) -> None:
    create(client)
    timer = {"Type": "timer", "TriggerDesc": '{"cron": "0 0 3 * * * *"}', "CustomArgument": "say"}
    made = client.call("scf.CreateTrigger", FunctionName="f", TriggerName="t", **timer)
    assert made["TriggerInfo"]["CustomArgument"] == "say"
    assert client.refused("scf.CreateTrigger", FunctionName="f", TriggerName="c", Type="cos", TriggerDesc="x") == (
        "InvalidParameterValue.Type"
    )
    bad = client.refused("scf.CreateTrigger", FunctionName="f", TriggerName="b", Type="timer", TriggerDesc="often")
    assert bad == "InvalidParameterValue"
    client.call("scf.DeleteTrigger", FunctionName="f", TriggerName="t", Type="timer")
    assert client.call("scf.ListTriggers", FunctionName="f")["TotalCount"] == 0


def test_timers_of_config_json_can_be_deleted(client: CloudClient, cloud: LiveServer, space: Space) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", ECHO)
        archive.writestr("config.json", '{"triggers": [{"name": "own", "type": "timer", "config": "0 0 1 * * * *"}]}')
    code = {"ZipFile": base64.b64encode(buffer.getvalue()).decode()}
    client.call("scf.CreateFunction", FunctionName="f", Code=code)
    assert [item.name for item in cloud.services.functions.get(space.id, "f").triggers] == ["own"]
    client.call("scf.DeleteTrigger", FunctionName="f", TriggerName="own", Type="timer")
    client.call("scf.UpdateFunctionCode", FunctionName="f", Code=code)
    assert cloud.services.functions.get(space.id, "f").triggers == ()


def test_versions_and_the_alias(client: CloudClient) -> None:
    create(client)
    client.call("scf.UpdateFunctionCode", FunctionName="f", Code={"ZipFile": packed(index_js="exports.main = () => 2")})
    alias = {"FunctionName": "f", "Name": "$DEFAULT"}
    assert client.call("scf.PublishVersion", FunctionName="f")["FunctionVersion"] == "2"
    client.call("scf.UpdateAlias", **alias, FunctionVersion="1")
    assert invoke(client, a=1) == {"got": 1}
    assert client.call("scf.GetAlias", **alias)["FunctionVersion"] == "1"
    client.call("scf.UpdateAlias", **alias, FunctionVersion="$LATEST")
    assert invoke(client) == 2
    weights = {"AdditionalVersionWeights": [{"Version": "1", "Weight": 0.5}]}
    assert (
        client.refused("scf.UpdateAlias", **alias, FunctionVersion="2", RoutingConfig=weights) == "UnsupportedOperation"
    )
    assert client.refused("scf.UpdateAlias", **alias, FunctionVersion="9") == "ResourceNotFound.FunctionVersion"
    assert client.refused("scf.GetAlias", FunctionName="f", Name="blue") == "ResourceNotFound.Alias"
    assert client.refused("scf.Invoke", FunctionName="f", Qualifier="1") == "InvalidParameterValue.Qualifier"


def test_calls_and_their_logs(client: CloudClient) -> None:
    create(client, code=WAITING, Timeout=1)
    assert invoke(client, a="x") == 1
    late = client.call("scf.Invoke", FunctionName="f", ClientContext='{"wait": 1}')["Result"]
    assert late["InvokeResult"] == -1
    assert client.refused("scf.Invoke", FunctionName="f", ClientContext="{") == "InvalidParameterValue"
    assert client.refused("scf.Invoke", FunctionName="none") == "ResourceNotFound.Function"
    listed = client.call("scf.GetFunctionLogs", FunctionName="f", Limit=10)
    assert [(row["RetCode"], row["Log"]) for row in listed["Data"]][1] == (0, "said x")
    detail = client.call("tcb.GetFunctionLogDetail", LogRequestId=listed["Data"][1]["RequestId"])
    assert json.loads(detail["LogJson"])["Log"] == "said x"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("*", 2),
        ("said", 2),
        ('"said x"', 1),
        ("function_name:f AND x", 1),
        ("function_name:none", 0),
        ("module:function", 2),
        ("x OR y", "FailedOperation.SyntaxError"),
        ("x | select count(*)", "FailedOperation.SyntaxError"),
        ("eventType:MongoSlowQuery", "FailedOperation.SyntaxError"),
    ],
)
def test_searching_logs(searched: CloudClient, query: str, found: int | str) -> None:
    times = {"StartTime": "2000-01-01 00:00:00", "EndTime": "2100-01-01 00:00:00"}
    answer = searched.call("tcb.SearchClsLog", QueryString=query, Limit=10, **times)
    outcome = answer["Error"]["Code"] if "Error" in answer else len(answer["LogResults"]["Results"])
    assert outcome == found


@pytest.mark.parametrize(
    ("context", "code"), [("", ""), ("1", ""), ("x", "InvalidParameter"), ("9" * 5000, "InvalidParameter")]
)
def test_where_a_search_goes_on(searched: CloudClient, context: str, code: str) -> None:
    times = {"StartTime": "2000-01-01 00:00:00", "EndTime": "2100-01-01 00:00:00"}
    answer = searched.call("tcb.SearchClsLog", QueryString="*", Context=context, **times)
    assert answer.get("Error", {}).get("Code", "") == code


@pytest.fixture(scope="module")
def searched(cloud: LiveServer, http: Any) -> CloudClient:
    client = CloudClient.of(http, cloud.endpoint, cloud.create_space())
    create(client)
    invoke(client, a="x")
    invoke(client, a="y")
    return client
