from __future__ import annotations

import jwt
import pytest

from tests.identity.conftest import Clock
from yunbox.errors import Unauthenticated
from yunbox.identity import IdentityService
from yunbox.identity.service import new_device
from yunbox.spaces import Space, SpaceService


def reason(error: pytest.ExceptionInfo[Unauthenticated]) -> object:
    return error.value.data["reason"]


def test_an_access_token_names_its_user(identity: IdentityService, space: Space) -> None:
    session = identity.sign_in_anonymously(space)
    caller = identity.verify(space, session.access_token)
    assert (caller.kind, caller.space, caller.user_id) == ("user", "demo", session.user.user_id)
    assert caller.openid is None
    assert caller.owner == session.user.user_id
    claims = jwt.decode(session.access_token, options={"verify_signature": False})
    assert claims["sub"] == session.user.user_id
    assert claims["exp"] - claims["iat"] == session.expires_in == 7200


def test_anonymous_users_are_known_by_their_device_secret(identity: IdentityService, space: Space) -> None:
    device = new_device()
    first = identity.sign_in_anonymously(space, device)
    assert identity.sign_in_anonymously(space, device).user.user_id == first.user.user_id
    assert identity.sign_in_anonymously(space).user.user_id != first.user.user_id
    assert identity.sign_in_anonymously(space, first.user.user_id).user.user_id != first.user.user_id


def test_spaces_share_no_user_and_no_token(identity: IdentityService, space: Space, spaces: SpaceService) -> None:
    other = spaces.create("other")
    device = new_device()
    mine, theirs = identity.sign_in_anonymously(space, device), identity.sign_in_anonymously(other, device)
    assert mine.user.user_id != theirs.user.user_id
    for token in (mine.access_token, mine.access_token + "x", "", "a.b.c"):
        with pytest.raises(Unauthenticated) as error:
            identity.verify(other, token)
        assert reason(error) == "invalid"
    with pytest.raises(Unauthenticated):
        identity.refresh(other, mine.refresh_token)


def test_a_space_made_anew_knows_no_old_token(identity: IdentityService, spaces: SpaceService) -> None:
    session = identity.sign_in_anonymously(spaces.create("again"))
    spaces.delete("again")
    fresh = spaces.create("again")
    with pytest.raises(Unauthenticated):
        identity.verify(fresh, session.access_token)


def test_an_expired_token_says_so(identity: IdentityService, space: Space, clock: Clock) -> None:
    session = identity.sign_in_anonymously(space)
    clock.advance(session.expires_in)
    with pytest.raises(Unauthenticated) as error:
        identity.verify(space, session.access_token)
    assert reason(error) == "expired"
    identity.verify(space, identity.refresh(space, session.refresh_token).access_token)


def test_refresh_tokens_rotate_and_a_copy_ends_the_session(identity: IdentityService, space: Space) -> None:
    first = identity.sign_in_anonymously(space)
    second = identity.refresh(space, first.refresh_token)
    assert second.refresh_token != first.refresh_token
    repeated = identity.refresh(space, first.refresh_token)
    assert repeated.refresh_token == second.refresh_token
    third = identity.refresh(space, second.refresh_token)
    with pytest.raises(Unauthenticated):
        identity.refresh(space, first.refresh_token)
    with pytest.raises(Unauthenticated):
        identity.refresh(space, third.refresh_token)
    with pytest.raises(Unauthenticated):
        identity.verify(space, third.access_token)


def test_a_refresh_token_expires_when_it_is_not_used(identity: IdentityService, space: Space, clock: Clock) -> None:
    session = identity.sign_in_anonymously(space)
    clock.advance(29 * 86400)
    session = identity.refresh(space, session.refresh_token)
    clock.advance(30 * 86400)
    with pytest.raises(Unauthenticated) as error:
        identity.refresh(space, session.refresh_token)
    assert reason(error) == "expired"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_signing_out_ends_one_session_at_once(identity: IdentityService, space: Space, which: str) -> None:
    session, other = (identity.session_for_openid(space, "oAlice") for _ in range(2))
    identity.verify(space, session.access_token)
    identity.sign_out(space, getattr(session, which))
    with pytest.raises(Unauthenticated):
        identity.verify(space, session.access_token)
    with pytest.raises(Unauthenticated):
        identity.refresh(space, session.refresh_token)
    assert identity.verify(space, other.access_token).openid == "oAlice"
    identity.sign_out_everywhere(space, other.user.user_id)
    with pytest.raises(Unauthenticated):
        identity.verify(space, other.access_token)


def test_sign_out_ignores_what_it_does_not_know(identity: IdentityService, space: Space) -> None:
    for token in ("", "rt_", "rt_" + "0" * 60, "at_" + "0" * 60, "x.y.z"):
        identity.sign_out(space, token)


def test_sessions_survive_a_restart(
    identity: IdentityService, spaces: SpaceService, space: Space, clock: Clock
) -> None:
    session = identity.sign_in_anonymously(space)
    opaque = identity.open_session(space, "alipay", "2021", "2088123412341234")
    identity.close()
    again = IdentityService(spaces, full_sync=False, clock=clock)
    assert again.verify(space, session.access_token).user_id == session.user.user_id
    assert again.verify_session(space, opaque.access_token).user_id == opaque.user.user_id
    assert again.refresh(space, session.refresh_token).user.user_id == session.user.user_id
    again.close()


def test_openids_and_platforms_meet_in_one_user(identity: IdentityService, space: Space) -> None:
    session = identity.session_for_openid(space, "oAlice")
    opaque = identity.open_session(space, "wechat", "wx1", "oAlice", unionid="u1")
    assert opaque.user.user_id == session.user.user_id
    caller = identity.verify_session(space, opaque.access_token)
    assert (caller.openid, caller.owner, caller.provider, caller.app_id) == ("oAlice", "oAlice", "wechat", "wx1")


def test_opaque_sessions_slide(identity: IdentityService, space: Space, clock: Clock) -> None:
    session = identity.open_session(space, "anonymous", "wx1", None)
    assert session.expires_in == 600
    assert session.refresh_token == ""
    clock.advance(599)
    identity.verify_session(space, session.access_token)
    for _ in range(3):
        clock.advance(1799)
        identity.verify_session(space, session.access_token)
    clock.advance(1800)
    with pytest.raises(Unauthenticated) as error:
        identity.verify_session(space, session.access_token)
    assert reason(error) == "expired"


def test_opaque_sessions_end_unused(identity: IdentityService, space: Space, clock: Clock) -> None:
    session = identity.open_session(space, "anonymous", "wx1", None)
    clock.advance(600)
    with pytest.raises(Unauthenticated):
        identity.verify_session(space, session.access_token)


def test_provider_logins_are_stable_and_anonymous_ones_are_not(identity: IdentityService, space: Space) -> None:
    def user_id(provider: str, app: str, external: str | None) -> str:
        return identity.open_session(space, provider, app, external).user.user_id

    assert user_id("alipay", "a1", "2088") == user_id("alipay", "a1", "2088")
    assert user_id("alipay", "a1", "2088") != user_id("alipay", "a2", "2088")
    assert user_id("alipay", "a1", "2088") != user_id("dingtalk", "a1", "2088")
    assert user_id("anonymous", "a1", None) != user_id("anonymous", "a1", None)
    made = user_id("alipay", "a1", "2088")
    assert len(made) == 24
    assert int(made, 16)
    assert not made.isdigit()


def test_the_two_kinds_of_tokens_do_not_mix(identity: IdentityService, space: Space) -> None:
    access = identity.sign_in_anonymously(space).access_token
    opaque = identity.open_session(space, "anonymous", "a", None).access_token
    identity.verify(space, access)
    with pytest.raises(Unauthenticated):
        identity.verify_session(space, access)
    with pytest.raises(Unauthenticated):
        identity.verify(space, opaque)
    for forged in (opaque[:-1], "at_" + identity.sign_in_anonymously(space).refresh_token[3:]):
        with pytest.raises(Unauthenticated):
            identity.verify_session(space, forged)
    with pytest.raises(Unauthenticated):
        identity.refresh(space, "rt_" + opaque[3:])


def test_a_disabled_user_is_out_at_once(identity: IdentityService, space: Space) -> None:
    session = identity.session_for_openid(space, "oBob")
    opaque = identity.open_session(space, "wechat", "wx1", "oBob")
    identity.change_user(space, session.user.user_id, disabled=True)
    with pytest.raises(Unauthenticated):
        identity.verify(space, session.access_token)
    with pytest.raises(Unauthenticated):
        identity.verify_session(space, opaque.access_token)
    with pytest.raises(Unauthenticated) as error:
        identity.session_for_openid(space, "oBob")
    assert reason(error) == "blocked"
    with pytest.raises(Unauthenticated):
        identity.caller_for(space, session.user.user_id)
    identity.change_user(space, session.user.user_id, disabled=False)
    assert identity.session_for_openid(space, "oBob").user.user_id == session.user.user_id


def test_guests_are_nobody(identity: IdentityService, space: Space) -> None:
    guest = identity.guest(space)
    assert (guest.kind, guest.owner, guest.is_admin) == ("guest", None, False)
