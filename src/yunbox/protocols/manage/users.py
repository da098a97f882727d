"""Users of a space, and sessions of theirs for tests and debugging."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.identity.user import User
from yunbox.protocols.manage.routing import Call, Row


def shown(user: User) -> dict[str, Any]:
    """A user without anything secret."""
    return {
        "user_id": user.user_id,
        "openid": user.openid,
        "unionid": user.unionid,
        "provider": user.provider,
        "username": user.username,
        "email": user.email,
        "phone": user.phone,
        "disabled": user.disabled,
        "profile": dict(user.profile),
        "created_at": user.created_at,
        "last_seen_at": user.last_seen_at,
    }


async def list_users(call: Call) -> Any:
    """Users, the last seen first."""
    users = call.services.identity.list_users(call.space, call.number("limit", 100), call.number("offset", 0))
    return [shown(user) for user in users]


async def make_token(call: Call) -> Any:
    """A session of the user with ``openid``, who is made when there is none (DESIGN §6)."""
    content = await call.body()
    openid = content.get("openid")
    if not isinstance(openid, str):
        raise InvalidRequest("`openid` is missing / 缺少 openid")
    session = call.services.identity.session_for_openid(call.space, openid, str(content.get("app_id") or ""))
    return {
        "user_id": session.user.user_id,
        "openid": session.user.openid,
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "expires_in": session.expires_in,
    }


_FIELDS = ("username", "email", "phone", "password", "profile")


async def create_user(call: Call) -> Any:
    """A user with a user name, an e-mail address or a phone number, and perhaps a password."""
    content = await call.body()
    _check_fields(content, _FIELDS)
    return shown(await asyncio.to_thread(lambda: call.services.identity.create_user(call.space, **content)))


async def make_ticket_key(call: Call) -> Any:
    """The key file that signs custom login tickets; the one before it stops working."""
    return await asyncio.to_thread(call.services.identity.new_ticket_key, call.space)


def _check_fields(content: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    if unknown := [name for name in content if name not in allowed]:
        raise InvalidRequest(f"unknown field `{unknown[0]}`; use {', '.join(allowed)}")


async def change_user(call: Call) -> Any:
    """Disable or enable a user, or change what is known of it."""
    content = await call.body()
    _check_fields(content, (*_FIELDS, "disabled"))
    return shown(call.services.identity.change_user(call.space, call.names["user"], **content))


async def delete_user(call: Call) -> Any:
    """Remove a user and its sessions; its documents stay."""
    call.services.identity.delete_user(call.space, call.names["user"])
    return {"deleted": call.names["user"]}


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/users", list_users),
    ("POST", "spaces/{space}/users", create_user),
    ("POST", "spaces/{space}/users/token", make_token),
    ("POST", "spaces/{space}/users/ticket-key", make_ticket_key),
    ("PATCH", "spaces/{space}/users/{user}", change_user),
    ("DELETE", "spaces/{space}/users/{user}", delete_user),
)
