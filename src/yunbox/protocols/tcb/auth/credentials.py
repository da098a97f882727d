"""What a successful sign-in answers, and users as this surface shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from yunbox.identity import Session, User

_PLATFORM_PROVIDERS = frozenset({"wechat", "wechat_web", "wechat_public", "alipay", "dingtalk", "developer", "ticket"})


def credentials(session: Session) -> dict[str, Any]:
    """Credentials; the scope ``anonymous`` is what SDKs tell anonymous logins by."""
    return {
        "token_type": "Bearer",
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "expires_in": session.expires_in,
        "scope": "anonymous" if session.provider == "anonymous" else "user",
        "sub": session.user.user_id,
        "groups": [],
    }


def profile(user: User) -> dict[str, Any]:
    """The answer of ``GET user/me``."""
    known = user.profile
    answer: dict[str, Any] = {
        "sub": user.user_id,
        "user_id": user.user_id,
        "name": known.get("name") or user.username or ("anonymous" if user.provider == "anonymous" else ""),
        "picture": known.get("picture", ""),
        "gender": known.get("gender", ""),
        "groups": [],
        "meta": {},
        "providers": providers(user),
        "created_from": user.provider,
        "created_at": datetime.fromtimestamp(user.created_at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "email_verified": user.email is not None,
        "has_password": user.has_password,
        "status": "ACTIVE",
    }
    optional = {"username": user.username, "email": user.email, "phone_number": user.phone}
    return answer | {name: value for name, value in optional.items() if value}


def providers(user: User) -> list[dict[str, str]]:
    """The platforms through which a user signs in."""
    linked = (identity for identity in user.identities if identity.provider in _PLATFORM_PROVIDERS)
    return [{"id": login.app_id or login.provider, "provider_user_id": login.external_id} for login in linked]
