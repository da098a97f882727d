"""What a user and a session are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yunbox.caller import Caller

SHARED = "shared"
"""The provider of users who come from another space."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One way in which a user signs in. ``external_id`` is the platform's id of the user within ``app_id``."""

    provider: str
    app_id: str
    external_id: str


@dataclass(frozen=True, slots=True)
class User:
    """A user of one space. Times are milliseconds since 1970.

    ``openid`` is set for users of WeChat and of the developer provider; it is then their owner mark in documents.
    ``provider`` is how the user was first seen; ``profile`` holds what the user says about itself (``nickName`` …).
    """

    user_id: str
    provider: str
    created_at: int
    last_seen_at: int
    openid: str | None = None
    unionid: str | None = None
    username: str | None = None
    email: str | None = None
    phone: str | None = None
    has_password: bool = False
    disabled: bool = False
    profile: Mapping[str, Any] = field(default_factory=dict)
    identities: tuple[Identity, ...] = ()

    def external_id(self, provider: str) -> str | None:
        """The platform's id of this user at ``provider``, if it ever signed in through it."""
        for identity in self.identities:
            if identity.provider == provider:
                return identity.external_id
        return None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user: the tokens to hand to the client.

    ``refresh_token`` is empty for sessions that cannot be refreshed (:meth:`IdentityService.open_session`);
    ``expires_in`` are the seconds for which ``access_token`` holds.
    """

    user: User
    provider: str
    app_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


def profile_from(entered: Caller, claims: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a user who comes from another space."""
    home = {
        "space": entered.from_space,
        "openid": entered.from_openid,
        "app_id": entered.from_app_id,
        "unionid": entered.from_unionid,
    }
    return {"home": home, "claims": dict(claims)}


def _from_another(space: str, user: User) -> Caller:
    """Somebody who comes from another space, whose grant is all that the call can rely on."""
    home = user.profile.get("home", {})
    return Caller(
        kind="user",
        space=space,
        user_id=user.user_id,
        provider=SHARED,
        source="client",
        grantee=str(home.get("space", "")),
        from_space=home.get("space", ""),
        from_openid=home.get("openid"),
        from_app_id=home.get("app_id"),
        from_unionid=home.get("unionid"),
        claims=user.profile.get("claims"),
    )


def caller_of(space: str, user: User, provider: str = "", app_id: str = "") -> Caller:
    """The caller that ``user`` is when it calls through a session of ``provider``."""
    if user.provider == SHARED:
        return _from_another(space, user)
    return Caller(
        kind="user",
        space=space,
        user_id=user.user_id,
        openid=user.openid,
        unionid=user.unionid,
        app_id=app_id or None,
        provider=provider or user.provider,
        source="client",
    )
