from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient, checked
from tests.server import LiveServer
from yunbox.protocols.mpserverless import host_call
from yunbox.protocols.mpserverless.errors import GatewayError
from yunbox.statistics import day_of

ANONYMOUS = "serverless.auth.user.anonymousAuthorize"
AUTHORIZE = "serverless.auth.user.authorize"
PROFILE = "serverless.auth.user.getProfileInfo"


def refusal(response: Any) -> str:
    code: str = checked(response)["error"]["code"]
    return code


@pytest.mark.parametrize("path", ["/client", "//client", "/pre/client", "/pre//deeper/client"])
def test_any_prefix_and_repeated_slashes(client: GatewayClient, path: str) -> None:
    answer = checked(client.post(client.body(ANONYMOUS, "{}"), path))
    assert answer["data"]["accessToken"]
    assert answer["data"]["expiresInSecond"] == 600


def test_wrong_signatures(client: GatewayClient, server: ServerClient) -> None:
    body = client.body(ANONYMOUS, {})
    assert refusal(client.post(body, **{"x-serverless-sign": "00" * 16})) == "SignatureNotMatch"
    assert (
        refusal(client.post({**body, "params": '{"x":1}'}, **{"x-serverless-sign": client.sign(body)}))
        == "SignatureNotMatch"
    )
    assert refusal(server.post(body, **{"x-serverless-sign": "00" * 256})) == "SignatureNotMatch"
    assert refusal(server.post(body, **{"x-serverless-sign": client.sign(body)})) == "SignatureNotMatch"
    assert refusal(client.post(body, **{"x-serverless-sign": server.sign(body)})) == "SignatureNotMatch"


def test_a_signature_of_another_space_is_worth_nothing(cloud: LiveServer, client: GatewayClient) -> None:
    other = cloud.create_space()
    assert refusal(client.post(client.body(ANONYMOUS, {}, spaceId=other.id))) == "SignatureNotMatch"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "InvalidBody.Format"),
        ("{", "InvalidBody.Format"),
        ("[]", "InvalidBody.Format"),
        ("{}", "MissingParams"),
        ('{"spaceId":"nowhere"}', "InvalidSpaceId.NotFound"),
        ('{"spaceId":["x"]}', "MissingParams"),
    ],
)
def test_bodies_that_cannot_be_read(client: GatewayClient, content: str, code: str) -> None:
    response = client.http.post(
        f"{client.endpoint}/client", content=content, headers={"content-type": "application/json"}
    )
    assert refusal(response) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": ""}, "MissingMethod"),
        ({"params": "{"}, "InvalidParams.Format"),
        ({"params": "[]"}, "InvalidParams.Format"),
        ({"timestamp": 0}, "MissingParams"),
        ({"timestamp": "soon"}, "MissingParams"),
        ({"timestamp": 1577836800000}, "InvalidTimestamp.Expired"),
    ],
)
def test_signed_bodies_with_wrong_fields(server: ServerClient, changes: dict[str, Any], code: str) -> None:
    body = {**server.body(PROFILE, {}), **changes}
    if changes == {"timestamp": 0}:
        del body["timestamp"]
    assert refusal(server.post(body)) == code


def test_text_cut_through_an_emoji_is_taken(server: ServerClient) -> None:
    params = '{"command":"insertOne","collection":"cut","doc":{"name":"tom \\ud83d","emoji":"\\ud83d\\ude00"}}'
    assert server.answer("serverless.db.default.execute", params)["success"]
    (document,) = server.db("find", collection="cut")["result"]
    assert (document["name"], document["emoji"]) == ("tom \ufffd", "\U0001f600")


def test_clocks_of_clients_may_be_hours_off(client: GatewayClient, server: ServerClient) -> None:
    stamp = int(time.time() * 1000) - 3 * 3600 * 1000
    assert checked(client.post(client.body(ANONYMOUS, {}, timestamp=stamp)))["success"]
    assert refusal(server.post(server.body(PROFILE, {}, timestamp=stamp))) == "InvalidTimestamp.Expired"


def test_unknown_methods(client: GatewayClient) -> None:
    assert client.authorize().refused("serverless.nothing.here") == "InvalidMethod.Format"
    assert refusal(client.http.get(f"{client.endpoint}/client")) == "InvalidMethod.Format"


def test_browsers_may_call(client: GatewayClient) -> None:
    response = client.http.options(f"{client.endpoint}/client", headers={"origin": "http://h5.test"})
    assert response.status_code == 204
    assert "x-basement-token" in response.headers["access-control-allow-headers"]
    assert client.post(client.body(ANONYMOUS, {})).headers["access-control-allow-origin"] == "*"


def test_a_space_may_name_the_pages_it_serves(cloud: LiveServer, client: GatewayClient) -> None:
    cloud.services.spaces.set(client.space.id, {"cors_origins": "https://a.test, b.test"})
    for origin, welcome in (("https://a.test", True), ("http://b.test", True), ("https://c.test", False)):
        assert checked(client.post(client.body(ANONYMOUS, {}), origin=origin))["success"] is welcome
    assert checked(client.post(client.body(ANONYMOUS, {})))["success"], "mini programs send no origin"


def test_server_bodies_as_form_and_gzip(server: ServerClient) -> None:
    body = server.body(PROFILE, {})
    assert checked(server.post_form(body))["data"]["user"] == {"spaceId": server.space.id}
    assert checked(server.post_gzip(body))["success"]
    chunks = iter([json.dumps(body).encode()])
    response = server.http.post(
        f"{server.endpoint}/server", content=chunks, headers={"x-serverless-sign": server.sign(body)}
    )
    assert checked(response)["success"]


def test_broken_and_huge_gzip(server: ServerClient) -> None:
    headers = {"content-encoding": "gzip"}
    response = server.http.post(f"{server.endpoint}/server", content=b"no gzip", headers=headers)
    assert refusal(response) == "InvalidBody.Format"


def test_every_anonymous_authorization_is_a_new_user(client: GatewayClient) -> None:
    first = client.authorize().call(PROFILE)
    second = client.authorize().call(PROFILE)
    assert first["user"]["userId"] != second["user"]["userId"]
    assert first["user"].keys() == {"spaceId", "userId", "createdAt", "lastSeenAt"}
    assert first["userId"] == first["user"]["userId"], "the guide shows the fields flat"
    assert len(first["userId"]) == 24


@pytest.mark.parametrize("provider", ["alipay_openapi", "wechat_openapi", "dingtalk_openapi", None])
def test_providers_give_a_stable_user(client: GatewayClient, provider: str | None) -> None:
    params = {"authProvider": provider, "clientIdentifier": "app-1", "authCode": "code-1"}
    client.token = client.call(AUTHORIZE, params)["accessToken"]
    first = client.call(PROFILE)["user"]
    client.token = ""
    client.token = client.call(AUTHORIZE, params)["accessToken"]
    assert client.call(PROFILE)["user"]["userId"] == first["userId"]
    assert first["oAuthUserId"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"authProvider": "wechat_openapi", "clientIdentifier": "app-1"}, "InvalidParameter.AuthCode"),
        ({"authProvider": "qq_openapi", "authCode": "c"}, "InvalidParameter.AuthProvider"),
        ({"authProvider": 1}, "InvalidParameter"),
    ],
)
def test_refused_authorizations(client: GatewayClient, params: dict[str, Any], code: str) -> None:
    assert client.refused(AUTHORIZE, params) == code


def test_without_developer_login_a_platform_must_be_registered(cloud: LiveServer, client: GatewayClient) -> None:
    cloud.services.spaces.set(client.space.id, {"developer_login": False})
    params = {"authProvider": "wechat_openapi", "clientIdentifier": "app-1", "authCode": "code-1"}
    assert client.refused(AUTHORIZE, params) == "InvalidParameter.AuthCode"


@pytest.mark.parametrize("token", ["", "nonsense", "at_0123456789abcdef0123456789abcdef"])
def test_calls_without_a_valid_token_make_the_sdk_authorize_again(client: GatewayClient, token: str) -> None:
    client.token = token
    assert client.refused(PROFILE) == "GATEWAY_INVALID_TOKEN"


def test_a_token_of_another_space_is_refused(cloud: LiveServer, client: GatewayClient) -> None:
    other = client.of(cloud.create_space())
    client.token = other.authorize().token
    assert client.refused(PROFILE) == "GATEWAY_INVALID_TOKEN"


def test_acting_as_a_user(client: GatewayClient, server: ServerClient) -> None:
    user = client.authorize().call(PROFILE)["user"]
    assert server.answer(PROFILE, userId=user["userId"])["data"]["user"]["userId"] == user["userId"]
    unknown = server.answer(PROFILE, userId="62d901b1532130378100aaaa")["data"]["user"]
    assert unknown == {"spaceId": server.space.id, "userId": "62d901b1532130378100aaaa"}


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("serverless.http.proxy.request", "InvalidParameter"),
        ("serverless.redis.cli", "InvalidMethod.Format"),
        ("serverless.db.default.execute", "InvalidParameter"),
        ("serverless.function.runtime.invoke", "InvalidParameter"),
    ],
)
def test_methods_with_nothing_behind_them(server: ServerClient, method: str, code: str) -> None:
    assert server.refused(method) == code


def test_the_http_proxy_reaches_listed_hosts_only(
    cloud: LiveServer, client: GatewayClient, server: ServerClient
) -> None:
    method, url = "serverless.http.proxy.request", f"{cloud.endpoint}/healthz?a=1"
    host = cloud.endpoint.partition("://")[2]
    assert server.refused(method, {"method": "GET", "url": url}) == "PermissionDenied"
    cloud.services.spaces.set(server.space.id, {"http_proxy_hosts": f"a.test, {host}"})
    answer = server.call(method, {"method": "GET", "url": url, "headers": {"h": "1"}})
    assert (answer["status"], json.loads(answer["body"])) == (200, {"status": "ok"})
    assert client.authorize().refused(method, {"url": url}) == "PermissionDenied"
    for other in (f"http://{host}@evil.test/", "file:///etc/passwd", f"ftp://{host}/", "nonsense"):
        assert server.refused(method, {"url": other}) == "PermissionDenied"
    cloud.services.spaces.set(server.space.id, {"http_proxy_hosts": "127.0.0.1:1"})
    assert server.refused(method, {"url": "http://127.0.0.1:1/"}) == "HttpProxyError"


def test_functions_that_do_not_exist(client: GatewayClient) -> None:
    assert (
        client.authorize().refused("serverless.function.runtime.invoke", {"functionTarget": "nope"})
        == "FunctionNotFound"
    )


def test_the_clouds_own_alipay_function(cloud: LiveServer, client: GatewayClient, server: ServerClient) -> None:
    invoke, name = "serverless.function.runtime.invoke", "alipay-openapi"
    wanted = {"functionTarget": name, "functionArgs": {"method": "alipay.user.info.share", "params": {}}}
    assert client.authorize().refused(invoke, {"functionTarget": name}) == "InvalidParameter"
    assert client.refused(invoke, wanted) == "PermissionDenied"
    cloud.services.spaces.set(client.space.id, {"alipay_client_methods": "alipay.user.info.share, alipay.x"})
    assert client.refused(invoke, wanted) == "InvalidParameter.AppId", "allowed, but there is no app"
    assert server.refused(invoke, {"functionTarget": name}) == "InvalidParameter"
    asked = {"functionTarget": name, "functionArgs": {"method": "alipay.user.info.share"}}
    assert server.refused(invoke, asked) == "InvalidParameter.AppId"


def test_running_functions_call_the_same_methods(cloud: LiveServer, client: GatewayClient) -> None:
    session = cloud.services.identity.open_session(client.space, "anonymous", "app-1", None)
    caller = cloud.services.identity.verify_session(client.space, session.access_token).as_function("f", "client")
    answer = json.loads(cloud.call(host_call(cloud.services, caller, PROFILE, {})))
    assert answer["data"]["user"]["userId"] == session.user.user_id
    with pytest.raises(GatewayError) as refused:
        cloud.call(host_call(cloud.services, caller, "serverless.file.resource.report", {"id": "nope"}))
    assert refused.value.vendor_code == "FileNotFound"
    assert refused.value.data["code"] == "FileNotFound", "what the function sees as error.code"


def test_calls_are_counted_and_analytics_reports_kept(cloud: LiveServer, client: GatewayClient) -> None:
    client.authorize().call(PROFILE)
    client.refused(PROFILE, token="x")
    report = {"header": {"appkey": "k"}, "analytics": {"sessions": [{"id": "s1"}]}}
    assert client.call("serverless.huoban.youmeng.network.forward", report) == {"success": True}
    assert client.refused("serverless.huoban.youmeng.network.forward", {"x": "y" * 300_000}) == "LimitExceeded"
    statistics, today = cloud.services.statistics, day_of(time.time())
    calls = {counted.name: total for counted, total in statistics.totals(client.space.id, today, today, "method")}
    assert calls[PROFILE].calls == 1, "a call without a valid token is nobody's"
    assert calls[PROFILE].sent > 0
    (day,) = statistics.users(client.space.id, today, today)
    assert (day.active, day.new) == (1, 1)
    (kept,) = statistics.reports(client.space.id, today, today)
    assert kept.content == report


def test_refusals_are_logged_with_their_cause(client: GatewayClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="yunbox.mpserverless"):
        client.authorize().refused("serverless.function.runtime.invoke", {"functionTarget": "nope"})
        client.http.get(f"{client.endpoint}/?Action=ListSpace")
    assert "serverless.function.runtime.invoke failed: FunctionNotFound: function `nope` does not exist" in caplog.text
    assert "ListSpace failed: MissingAccessKeyId" in caplog.text
