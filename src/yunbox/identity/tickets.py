"""Custom login tickets: a space's owner signs them with a key file, clients exchange them for a session (USR-12)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from yunbox.errors import Unauthenticated

SEPARATOR = "/@@/"


@dataclass(frozen=True, slots=True)
class TicketKey:
    """A new signing key. Only ``public_key`` stays on the server."""

    key_id: str
    private_key: str
    public_key: str

    def file(self, space_id: str) -> dict[str, str]:
        """The content of the key file, as ``createTicket`` of tcb-admin-node@1.23.0 and node-sdk@3.18.3 reads it."""
        return {"private_key_id": self.key_id, "private_key": self.private_key, "env_id": space_id}


def new_key() -> TicketKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return TicketKey(secrets.token_hex(16), pem.decode(), public.decode())


def key_id_of(ticket: str) -> str:
    return ticket.partition(SEPARATOR)[0]


def read(ticket: str, public_key: str, now: float) -> tuple[str, int | None]:
    """The user's id in the owner's system, and when the login ends (ms since 1970) if the ticket says so.

    Raises:
        Unauthenticated: when the ticket was not signed with this key, has expired or names nobody.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            ticket.partition(SEPARATOR)[2],
            public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError:
        raise Unauthenticated(
            "the login ticket's signature is wrong / 自定义登录凭证签名无效", reason="ticket"
        ) from None
    if not isinstance(expires := claims.get("exp"), int | float) or expires < now * 1000:
        raise Unauthenticated("the login ticket has expired; make a new one / 自定义登录凭证已过期", reason="ticket")
    if not isinstance(uid := claims.get("uid"), str) or not uid:
        raise Unauthenticated("the login ticket names no uid / 自定义登录凭证缺少 uid", reason="ticket")
    expire = claims.get("expire")
    return uid, int(expire) if isinstance(expire, int | float) else None
