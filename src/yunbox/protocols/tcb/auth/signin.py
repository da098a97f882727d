"""Signing in, refreshing and signing out (tencent-client.md §3)."""

from __future__ import annotations

import asyncio
from typing import Any

from yunbox.errors import InvalidRequest, Unauthenticated
from yunbox.identity import PlatformUser
from yunbox.identity.providers import WECHAT_PUBLIC, WECHAT_WEB
from yunbox.protocols.tcb.auth.credentials import credentials
from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()

_PROVIDER = "provider"
_PAGES = {provider.name: provider for provider in (WECHAT_WEB, WECHAT_PUBLIC)}
_NAMES = {"wx_open": WECHAT_WEB.name, "wx_mp": WECHAT_PUBLIC.name}
"""What applications call the two."""
VERIFIED = "verification"
_LOGINS = {"username": "username", "email": "email", "phone_number": "phone"}


@actions.add("POST signin/anonymously")
async def sign_in_anonymously(call: Call) -> Answer:
    if call.params.get("provider_token"):
        return await sign_in_with_provider(call)
    return credentials(await asyncio.to_thread(call.services.identity.sign_in_anonymously, call.space))


@actions.add("POST signin/custom")
async def sign_in_with_ticket(call: Call) -> Answer:
    ticket = call.text("ticket")
    return credentials(await asyncio.to_thread(call.services.identity.sign_in_with_ticket, call.space, ticket))


@actions.add("POST signin")
async def sign_in(call: Call) -> Answer:
    identity = call.services.identity
    if token := call.text("verification_token", ""):
        channel, target = identity.vouchers.spend(call.space.id, VERIFIED, token)
        return credentials(await asyncio.to_thread(identity.sign_in_with_contact, call.space, channel, target))
    name, login = login_of(call)
    kind = "email" if name == "username" and "@" in login else _LOGINS[name]
    password, address = call.text("password"), call.caller.client_ip
    return credentials(await identity.sign_in_with_password(call.space, login, password, kind=kind, client_ip=address))


actions.add("POST signin/username")(sign_in)


def login_of(call: Call) -> tuple[str, str]:
    """Which of user name, e-mail address and phone number is given, and its value.

    Raises:
        InvalidRequest: when none is.
    """
    for name in _LOGINS:
        if value := call.text(name, ""):
            return name, phone_number(value) if name == "phone_number" else value
    raise InvalidRequest("username, email or phone_number is missing / 缺少用户名、邮箱或手机号")


def phone_number(text: str) -> str:
    """A phone number without the space that SDKs put after the country code (``+86 138…``)."""
    return text.replace(" ", "")


@actions.add("POST signup")
async def sign_up(call: Call) -> Answer:
    identity = call.services.identity
    channel, target = identity.vouchers.spend(call.space.id, VERIFIED, call.text("verification_token"))
    user = identity.find_user(call.space, channel, target)
    if user is None:
        fields: dict[str, Any] = {channel: target}
        for name in ("username", "password"):
            if value := call.text(name, ""):
                fields[name] = value
        if name := call.text("name", ""):
            fields["profile"] = {"name": name}
        await asyncio.to_thread(lambda: identity.create_user(call.space, **fields))
    return credentials(await asyncio.to_thread(identity.sign_in_with_contact, call.space, channel, target))


@actions.add("POST token")
async def refresh(call: Call) -> Answer:
    if (grant := call.text("grant_type", "refresh_token")) != "refresh_token":
        raise InvalidRequest(f"grant_type `{grant}` is not supported; use refresh_token / 不支持的 grant_type")
    token = call.text("refresh_token")
    try:
        return credentials(await asyncio.to_thread(call.services.identity.refresh, call.space, token))
    except Unauthenticated as error:
        raise Unauthenticated(error.message, reason="grant") from None


@actions.add("POST revoke")
async def revoke(call: Call) -> Answer:
    await asyncio.to_thread(call.services.identity.sign_out, call.space, call.text("token", ""))
    return {}


@actions.add("POST provider/token")
async def provider_token(call: Call) -> Answer:
    provider, app_id = _provider(call)
    user = await call.services.identity.platform_user(call.space, provider, app_id, call.text("provider_code", ""))
    vouchers = call.services.identity.vouchers
    token = vouchers.issue(call.space.id, _PROVIDER, (provider, app_id, user))
    return {"provider_token": token, "expires_in": vouchers.seconds, "provider_profile": {"sub": user.external_id}}


def _provider(call: Call) -> tuple[str, str]:
    """Provider and app id behind a ``provider_id``, which is either's name (an app id for mini programs)."""
    wanted = _NAMES.get(call.text("provider_id"), call.text("provider_id"))
    params = call.params.get("provider_params")
    app_id = str(params.get("appid") or wanted) if isinstance(params, dict) else wanted
    for provider, registered, _ in call.services.spaces.apps(call.space.id):
        if registered == app_id:
            return provider, registered
        if provider == wanted:
            return provider, registered
    return "wechat", app_id


@actions.add("POST signin/with/provider")
async def sign_in_with_provider(call: Call) -> Answer:
    provider, app_id, user = spent_provider(call)
    session = await asyncio.to_thread(call.services.identity.sign_in_with_platform, call.space, provider, app_id, user)
    return credentials(session)


def spent_provider(call: Call) -> tuple[str, str, PlatformUser]:
    """The platform user that the call's ``provider_token`` stands for."""
    token = call.text("provider_token")
    held: tuple[str, str, PlatformUser] = call.services.identity.vouchers.spend(call.space.id, _PROVIDER, token)
    return held


@actions.add("GET provider/uri")
async def provider_uri(call: Call) -> Answer:
    """The platform's page that sends the visitor back with a code; for apps of WeChat's open platform and official accounts."""
    provider, app_id = _provider(call)
    page = _PAGES.get(provider)
    if page is None:
        raise InvalidRequest(
            "this login has no web page; register an app of `yunbox app add --provider wechat_web` or `wechat_public`,"
            " or use provider/token with a code / 该登录方式没有网页，请登记 wechat_web 或 wechat_public 应用",
            reason="unsupported",
        )
    redirect_uri = call.text("provider_redirect_uri", "") or call.text("redirect_uri")
    return {"uri": page.page_url(app_id, redirect_uri, call.text("state", ""))}
