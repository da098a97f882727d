from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.identity.conftest import Clock
from yunbox.errors import (
    AlreadyExists,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from yunbox.identity import Identity, IdentityService
from yunbox.identity.passwords import Throttle, hash_password, matches
from yunbox.spaces import Space


async def test_password_sign_in(identity: IdentityService, space: Space) -> None:
    user = identity.create_user(space, username="alice", password="Passw0rd!", profile={"nickName": "A"})
    session = await identity.sign_in_with_password(space, "alice", "Passw0rd!")
    assert session.user.user_id == user.user_id
    assert session.user.profile == {"nickName": "A"}
    for login, password in (("alice", "nope"), ("bob", "Passw0rd!"), ("", "")):
        with pytest.raises(Unauthenticated) as error:
            await identity.sign_in_with_password(space, login, password)
        assert error.value.data["reason"] == "password"


async def test_a_disabled_user_cannot_sign_in(identity: IdentityService, space: Space) -> None:
    user = identity.create_user(space, username="carol", password="secret-1")
    identity.change_user(space, user.user_id, disabled=True)
    with pytest.raises(PermissionDenied):
        await identity.sign_in_with_password(space, "carol", "secret-1")


async def test_guessing_is_slowed_down(identity: IdentityService, space: Space, clock: Clock) -> None:
    identity.create_user(space, username="alice", password="Passw0rd!")
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await identity.sign_in_with_password(space, "alice", "guess", client_ip="10.0.0.1")
    with pytest.raises(LimitExceeded):
        await identity.sign_in_with_password(space, "alice", "Passw0rd!", client_ip="10.0.0.2")
    clock.advance(300)
    await identity.sign_in_with_password(space, "alice", "Passw0rd!", client_ip="10.0.0.1")


def test_failures_are_forgotten_in_time(clock: Clock) -> None:
    throttle = Throttle(clock, limit=2, window=60)
    for _ in range(2):
        throttle.check("a")
        throttle.fail("a")
    with pytest.raises(LimitExceeded):
        throttle.check("a")
    throttle.check("b")
    clock.advance(60)
    throttle.check("a")
    throttle.fail("a")
    throttle.succeed("a")
    throttle.check("a")


def test_passwords_are_argon2id() -> None:
    stored = hash_password("long enough")
    assert stored.startswith("$argon2id$")
    assert matches(stored, "long enough")
    assert not matches(stored, "long enough ")
    assert not matches(None, "no user has this password")
    for bad in ("", "short", "x" * 257):
        with pytest.raises(InvalidRequest):
            hash_password(bad)


@pytest.mark.parametrize("field", ["username", "email", "phone"])
def test_names_are_unique(identity: IdentityService, space: Space, field: str) -> None:
    identity.create_user(space, **{field: "same"})
    with pytest.raises(AlreadyExists) as error:
        identity.create_user(space, **{field: "same"})
    assert error.value.data["field"] == field
    other = identity.create_user(space, username="other")
    with pytest.raises(AlreadyExists):
        identity.change_user(space, other.user_id, **{field: "same"})


async def test_a_password_of_ones_own_keeps_the_session_it_was_set_in(identity: IdentityService, space: Space) -> None:
    user = identity.create_user(space, username="alice", password="the old one")
    here = await identity.sign_in_with_password(space, "alice", "the old one")
    there = await identity.sign_in_with_password(space, "alice", "the old one")
    identity.change_password(space, user.user_id, "another one", here.access_token)
    assert identity.verify(space, here.access_token).user_id == user.user_id
    assert identity.refresh(space, here.refresh_token).user.user_id == user.user_id
    for call in (identity.verify, identity.refresh):
        with pytest.raises(Unauthenticated):
            call(space, there.access_token if call == identity.verify else there.refresh_token)
    assert identity.check_password(space, user.user_id, "another one")


def test_a_new_password_ends_all_sessions(identity: IdentityService, space: Space) -> None:
    session = identity.session_for_openid(space, "oAlice")
    identity.change_user(space, session.user.user_id, password="another one")
    with pytest.raises(Unauthenticated):
        identity.verify(space, session.access_token)
    assert identity.check_password(space, session.user.user_id, "another one")
    assert not identity.check_password(space, session.user.user_id, "the old one")


def test_users_are_listed_by_last_visit(identity: IdentityService, space: Space, clock: Clock) -> None:
    for openid in ("oA", "oB", "oC"):
        identity.session_for_openid(space, openid)
        clock.advance(10)
    identity.session_for_openid(space, "oA")
    assert [user.openid for user in identity.list_users(space)] == ["oA", "oC", "oB"]
    assert [user.openid for user in identity.list_users(space, limit=1, offset=1)] == ["oC"]
    assert identity.count_users(space) == 3


def test_deleting_a_user(identity: IdentityService, space: Space) -> None:
    session = identity.session_for_openid(space, "oA")
    identity.delete_user(space, session.user.user_id)
    with pytest.raises(NotFound):
        identity.user(space, session.user.user_id)
    with pytest.raises(Unauthenticated):
        identity.verify(space, session.access_token)
    assert identity.session_for_openid(space, "oA").user.user_id != session.user.user_id


def test_linking_a_second_login(identity: IdentityService, space: Space) -> None:
    user = identity.create_user(space, username="alice")
    login = Identity("wechat", "wx1", "oX")
    assert identity.link(space, user.user_id, login).external_id("wechat") == "oX"
    assert identity.open_session(space, "wechat", "wx1", "oX").user.user_id == user.user_id
    other = identity.create_user(space, username="bob")
    with pytest.raises(AlreadyExists):
        identity.link(space, other.user_id, login)
    assert identity.unlink(space, user.user_id, "wechat").identities == ()


def ticket(key: dict[str, str], clock: Clock, **changes: Any) -> str:
    now = int(clock() * 1000)
    claims = {
        "alg": "RS256",
        "env": key["env_id"],
        "iat": now,
        "exp": now + 600_000,
        "uid": "user-7",
        "refresh": 3_600_000,
        "expire": now + 86_400_000,
        **changes,
    }
    return key["private_key_id"] + "/@@/" + jwt.encode(claims, key["private_key"], algorithm="RS256")


def test_ticket_sign_in(identity: IdentityService, space: Space, clock: Clock) -> None:
    key = identity.new_ticket_key(space)
    assert set(key) == {"private_key_id", "private_key", "env_id"}
    first = identity.sign_in_with_ticket(space, ticket(key, clock))
    assert first.user.external_id("ticket") == "user-7"
    assert identity.sign_in_with_ticket(space, ticket(key, clock)).user.user_id == first.user.user_id
    clock.advance(86_400)
    with pytest.raises(Unauthenticated):
        identity.refresh(space, first.refresh_token)


@pytest.mark.parametrize(
    "changes", [{"exp": 0}, {"exp": None}, {"uid": ""}, {"uid": 7}, {"uid": None}], ids=lambda changes: str(changes)
)
def test_bad_tickets(identity: IdentityService, space: Space, clock: Clock, changes: dict[str, Any]) -> None:
    key = identity.new_ticket_key(space)
    with pytest.raises(Unauthenticated):
        identity.sign_in_with_ticket(space, ticket(key, clock, **changes))


def test_tickets_of_other_keys(identity: IdentityService, space: Space, clock: Clock) -> None:
    old = identity.new_ticket_key(space)
    new = identity.new_ticket_key(space)
    stolen = {**old, "private_key_id": new["private_key_id"]}
    for text in (ticket(old, clock), ticket(stolen, clock), "", "x/@@/y", new["private_key_id"] + "/@@/a.b.c"):
        with pytest.raises(Unauthenticated):
            identity.sign_in_with_ticket(space, text)
