"""Access tokens (JWT, signed with a key of their space) and refresh secrets."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import jwt

from yunbox.errors import Unauthenticated
from yunbox.identity.user import User
from yunbox.spaces import Space

ACCESS_SECONDS = 7200
REFRESH_SECONDS = 30 * 86400
_ALGORITHM = "HS256"
_SESSION_ID_LENGTH = 24


def new_user_id() -> str:
    """24 hex digits (USR-8), never all of them decimal: some SDKs would read that as a number."""
    return secrets.choice("abcdef") + secrets.token_hex(12)[1:]


def new_session_id() -> str:
    return secrets.token_hex(_SESSION_ID_LENGTH // 2)


def digest(secret: str) -> bytes:
    """What is stored of a secret that has enough randomness of its own."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def next_secret(space: Space, secret: str) -> str:
    """The refresh secret that follows ``secret``: always the same, so that a client that missed the answer can repeat."""
    return hmac.digest(_key(space, "refresh"), secret.encode(), hashlib.sha256).hex()


def join_token(session_id: str, secret: str, prefix: str) -> str:
    return f"{prefix}{session_id}{secret}"


def split_token(token: str, prefix: str) -> tuple[str, str]:
    """Session id and secret of a token made by :func:`join_token`.

    Raises:
        Unauthenticated: when it has another form.
    """
    body = token.removeprefix(prefix)
    if not token.startswith(prefix) or len(body) <= _SESSION_ID_LENGTH:
        raise Unauthenticated(
            "the token has the wrong form; sign in again / 登录凭证无效，请重新登录", reason="invalid"
        )
    return body[:_SESSION_ID_LENGTH], body[_SESSION_ID_LENGTH:]


def _key(space: Space, purpose: str) -> bytes:
    return hmac.digest(space.secret_key.encode(), f"{space.id} {purpose} tokens".encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says; ``expires_at`` in seconds since 1970."""

    session_id: str
    user_id: str
    expires_at: int


def issue(space: Space, user: User, provider: str, session_id: str, now: int) -> str:
    """An access token. Claims follow what js-sdk 2.x and 3.x decode: iss, sub, aud, exp, iat, scope, project_id."""
    claims: dict[str, Any] = {
        "iss": "yunbox",
        "sub": user.user_id,
        "aud": space.id,
        "iat": now,
        "exp": now + ACCESS_SECONDS,
        "scope": "anonymous" if provider == "anonymous" else "user",
        "project_id": space.id,
        "user_id": user.user_id,
        "provider_type": provider,
        "sid": session_id,
        "jti": secrets.token_hex(6),
    }
    return jwt.encode(claims, _key(space, "access"), algorithm=_ALGORITHM)


def read(space: Space, token: str, now: float) -> Claims:
    """The claims of a token of this space.

    Raises:
        Unauthenticated: ``reason`` is ``invalid`` or ``expired``.
    """
    try:
        claims = jwt.decode(
            token,
            _key(space, "access"),
            algorithms=[_ALGORITHM],
            audience=space.id,
            options={"require": ["exp", "sub", "sid"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        raise Unauthenticated(
            f"the access token is not one of space `{space.id}`; sign in again / 登录凭证无效，请重新登录",
            reason="invalid",
        ) from None
    if claims["exp"] <= now:
        raise Unauthenticated("the access token has expired / 登录凭证已过期", reason="expired")
    return Claims(claims["sid"], claims["sub"], claims["exp"])


def space_of(token: str) -> str:
    """The space that a token says it is of, unverified; ``""`` when it says nothing."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    return claims["aud"] if isinstance(claims.get("aud"), str) else ""
