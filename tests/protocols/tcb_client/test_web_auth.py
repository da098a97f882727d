from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.protocols.tcb_client.clients import WebClient
from tests.server import LiveServer


@pytest.fixture
def web(cloud: LiveServer) -> WebClient:
    return WebClient(cloud, cloud.create_space())


def test_anonymous_users_come_back_by_uuid_or_refresh_token(web: WebClient) -> None:
    first = web.call("auth.signInAnonymously", anonymous_uuid="", refresh_token="")
    assert set(first) == {"requestId", "uuid", "refresh_token"}
    again = web.call("auth.signInAnonymously", anonymous_uuid=first["uuid"], refresh_token="")
    kept = web.call("auth.signInAnonymously", anonymous_uuid=first["uuid"], refresh_token=first["refresh_token"])
    assert kept["refresh_token"] == first["refresh_token"]
    assert web.uid(first["refresh_token"]) == web.uid(again["refresh_token"])
    other = web.call("auth.signInAnonymously", anonymous_uuid="", refresh_token="")
    assert web.uid(other["refresh_token"]) != web.uid(first["refresh_token"])


def test_access_tokens_have_a_duration_in_milliseconds_and_no_new_refresh_token(web: WebClient) -> None:
    signed_in = web.call("auth.signInAnonymously")
    answer = web.call("auth.fetchAccessTokenWithRefreshToken", refresh_token=signed_in["refresh_token"])
    assert answer["access_token_expire"] == 7_200_000
    assert "refresh_token" not in answer


def test_user_info(web: WebClient) -> None:
    token = web.sign_in()
    info = web.call("auth.getUserInfo", access_token=token)["data"]
    assert info["loginType"] == "ANONYMOUS"
    assert info["hasPassword"] is False
    web.call("auth.updateUserInfo", access_token=token, nickName="云", gender="FEMALE", bogus=1)
    changed = web.call("auth.getUserInfo", access_token=token)["data"]
    assert (changed["nickName"], changed["gender"]) == ("云", "FEMALE")
    assert "bogus" not in changed


def test_names_and_passwords(web: WebClient) -> None:
    token = web.sign_in()
    assert web.call("auth.isUsernameRegistered", username="alice")["data"] == {"isRegistered": False}
    web.call("auth.updateUsername", access_token=token, username="alice")
    assert web.call("auth.isUsernameRegistered", username="alice")["data"] == {"isRegistered": True}
    web.call("auth.updatePassword", access_token=token, oldPassword="", newPassword="Passw0rd!")
    wrong = web.error("auth.signIn", loginType="USERNAME", username="alice", password="nope")
    assert wrong == "INVALID_USERNAME_OR_PASSWORD"
    assert "access_token" not in web.call("auth.signIn", loginType="USERNAME", username="alice", password="Passw0rd!")


def test_phone_codes(web: WebClient) -> None:
    assert web.call("auth.sendPhoneCode", phoneNumber="+8613800000000")["data"] == {"SendStatus": "Ok"}
    call = {"loginType": "PHONE", "phoneNumber": "+8613800000000"}
    assert web.error("auth.signIn", **call, phoneCode="000000") == "AUTH_LOGIN_FAILED"
    first = web.call("auth.signIn", **call, phoneCode="123456")
    assert web.error("auth.signIn", **call, phoneCode="123456") == "AUTH_LOGIN_FAILED"
    web.call("auth.sendPhoneCode", phoneNumber="+8613800000000")
    assert web.uid(web.call("auth.signIn", **call, phoneCode="123456")["refresh_token"]) == web.uid(
        first["refresh_token"]
    )


def test_developer_login_of_mini_programs(web: WebClient) -> None:
    answers = [
        web.call("auth.signIn", loginType="WECHAT-MINIAPP", appid="wx1", code=code) for code in ("d1", "d1", "d2")
    ]
    first, same, other = (web.uid(answer["refresh_token"]) for answer in answers)
    assert first == same != other
    info = web.call("auth.getUserInfo", access_token=web.access_token(answers[0]["refresh_token"]))["data"]
    assert info["loginType"] == "WECHAT"
    assert len(info["wxOpenId"]) == 28


def test_signing_out(web: WebClient) -> None:
    refresh = web.call("auth.signInAnonymously")["refresh_token"]
    access = web.access_token(refresh)
    assert web.call("auth.logout", refresh_token=refresh).keys() == {"requestId"}
    assert web.error("auth.getUserInfo", access_token=access) == "ACCESS_TOKEN_EXPIRED"
    assert web.error("auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh) == "INVALID_REFRESH_TOKEN"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"action": "auth.getUserInfo"}, "CHECK_LOGIN_FAILED"),
        ({"action": "auth.getUserInfo", "access_token": "x.y.z"}, "CHECK_LOGIN_FAILED"),
        ({"action": "auth.getUserInfo", "access_token": 7}, "INVALID_PARAM"),
        ({"action": "auth.fetchAccessTokenWithRefreshToken", "refresh_token": "rt_x"}, "INVALID_REFRESH_TOKEN"),
        ({"action": "auth.signInWithTicket", "ticket": "a/@@/b"}, "AUTH_INVALID_CUSTOM_LOGIN_TICKET"),
        ({"action": "auth.signInWithTicket"}, "INVALID_PARAM"),
        ({"action": "auth.signIn", "loginType": "NONE"}, "INVALID_PARAM"),
        ({"action": "no.such"}, "INVALID_PARAM"),
        ({"action": 7}, "INVALID_PARAM"),
        ({}, "INVALID_PARAM"),
        ({"action": "auth.signInAnonymously", "env": "nowhere"}, "INVALID_ENV"),
    ],
)
def test_refusals(cloud: LiveServer, web: WebClient, call: dict[str, Any], code: str) -> None:
    answer = httpx.post(f"{cloud.endpoint}/web", json={"env": web.space.id, **call})
    assert answer.status_code == 200
    assert answer.json()["code"] == code
    assert answer.json()["requestId"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_bodies_that_are_no_call(cloud: LiveServer, body: bytes) -> None:
    answer = httpx.post(f"{cloud.endpoint}/any/prefix/web?env=x", content=body)
    assert answer.status_code == 200
    assert answer.json()["code"] == "INVALID_PARAM"


def test_tokens_of_another_space_are_refused(cloud: LiveServer, web: WebClient) -> None:
    other = WebClient(cloud, cloud.create_space())
    assert other.error("auth.getUserInfo", access_token=web.sign_in()) == "CHECK_LOGIN_FAILED"
