"""Auth actions of tcb-js-sdk and js-sdk 1.x (tencent-client.md §2.2)."""

from __future__ import annotations

import asyncio
import contextlib

from yunbox.errors import InvalidRequest, Unauthenticated
from yunbox.identity import Identity, Session
from yunbox.identity.service import new_device
from yunbox.protocols.tcb.sharing import enter
from yunbox.protocols.tcb.web.call import Actions, Answer, Call
from yunbox.protocols.tcb.web.profiles import profile_of, user_info

actions = Actions()

_SHORTEST_DEVICE = 16
_PLATFORMS = {
    "WECHAT-MINIAPP": "wechat",
    "WECHAT-OPEN": "wechat_web",
    "WECHAT-PUBLIC": "wechat_public",
    "ALIPAY-MINIAPP": "alipay",
    "DINGTALK-MINIAPP": "dingtalk",
}


def _signed_in(session: Session) -> Answer:
    # 1.8.4 would store an access_token's duration as an absolute time, so only the refresh token is given.
    return {"refresh_token": session.refresh_token}


@actions.add("auth.signInAnonymously")
async def sign_in_anonymously(call: Call) -> Answer:
    device = call.text("anonymous_uuid", "")
    with contextlib.suppress(Unauthenticated):
        if device and (token := call.text("refresh_token", "")):
            session = call.services.identity.refresh(call.space, token, rotate=False)
            if session.provider == "anonymous":
                return {"uuid": device, "refresh_token": session.refresh_token}
    if len(device) < _SHORTEST_DEVICE:
        device = new_device()
    session = await asyncio.to_thread(call.services.identity.sign_in_anonymously, call.space, device)
    return {"uuid": device, "refresh_token": session.refresh_token}


@actions.add("auth.signInWithTicket")
async def sign_in_with_ticket(call: Call) -> Answer:
    return _signed_in(
        await asyncio.to_thread(call.services.identity.sign_in_with_ticket, call.space, call.text("ticket"))
    )


@actions.add("auth.signIn")
async def sign_in(call: Call) -> Answer:
    kind = call.text("loginType")
    if kind in _PLATFORMS:
        return _signed_in(await _sign_in_with_platform(call, _PLATFORMS[kind]))
    if kind == "PHONE" and "phoneCode" in call.params:
        phone, code = call.text("phoneNumber"), call.text("phoneCode")
        return _signed_in(call.services.identity.sign_in_with_code(call.space, "phone", phone, code))
    fields = {"USERNAME": "username", "EMAIL": "email", "PHONE": "phoneNumber"}
    if kind not in fields:
        raise InvalidRequest(f"unknown loginType `{kind}` / 不支持的登录类型 {kind}")
    session = await call.services.identity.sign_in_with_password(
        call.space,
        call.text(fields[kind]),
        call.text("password"),
        kind="phone" if kind == "PHONE" else fields[kind],
        client_ip=call.caller.client_ip,
    )
    return _signed_in(session)


async def _sign_in_with_platform(call: Call, provider: str) -> Session:
    identity, app_id = call.services.identity, call.text("appid", "")
    user = await identity.platform_user(call.space, provider, app_id, call.text("code"))
    return await asyncio.to_thread(identity.sign_in_with_platform, call.space, provider, app_id, user)


@actions.add("auth.getJwt")
async def get_jwt(call: Call) -> Answer:
    session = await _sign_in_with_platform(call, _PLATFORMS.get(call.text("loginType"), "wechat_public"))
    return {"refresh_token": session.refresh_token}


@actions.add("auth.fetchAccessTokenWithRefreshToken")
async def fetch_access_token(call: Call) -> Answer:
    # No new refresh token: 1.8.4 and tcb-js-sdk fetch again, for ever, when they are given one.
    session = await asyncio.to_thread(
        lambda: call.services.identity.refresh(call.space, call.text("refresh_token"), rotate=False)
    )
    return {"access_token": session.access_token, "access_token_expire": session.expires_in * 1000}


@actions.add("auth.getCrossAccountToken")
async def enter_shared_environment(call: Call) -> Answer:
    """A session in a shared environment: ``new Cloud({resourceAppid, resourceEnv}).init()`` of our client."""
    user = call.user()
    entered, claims = await enter(call.services, call.caller, call.text("resource_env"))
    space = call.services.spaces.get(entered.space)
    session = await asyncio.to_thread(call.services.identity.sign_in_from, space, entered, user.user_id, claims)
    return _signed_in(session)


@actions.add("auth.logout")
async def logout(call: Call) -> Answer:
    call.services.identity.sign_out(call.space, call.text("refresh_token", ""))
    return {}


@actions.add("auth.getUserInfo")
async def get_user_info(call: Call) -> Answer:
    return {"data": user_info(call.user(), call.caller.provider or "")}


@actions.add("auth.updateUserInfo")
async def update_user_info(call: Call) -> Answer:
    """Answers with the whole user: 1.x SDKs keep it in place of what they knew."""
    user = call.user()
    changed = call.services.identity.change_user(
        call.space, user.user_id, profile=profile_of(call.params, user.profile)
    )
    return {"data": user_info(changed, call.caller.provider or "")}


@actions.add("auth.isUsernameRegistered")
async def is_username_registered(call: Call) -> Answer:
    found = call.services.identity.find_user(call.space, "username", call.text("username"))
    return {"data": {"isRegistered": found is not None}}


@actions.add("auth.updateUsername")
async def update_username(call: Call) -> Answer:
    call.services.identity.change_user(call.space, call.user().user_id, username=_name(call.text("username")))
    return {}


def _name(username: str) -> str:
    if not 1 <= len(username) <= 64 or username.isspace():
        raise InvalidRequest("a user name has 1 to 64 characters / 用户名长度为 1 到 64 位")
    return username


@actions.add("auth.updatePassword")
async def update_password(call: Call) -> Answer:
    user = call.user()
    await _check_password(call, call.text("oldPassword", "") if user.has_password else None)
    new = call.text("newPassword")
    await asyncio.to_thread(call.services.identity.change_password, call.space, user.user_id, new, call.token)
    return {}


async def _check_password(call: Call, password: str | None) -> None:
    """
    Raises:
        Unauthenticated: when ``password`` is given and is not the user's.
    """
    user = call.user()
    if password is None:
        return
    if not await asyncio.to_thread(call.services.identity.check_password, call.space, user.user_id, password):
        raise Unauthenticated("wrong password / 密码不正确", reason="password")


@actions.add("auth.sendPhoneCode")
async def send_phone_code(call: Call) -> Answer:
    await call.services.identity.send_code(call.space, "phone", call.text("phoneNumber"))
    return {"data": {"SendStatus": "Ok"}}


@actions.add("auth.linkOrUpdatePhoneNumber")
async def link_phone(call: Call) -> Answer:
    phone = call.text("phoneNumber")
    call.services.identity.check_last_code(call.space, "phone", phone, call.text("phoneCode"))
    call.services.identity.change_user(call.space, call.user().user_id, phone=phone)
    return {}


@actions.add("auth.linkWithTicket")
async def link_with_ticket(call: Call) -> Answer:
    uid, _ = call.services.identity.read_ticket(call.space, call.text("ticket"))
    call.services.identity.link(call.space, call.user().user_id, Identity("ticket", "", uid))
    return {}


@actions.add("auth.linkWithWeixinCode")
async def link_with_code(call: Call) -> Answer:
    app_id = call.text("appid")
    platform = await call.services.identity.platform_user(call.space, "wechat_public", app_id, call.text("code"))
    login = Identity("wechat_public", app_id, platform.external_id)
    call.services.identity.link(call.space, call.user().user_id, login)
    return {}


@actions.add("auth.unlink")
async def unlink(call: Call) -> Answer:
    platform = call.text("platform")
    names = {"CUSTOM": "ticket", "WECHAT": "wechat", **_PLATFORMS}
    call.services.identity.unlink(call.space, call.user().user_id, names.get(platform, platform.lower()))
    return {}


@actions.add("auth.getLinkedUidList")
async def linked_users(call: Call) -> Answer:
    return {"data": {"users": [user_info(call.user(), call.caller.provider or "")]}}
