"""A user's own data."""

from __future__ import annotations

import asyncio
from typing import Any

from yunbox.errors import InvalidRequest, PermissionDenied, Unauthenticated
from yunbox.identity import Identity
from yunbox.identity.senders import Channel
from yunbox.protocols.tcb.auth.credentials import credentials, profile, providers
from yunbox.protocols.tcb.auth.signin import VERIFIED, login_of, phone_number, spent_provider
from yunbox.protocols.tcb.auth.verification import spend_proof
from yunbox.protocols.tcb.web.call import Actions, Answer, Call
from yunbox.protocols.tcb.web.profiles import profile_of

actions = Actions()

_SUDO = "sudo"
_CONTACTS: dict[Channel, tuple[str, ...]] = {"email": ("email",), "phone": ("phone", "phone_number")}


@actions.add("GET user/me")
async def me(call: Call) -> Answer:
    return profile(call.user())


@actions.add("PATCH user/profile")
async def change_profile(call: Call) -> Answer:
    user = call.user()
    fields: dict[str, Any] = {"profile": profile_of(call.params, user.profile)}
    if username := call.text("username", ""):
        fields["username"] = username
    for channel, names in _CONTACTS.items():
        if target := next((phone_number(value) for name in names if (value := call.text(name, ""))), ""):
            fields[channel] = spend_proof(call, channel, target)
    return profile(call.services.identity.change_user(call.space, user.user_id, **fields))


actions.add("POST user/profile")(change_profile)
actions.add("POST user/basic/edit")(change_profile)


@actions.add("GET checkIfUserExist")
async def exists(call: Call) -> Answer:
    name, value = login_of(call)
    kind = "phone" if name == "phone_number" else name
    return {"exist": call.services.identity.find_user(call.space, kind, value) is not None}


@actions.add("GET checkUsername")
async def check_username(call: Call) -> Answer:
    username = call.text("username")
    if call.services.identity.find_user(call.space, "username", username) is not None:
        raise InvalidRequest("this user name is taken / 用户名已被使用")
    return {}


@actions.add("POST user/sudo")
async def sudo(call: Call) -> Answer:
    """A token for what needs the password, or a fresh code, once more."""
    identity, user = call.services.identity, call.user()
    if token := call.text("verification_token", ""):
        channel, target = identity.vouchers.spend(call.space.id, VERIFIED, token)
        if target != (user.email if channel == "email" else user.phone):
            raise PermissionDenied("the code was sent to somebody else / 验证码与当前用户不符")
    elif not await asyncio.to_thread(identity.check_password, call.space, user.user_id, call.text("password", "")):
        raise Unauthenticated("wrong password / 密码不正确", reason="password")
    return {"sudo_token": identity.vouchers.issue(call.space.id, _SUDO, user.user_id)}


def _check_sudo(call: Call) -> None:
    if call.services.identity.vouchers.redeem(call.space.id, _SUDO, call.text("sudo_token", "")) != call.caller.user_id:
        raise PermissionDenied("the sudo_token is another user's / sudo_token 与当前用户不符")


@actions.add("PATCH user/password")
async def change_password(call: Call) -> Answer:
    identity, user = call.services.identity, call.user()
    if call.params.get("sudo_token"):
        _check_sudo(call)
    elif user.has_password:
        old = call.text("old_password", "")
        if not await asyncio.to_thread(identity.check_password, call.space, user.user_id, old):
            raise Unauthenticated("wrong password / 密码不正确", reason="password")
    new = call.text("new_password")
    await asyncio.to_thread(identity.change_password, call.space, user.user_id, new, call.token)
    return {}


actions.add("POST user/password")(change_password)


@actions.add("POST reset")
async def reset_password(call: Call) -> Answer:
    """A new password for whoever proved to own the e-mail address or phone number."""
    identity = call.services.identity
    channel, target = identity.vouchers.spend(call.space.id, VERIFIED, call.text("verification_token"))
    user = identity.find_user(call.space, channel, target)
    if user is None:
        raise InvalidRequest("nobody has this e-mail address or phone number / 用户不存在")
    new = call.text("new_password")
    await asyncio.to_thread(lambda: identity.change_user(call.space, user.user_id, password=new))
    return credentials(await asyncio.to_thread(identity.sign_in_with_contact, call.space, channel, target))


@actions.add("PATCH user/contact")
async def change_contact(call: Call) -> Answer:
    """Take over an e-mail address or phone number that was proven."""
    identity, user = call.services.identity, call.user()
    channel, target = identity.vouchers.spend(call.space.id, VERIFIED, call.text("verification_token"))
    return profile(identity.change_user(call.space, user.user_id, **{channel: target}))


actions.add("POST user/contact")(change_contact)


@actions.add("DELETE user/me")
async def delete_me(call: Call) -> Answer:
    user = call.user()
    if user.has_password:
        _check_sudo(call)
    call.services.identity.delete_user(call.space, user.user_id)
    return profile(user)


@actions.add("POST user/signout")
async def sign_out_everywhere(call: Call) -> Answer:
    call.services.identity.sign_out_everywhere(call.space, call.user().user_id)
    return {}


actions.add("POST user/revoke/all")(sign_out_everywhere)


@actions.add("GET user/provider")
async def list_providers(call: Call) -> Answer:
    found = providers(call.user())
    return {"total": len(found), "data": found}


@actions.add("POST user/provider/bind")
async def bind_provider(call: Call) -> Answer:
    user = call.user()
    provider, app_id, platform = spent_provider(call)
    call.services.identity.link(call.space, user.user_id, Identity(provider, app_id, platform.external_id))
    return {}


@actions.add("DELETE user/provider/*")
async def unbind_provider(call: Call) -> Answer:
    user, wanted = call.user(), call.text("*")
    for login in user.identities:
        if wanted in (login.app_id, login.provider):
            call.services.identity.unlink(call.space, user.user_id, login.provider)
    return {}


@actions.add("GET user/query")
@actions.add("POST user/query")
async def query_users(call: Call) -> Answer:
    """What everybody may know of some users: name and picture. Asked for by ``username``, or by ``id``: a list, in a
    query with commas.
    """
    call.user()
    kind, wanted = "user_id", call.params.get("id")
    if username := call.text("username", ""):
        kind, wanted = "username", [username]
    elif isinstance(wanted, str) and wanted:
        wanted = wanted.split(",")
    if not isinstance(wanted, list) or len(wanted) > 50:
        raise InvalidRequest("give `id`, at most 50 user ids, or `username` / 请提供 id（不超过 50 个）或 username")
    found = [profile(user) for user in _known(call, kind, wanted)]
    public = ("sub", "name", "picture", "gender")
    return {"total": len(found), "data": [{name: user[name] for name in public} for user in found]}


def _known(call: Call, kind: str, wanted: list[Any]) -> list[Any]:
    users = (call.services.identity.find_user(call.space, kind, str(name)) for name in wanted)
    return [user for user in users if user is not None]
