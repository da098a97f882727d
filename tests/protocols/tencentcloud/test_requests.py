"""Who may ask the cloud API, and how it refuses."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.protocols.tencentcloud.client import CloudClient, tc3
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.protocols.tencentcloud.registry import ACTIONS, SERVICES, UNSUPPORTED
from yunbox.spaces import Space

BODY = json.dumps({}).encode()


def code(answer: dict[str, Any]) -> str:
    return str(answer.get("Error", {}).get("Code"))


def test_a_signed_request_is_answered(client: CloudClient, space: Space) -> None:
    assert [row["EnvId"] for row in client.call("tcb.DescribeEnvs")["EnvList"]] == [space.id]
    assert client.call("sts.GetCallerIdentity")["AccountId"] == space.bucket.rpartition("-")[2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"sent": b'{"EnvId": ""}'}, "AuthFailure.SignatureFailure", id="tampered body"),
        pytest.param({"Host": "tcb.tencentcloudapi.com.evil"}, "AuthFailure.SignatureFailure", id="another host"),
        pytest.param({"at": int(time.time()) - 400}, "AuthFailure.SignatureExpire", id="too old"),
        pytest.param({"at": int(time.time()) + 7200}, "AuthFailure.SignatureExpire", id="from the future"),
        pytest.param({"date": "2020-01-01"}, "AuthFailure.SignatureFailure", id="another date"),
        pytest.param({"X_TC_Timestamp": "soon"}, "InvalidParameter", id="no time"),
        pytest.param({"Authorization": ""}, "AuthFailure.InvalidAuthorization", id="not signed"),
        pytest.param({"Authorization": "Bearer x"}, "AuthFailure.InvalidAuthorization", id="another scheme"),
        pytest.param({"X_TC_Version": "2000-01-01"}, "NoSuchVersion", id="another version"),
        pytest.param({"X_TC_Action": ""}, "MissingParameter", id="no action"),
        pytest.param({"X_TC_Action": "DropEverything"}, "InvalidAction", id="unknown action"),
    ],
)
def test_what_is_not_signed_so_is_refused(client: CloudClient, change: dict[str, Any], expected: str) -> None:
    assert code(client.send("tcb", "DescribeEnvs", BODY, **change)) == expected


def test_a_signature_for_one_service_opens_no_other(client: CloudClient) -> None:
    now = int(time.time())
    signed = tc3(client.secret_id, client.secret_key, "scf", "tcb.tencentcloudapi.com", BODY, now)
    answer = client.send("tcb", "DescribeEnvs", BODY, at=now, Authorization=signed)
    assert code(answer) == "AuthFailure.SignatureFailure"


def test_malformed_parameters_are_named(client: CloudClient) -> None:
    assert code(client.send("tcb", "DescribeEnvs", b"[]")) == "InvalidParameter"
    assert code(client.send("tcb", "DescribeEnvs", b"{")) == "InvalidParameter"
    assert client.refused("tcb.CreateTable") == "MissingParameter"
    assert client.refused("tcb.CreateTable", TableName=5) == "InvalidParameter"
    assert client.refused("tcb.ListTables", MgoLimit="many") == "InvalidParameter"
    assert client.refused("scf.GetFunctionLogs", StartTime="yesterday") == "InvalidParameterValue"


@pytest.mark.parametrize("name", ["EnvId", "Namespace", "ServiceId", "TargetNamespace"])
def test_no_action_reaches_another_space(client: CloudClient, other: Space, name: str) -> None:
    assert client.refused("tcb.ListTables", **{name: other.id}) == "InvalidParameter.EnvId"
    assert client.refused("scf.ListFunctions", **{name: other.id}) == "ResourceNotFound.Namespace"


def test_another_database_instance_is_not_there(client: CloudClient) -> None:
    foreign = {"InstanceId": "flexdb", "DatabaseName": "tnt-000000000"}
    assert (
        client.refused("tcb.CreateTable", TableName="a", MongoConnector=foreign) == "ResourceNotFound.InstanceNotFound"
    )
    assert client.refused("tcb.DescribeRestoreTime", InstanceId="tnt-000000000") == "ResourceNotFound.InstanceNotFound"


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_is_not_here_says_so(client: CloudClient, name: str) -> None:
    assert client.refused(name) == "UnsupportedOperation"


def test_whole_products_that_are_not_here(client: CloudClient) -> None:
    for service in SERVICES:
        answer = client.send(service, "DescribeAnything", BODY, X_TC_Version="2022-02-17")
        assert code(answer) == "UnsupportedOperation"
    assert not set(UNSUPPORTED) & set(ACTIONS)


def test_temporary_keys_open_this_space_only(
    client: CloudClient, cloud: LiveServer, space: Space, other: Space
) -> None:
    issued = client.call("sts.GetFederationToken", DurationSeconds=600)["Credentials"]
    keys = client.holding(issued["TmpSecretId"], issued["TmpSecretKey"], issued["Token"])
    assert keys.call("tcb.DescribeEnvs")["EnvList"][0]["EnvId"] == space.id
    without = client.holding(issued["TmpSecretId"], issued["TmpSecretKey"])
    assert without.refused("tcb.DescribeEnvs") == "AuthFailure.TokenFailure"


def test_a_functions_keys_end_with_its_call(client: CloudClient, cloud: LiveServer, space: Space) -> None:
    caller = Caller("function", space.id, function="f")
    issued = cloud.services.functions.capabilities.issue(caller, -10)
    keys = client.holding(issued.secret_id, issued.secret_key, issued.token)
    assert keys.refused("tcb.DescribeEnvs") == "AuthFailure.TokenFailure"


def test_for_a_function_every_name_is_its_own_space(
    client: CloudClient, cloud: LiveServer, space: Space, other: Space
) -> None:
    """DESIGN §9.6: projects hard-code environment names."""
    issued = cloud.services.functions.capabilities.issue(Caller("function", space.id, function="f"), 60)
    keys = client.holding(issued.secret_id, issued.secret_key, issued.token)
    keys.call("tcb.CreateTable", EnvId=other.id, TableName="made")
    assert cloud.services.documents.engine(space.id).has_collection("made")
    assert not cloud.services.documents.engine(other.id).has_collection("made")


def test_who_is_only_shared_with_administers_nothing(
    client: CloudClient, cloud: LiveServer, space: Space, other: Space
) -> None:
    caller = Caller("function", space.id, function="f", grantee=other.id)
    issued = cloud.services.functions.capabilities.issue(caller, 60)
    keys = client.holding(issued.secret_id, issued.secret_key, issued.token)
    assert keys.refused("tcb.DescribeEnvs") == "UnauthorizedOperation"
    assert keys.refused("tcb.CreateTable", EnvId=space.id, TableName="made") == "UnauthorizedOperation"


def test_hosts_that_are_nobodys(cloud: LiveServer, client: CloudClient) -> None:
    answer = client.http.get(f"{cloud.endpoint}/tencentcloud/example.com/")
    assert answer.status_code == 404
