from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.tcb_client.clients import AuthClient
from tests.server import LiveServer


@pytest.fixture
def auth(cloud: LiveServer) -> AuthClient:
    return AuthClient(cloud, cloud.create_space())


def verified(auth: AuthClient, **target: str) -> str:
    """A verification token for an e-mail address or phone number."""
    sent = auth.post("verification", **target)
    proven = auth.post("verification/verify", verification_id=sent["verification_id"], verification_code="123456")
    token: str = proven["verification_token"]
    return token


def test_anonymous_credentials(auth: AuthClient) -> None:
    session = auth.post("signin/anonymously")
    assert session["token_type"] == "Bearer"
    assert session["scope"] == "anonymous"
    assert session["expires_in"] == 7200
    me = auth.get("user/me", session["access_token"])
    assert me["sub"] == session["sub"]
    assert auth.post("signin/anonymously")["sub"] != session["sub"]


def test_refresh_tokens_rotate(auth: AuthClient) -> None:
    first = auth.post("signin/anonymously")
    body = {"client_id": auth.space.id, "client_secret": "", "grant_type": "refresh_token"}
    second = auth.post("token", **body, refresh_token=first["refresh_token"])
    assert second["sub"] == first["sub"]
    assert second["refresh_token"] != first["refresh_token"]
    auth.post("token", **body, refresh_token=second["refresh_token"])
    assert auth.error("token", **body, refresh_token=first["refresh_token"]) == (400, "invalid_grant")


def test_revoke_ends_the_session(auth: AuthClient) -> None:
    session = auth.post("signin/anonymously")
    assert auth.post("revoke", token=session["access_token"]) == {}
    assert auth.request("GET", "user/me", token=session["access_token"]).status_code == 401
    assert auth.error("token", refresh_token=session["refresh_token"]) == (400, "invalid_grant")
    assert auth.post("revoke", token="unknown") == {}


def test_sign_up_by_code_then_with_a_password(auth: AuthClient) -> None:
    token = verified(auth, email="bob@example.com")
    session = auth.post(
        "signup", email="bob@example.com", verification_token=token, password="Passw0rd!", username="bob"
    )
    assert auth.get("checkIfUserExist?username=bob") == {"exist": True}
    assert auth.get("checkIfUserExist?username=eve") == {"exist": False}
    for login in ({"username": "bob"}, {"email": "bob@example.com"}, {"username": "bob@example.com"}):
        assert auth.post("signin", **login, password="Passw0rd!")["sub"] == session["sub"]
    assert auth.error("signin", username="bob", password="nope") == (400, "invalid_password")
    assert auth.error("signin", username="eve", password="Passw0rd!") == (400, "invalid_password")
    again = auth.post("signin", username="bob", verification_token=verified(auth, email="bob@example.com"))
    assert again["sub"] == session["sub"]


def test_codes_are_checked_and_used_once(auth: AuthClient) -> None:
    sent = auth.post("verification", phone_number="+86 13800000000")
    assert sent["is_user"] is False
    proof = {"verification_id": sent["verification_id"]}
    assert auth.error("verification/verify", **proof, verification_code="1")[1] == "invalid_verification_code"
    token = auth.post("verification/verify", **proof, verification_code="123456")["verification_token"]
    assert auth.error("verification/verify", **proof, verification_code="123456")[1] == "invalid_verification_code"
    assert auth.post("signin", verification_token=token)["sub"]
    assert auth.error("signin", verification_token=token) == (400, "invalid_grant")
    assert auth.post("verification", phone_number="+86 13800000000")["is_user"] is True


def test_a_code_cannot_be_guessed_by_trying(auth: AuthClient) -> None:
    sent = auth.post("verification", email="a@example.com")
    for guess in range(5):
        auth.error("verification/verify", verification_id=sent["verification_id"], verification_code=str(guess))
    right = {"verification_id": sent["verification_id"], "verification_code": "123456"}
    assert auth.error("verification/verify", **right)[1] == "invalid_verification_code"


def test_too_many_codes_are_refused(auth: AuthClient) -> None:
    for _ in range(5):
        auth.post("verification", email="a@example.com")
    assert auth.error("verification", email="a@example.com") == (429, "resource_exhausted")


def test_mini_program_login_through_a_provider_token(auth: AuthClient) -> None:
    asked: dict[str, Any] = {
        "provider_id": "wx1",
        "provider_code": "device-1",
        "provider_params": {"provider_code_type": "open_id", "appid": "wx1"},
    }
    token = auth.post("provider/token", **asked)["provider_token"]
    session = auth.post("signin/with/provider", provider_token=token)
    assert auth.error("signin/with/provider", provider_token=token) == (400, "invalid_grant")
    again = auth.post("provider/token", **asked)["provider_token"]
    assert auth.post("signin/anonymously", provider_token=again)["sub"] == session["sub"]
    me = auth.get("user/me", session["access_token"])
    assert me["providers"][0]["id"] == "wx1"


def test_profile_changes_also_without_patch(auth: AuthClient) -> None:
    token = auth.post("signin/anonymously")["access_token"]
    answer = auth.request("PATCH", "user/profile", {"name": "云", "picture": "p.png"}, token)
    assert (answer.json()["name"], answer.json()["picture"]) == ("云", "p.png")
    answer = auth.request("POST", "user/profile", {"name": "雨"}, token, {"x-http-method-override": "PATCH"})
    assert (answer.json()["name"], answer.json()["picture"]) == ("雨", "p.png")


def test_changing_a_password_needs_the_old_one(auth: AuthClient) -> None:
    token = auth.post("signup", verification_token=verified(auth, email="c@example.com"), password="Passw0rd!")[
        "access_token"
    ]
    elsewhere = auth.post("signin", email="c@example.com", password="Passw0rd!")["access_token"]
    wrong = auth.request("PATCH", "user/password", {"old_password": "x", "new_password": "Another1"}, token)
    assert wrong.json()["error"] == "invalid_password"
    sudo = auth.post("user/sudo", token, password="Passw0rd!")["sudo_token"]
    assert auth.request("PATCH", "user/password", {"sudo_token": sudo, "new_password": "Another1"}, token).is_success
    assert auth.request("GET", "user/me", token=token).is_success
    assert auth.request("GET", "user/me", token=elsewhere).status_code == 401
    assert auth.post("signin", email="c@example.com", password="Another1")


def test_deleting_oneself(auth: AuthClient) -> None:
    session = auth.post("signin/anonymously")
    assert auth.request("DELETE", "user/me", token=session["access_token"]).status_code == 200
    assert auth.request("GET", "user/me", token=session["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("signin", {}, (400, "invalid_argument")),
        ("signin/custom", {"ticket": "x/@@/y"}, (400, "invalid_grant")),
        ("signup", {"verification_token": "x"}, (400, "invalid_grant")),
        ("verification", {}, (400, "invalid_argument")),
        ("token", {"grant_type": "password"}, (400, "invalid_argument")),
        ("no/such/path", {}, (501, "unimplemented")),
        ("user/sudo", {}, (401, "unauthenticated")),
    ],
)
def test_refusals(auth: AuthClient, path: str, body: dict[str, str], expected: tuple[int, str]) -> None:
    assert auth.error(path, **body) == expected


def test_tokens_say_which_space_they_are_of(cloud: LiveServer, auth: AuthClient) -> None:
    other = AuthClient(cloud, cloud.create_space())
    session = other.post("signin/anonymously")
    assert auth.get("user/me", session["access_token"])["sub"] == session["sub"]
    assert auth.request("GET", "user/me", token="a.b.c").status_code == 401
    assert auth.error("token", refresh_token=session["refresh_token"]) == (400, "invalid_grant")
