"""Who a client is: signing in, tokens, users."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from yunbox.caller import Caller
from yunbox.errors import AlreadyExists, InvalidRequest, NotFound, PermissionDenied, Unauthenticated
from yunbox.identity import passwords, tickets, tokens
from yunbox.identity.codes import Codes
from yunbox.identity.fields import prepared, unique_names
from yunbox.identity.providers import (
    WECHAT_PUBLIC,
    WECHAT_WEB,
    Alipay,
    App,
    DingTalk,
    PlatformUser,
    Provider,
    WeChat,
    developer_user,
)
from yunbox.identity.senders import Channel, Sender
from yunbox.identity.sessions import TokenCache, Verified
from yunbox.identity.store import SessionRow, UserStore
from yunbox.identity.syncing import SharedSync
from yunbox.identity.user import SHARED, Identity, Session, User, caller_of, profile_from
from yunbox.identity.vouchers import Vouchers
from yunbox.spaces import Space, SpaceService

REFRESH_PREFIX = "rt_"
OPAQUE_PREFIX = "at_"
OPAQUE_FIRST_SECONDS = 600
OPAQUE_SLIDING_SECONDS = 1800
_STORE_EVERY_SECONDS = 60
_OPENID_PROVIDERS = ("wechat", "developer")
_EXPIRED_EVERY = 500
DEFAULT_API_URLS = {
    "wechat": "https://api.weixin.qq.com",
    "alipay": "https://openapi.alipay.com/gateway.do",
    "dingtalk": "https://oapi.dingtalk.com",
}


@dataclass(slots=True)
class _Users:
    """What is open of one space."""

    store: UserStore
    log: SharedSync
    access: TokenCache
    opaque: TokenCache

    def forget_session(self, session_id: str) -> None:
        self.access.forget_session(session_id)
        self.opaque.forget_session(session_id)

    def forget_user(self, user_id: str) -> None:
        self.access.forget_user(user_id)
        self.opaque.forget_user(user_id)


class IdentityService:
    """Users and sessions of all spaces.

    ``developer_login`` lets anyone sign in as anyone where a space does not say otherwise (DESIGN §9.9);
    ``api_urls`` are the base URLs by platform; with ``full_sync`` sessions survive a power cut;
    ``sender`` delivers one-time codes.

    All methods that are not ``async`` may be called from any thread; those that write cost one small transaction.
    Two spaces never share a user, a session or a signing key.
    """

    def __init__(
        self,
        spaces: SpaceService,
        *,
        developer_login: bool = False,
        api_urls: Mapping[str, str] | None = None,
        full_sync: bool = True,
        sender: Sender | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spaces = spaces
        self._developer_login = developer_login
        self._full_sync = full_sync
        self._clock = clock
        self._open: dict[str, _Users] = {}
        self._lock = threading.Lock()
        self._client: httpx.AsyncClient | None = None
        known: tuple[Provider, ...] = (WeChat(), WECHAT_WEB, WECHAT_PUBLIC, Alipay(), DingTalk())
        self._providers = {provider.name: provider for provider in known}
        self._api_urls = {**DEFAULT_API_URLS, **(api_urls or {})}
        self._guesses = passwords.Throttle(clock, limit=10, window=300)
        self._guesses_from = passwords.Throttle(clock, limit=100, window=300)
        self._opened = 0
        self._codes = Codes(clock, sender, lambda space: self._users(space).store)
        self.vouchers = Vouchers(clock, 600)
        spaces.on_delete(self._close_space)

    # Signing in

    def sign_in_anonymously(self, space: Space, device: str | None = None) -> Session:
        """A session of the anonymous user behind ``device`` (a secret that :func:`new_device` made and the client
        keeps); without one, of a new user."""
        identity = Identity("anonymous", "", tokens.digest(device or new_device()).hex())
        with self._users(space).store.transaction():
            return self._start(space, self._ensure(space, identity), identity)

    def session_for_openid(self, space: Space, openid: str, app_id: str = "") -> Session:
        """A session of the user with this openid, made when there is none: for tests, debugging and ``users token``."""
        identity = Identity("developer", app_id, openid)
        if not openid or len(openid) > 128:
            raise InvalidRequest("an openid has 1 to 128 characters / openid 长度为 1 到 128 位")
        return self._start(space, self._ensure(space, identity, openid=openid), identity)

    def sign_in_with_platform(self, space: Space, provider: str, app_id: str, platform_user: PlatformUser) -> Session:
        """A session of the user whom a platform vouched for (:meth:`platform_user`)."""
        identity = Identity(provider, app_id, platform_user.external_id)
        user = self._ensure(space, identity, openid=platform_user.openid, unionid=platform_user.unionid)
        return self._start(space, user, identity)

    def sign_in_with_ticket(self, space: Space, ticket: str) -> Session:
        """A session of the user that a login ticket names (USR-12); raises as :meth:`read_ticket`."""
        uid, ends = self.read_ticket(space, ticket)
        identity = Identity("ticket", "", uid)
        return self._start(space, self._ensure(space, identity), identity, ends)

    def read_ticket(self, space: Space, ticket: str) -> tuple[str, int | None]:
        """The uid that a login ticket names, and when the login ends (ms since 1970) if it says so.

        Raises:
            Unauthenticated: when the ticket is not signed with this space's current key, or has expired.
        """
        public_key = self._users(space).store.ticket_key(tickets.key_id_of(ticket))
        if public_key is None:
            raise Unauthenticated(
                "the login ticket was not signed with this space's key file / 自定义登录凭证不是由当前密钥签发的",
                reason="ticket",
            )
        return tickets.read(ticket, public_key, self._clock())

    def sign_in_from(self, space: Space, entered: Caller, external_id: str, claims: Mapping[str, Any]) -> Session:
        """A session in ``space`` of the user ``external_id`` of another space, who has ``entered`` by a grant; ``claims`` are
        what rules see of it besides."""
        identity, users = Identity(SHARED, entered.from_space or "", external_id), self._users(space)
        with users.store.transaction():
            user = self._ensure(space, identity)
            users.store.change_user(user.user_id, {"profile": profile_from(entered, claims)})
        users.forget_user(user.user_id)
        return self._start(space, self.user(space, user.user_id), identity)

    async def sign_in_with_password(
        self, space: Space, login: str, password: str, *, kind: str = "username", client_ip: str = ""
    ) -> Session:
        """A session of the user whose ``kind`` (``username``, ``email``, ``phone``) is ``login``.

        Raises:
            Unauthenticated: for a wrong password and for an unknown user alike.
            LimitExceeded: after too many failures for this user or from this address.
        """
        name, address = f"{space.id}\0{kind}\0{login}", f"{space.id}\0{client_ip}"
        self._guesses.check(name)
        self._guesses_from.check(address)
        store = self._users(space).store
        user = store.find_user(kind, login)
        stored = store.password(user.user_id) if user else None
        if not await asyncio.to_thread(passwords.matches, stored, password) or user is None:
            self._guesses.fail(name)
            self._guesses_from.fail(address)
            raise Unauthenticated("wrong user name or password / 用户名或密码不正确", reason="password")
        self._guesses.succeed(name)
        return self._start(space, user, Identity("password", "", login))

    def open_session(
        self,
        space: Space,
        provider: str,
        app_id: str,
        external_id: str | None,
        *,
        openid: str | None = None,
        unionid: str | None = None,
        sync: bool = True,
    ) -> Session:
        """A session with an opaque access token: 10 minutes at first, 30 minutes after every call (aliyun-wire.md §2.3).

        ``external_id`` is the platform's user id; the same one gives the same user of the space and app. ``None`` gives
        a new anonymous user each time. Without ``sync`` the session is only to be told after :meth:`synced`.
        """
        identity = Identity(provider if external_id else "anonymous", app_id, external_id or secrets.token_hex(16))
        if openid is None and provider in _OPENID_PROVIDERS:
            openid = external_id
        users, now = self._users(space), self._clock()
        with users.store.transaction() if sync else users.store.unsynced_transaction():
            user = self._ensure(space, identity, openid=openid, unionid=unionid)
            row, secret = self._new_session(user, identity, now + OPAQUE_FIRST_SECONDS, OPAQUE_PREFIX)
            self._drop_expired(users.store)
            users.store.add_session(row)
        token = tokens.join_token(row.session_id, secret, OPAQUE_PREFIX)
        caller = caller_of(space.id, user, identity.provider, app_id)
        users.opaque.put(
            token, Verified(caller, row.session_id, now + OPAQUE_FIRST_SECONDS, now + OPAQUE_FIRST_SECONDS)
        )
        return Session(user, identity.provider, app_id, token, "", OPAQUE_FIRST_SECONDS)

    async def synced(self, space: Space) -> None:
        """Wait until every session opened so far survives a power cut, if sessions should."""
        if self._full_sync:
            await self._users(space).log.wait()

    async def platform_user(self, space: Space, provider: str, app_id: str, code: str) -> PlatformUser:
        """The user behind a platform's login code. Where no such app is registered and developer login is allowed,
        a made-up user that is always the same for the same code.

        Raises:
            Unauthenticated: when the platform refuses the code, or nobody can check it.
        """
        if not code:
            raise InvalidRequest("the login code is missing / 缺少登录 code")
        config = self._spaces.app(space.id, provider, app_id)
        if config is not None and provider in self._providers:
            vendor = self._spaces.app(space.id, provider, str(config.get("isv_app_id") or "")) or {}
            app = App(app_id, str(config.get("secret", "")), {**vendor, **config})
            asked = self._providers[provider]
            return await asked.resolve(self._http(), self._api_urls[asked.platform], app, code)
        if self.allows_developer(space):
            return developer_user(space.id, app_id, code)
        raise Unauthenticated(
            f"app `{app_id}` is not registered for {provider} logins in space `{space.id}`; register it with"
            f" `yunbox app add --space {space.id} --provider {provider} --app-id {app_id} --secret-file FILE`"
            " / 该应用尚未登记，无法登录",
            reason="app",
        )

    async def call_alipay(self, space: Space, app_id: str, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Alipay's answer to a method of its open API, signed with the keys of a registered app of the space: ``app_id``,
        or the only one there is.

        Raises:
            Unauthenticated: when no such app is registered.
        """
        apps = {app: config for _, app, config in self._spaces.apps(space.id, "alipay")}
        chosen = app_id if app_id in apps else next(iter(apps), "") if len(apps) == 1 else ""
        if not chosen:
            raise Unauthenticated(
                f"space `{space.id}` has no Alipay app `{app_id}`; register it with `yunbox app add --space {space.id}"
                f" --provider alipay --app-id {app_id or 'ID'} --secret-file FILE` / 未登记支付宝应用",
                reason="app",
            )
        app = App(chosen, str(apps[chosen].get("secret", "")), apps[chosen])
        return await Alipay().call(self._http(), self._api_urls["alipay"], app, method, params)

    def allows_developer(self, space: Space) -> bool:
        """Whether anyone may sign in as anyone (DESIGN §9.9)."""
        choice = space.settings.get("developer_login")
        if choice is not None:
            return bool(choice)
        return self._developer_login or bool(self._spaces.apps(space.id, "developer"))

    # One-time codes

    async def send_code(self, space: Space, channel: Channel, target: str) -> str:
        """Send a code by e-mail or phone; returns the name for :meth:`check_code`.

        Raises:
            InvalidRequest: when the target is unusable or this server has no way to send.
            LimitExceeded: after too many codes for one target.
        """
        if not 3 <= len(target) <= 254 or (channel == "email") != ("@" in target):
            raise InvalidRequest(f"`{target}` is no {channel} to send a code to / 接收验证码的地址无效")
        return await self._codes.send(space, channel, target, developer=self.allows_developer(space))

    def check_code(self, space: Space, name: str, code: str) -> tuple[Channel, str]:
        """The channel and target that a code proves to belong to the client; the code is used up.

        Raises:
            Unauthenticated: ``reason`` is ``code``.
        """
        return self._codes.check(space, name, code)

    def sign_in_with_code(self, space: Space, channel: Channel, target: str, code: str) -> Session:
        """A session of the user with this e-mail address or phone number, proven by the last code sent to it."""
        self.check_last_code(space, channel, target, code)
        return self.sign_in_with_contact(space, channel, target)

    def check_last_code(self, space: Space, channel: Channel, target: str, code: str) -> None:
        """Check ``code`` against the last one sent to ``target``; raises as :meth:`check_code`."""
        self._codes.check_target(space, channel, target, code)

    def sign_in_with_contact(self, space: Space, channel: Channel, target: str) -> Session:
        """A session of the user with a contact that was proven; a new user when there is none."""
        user = self.find_user(space, channel, target) or self.create_user(space, **{channel: target})
        return self._start(space, self._usable(self._users(space).store, user.user_id), Identity(channel, "", target))

    # Tokens

    def verify(self, space: Space, access_token: str) -> Caller:
        """The caller behind an access token.

        Raises:
            Unauthenticated: ``reason`` is ``invalid``, ``expired``, ``revoked`` or ``blocked``.
        """
        users = self._users(space)
        if found := users.access.get(access_token):
            return found.caller
        claims = tokens.read(space, access_token, self._clock())
        row = self._live_session(users.store, claims.session_id)
        caller = caller_of(space.id, self._usable(users.store, row.user_id), row.provider, row.app_id)
        users.access.put(access_token, Verified(caller, row.session_id, claims.expires_at))
        return caller

    def verify_session(self, space: Space, access_token: str) -> Caller:
        """The caller behind a token of :meth:`open_session`; the token then holds for another 30 minutes.

        Raises:
            Unauthenticated: ``reason`` as for :meth:`verify`.
        """
        users, now = self._users(space), self._clock()
        found = users.opaque.get(access_token) or self._load_opaque(space, users, access_token)
        found.expires_at = now + OPAQUE_SLIDING_SECONDS
        if found.expires_at - found.stored_until > _STORE_EVERY_SECONDS:
            users.store.extend(found.session_id, _ms(found.expires_at), str(found.caller.user_id), _ms(now))
            found.stored_until = found.expires_at
        return found.caller

    def _load_opaque(self, space: Space, users: _Users, token: str) -> Verified:
        session_id, secret = tokens.split_token(token, OPAQUE_PREFIX)
        row = self._live_session(users.store, session_id)
        if not secrets.compare_digest(row.secret, tokens.digest(OPAQUE_PREFIX + secret)):
            raise Unauthenticated("the access token is not valid / 登录凭证无效", reason="invalid")
        caller = caller_of(space.id, self._usable(users.store, row.user_id), row.provider, row.app_id)
        found = Verified(caller, session_id, row.expires_at / 1000, row.expires_at / 1000)
        users.opaque.put(token, found)
        return found

    def identify(self, access_token: str) -> Caller:
        """The caller behind an access token of any space: for requests that do not name theirs.

        Raises:
            Unauthenticated: ``reason`` as for :meth:`verify`.
        """
        space_id = tokens.space_of(access_token)
        if space_id not in self._spaces:
            raise Unauthenticated("the access token is not valid / 登录凭证无效", reason="invalid")
        return self.verify(self._spaces.get(space_id), access_token)

    def refresh(self, space: Space, refresh_token: str, *, rotate: bool = True) -> Session:
        """New tokens for a refresh token.

        The token before it keeps working until the new one has been used, so a client that missed the answer can
        repeat; an older one ends the session, because somebody copied it. ``rotate=False`` keeps the refresh token.

        Raises:
            Unauthenticated: ``reason`` as for :meth:`verify`.
        """
        store = self._users(space).store
        session_id, secret = tokens.split_token(refresh_token, REFRESH_PREFIX)
        with store.transaction():
            row = self._live_session(store, session_id)
            user = self._usable(store, row.user_id)
            following = tokens.next_secret(space, secret)
            given = tokens.digest(REFRESH_PREFIX + secret)
            if secrets.compare_digest(given, row.secret):
                self._renew(store, row, following if rotate else secret, given)
                store.see_user(user.user_id, _ms(self._clock()))
            elif row.previous is None or not secrets.compare_digest(given, row.previous):
                store.delete_session(session_id)
        if store.session(session_id) is None:
            self._users(space).forget_session(session_id)
            raise Unauthenticated(
                "the refresh token was used before; sign in again / 登录已失效，请重新登录", reason="invalid"
            )
        access = tokens.issue(space, user, row.provider, session_id, int(self._clock()))
        token = tokens.join_token(session_id, following, REFRESH_PREFIX) if rotate else refresh_token
        return Session(user, row.provider, row.app_id, access, token, tokens.ACCESS_SECONDS)

    def _renew(self, store: UserStore, row: SessionRow, secret: str, previous: bytes) -> None:
        """Keep a session alive. A login ticket's end stays; other sessions last as long as they are used."""
        now = self._clock()
        end = row.expires_at if row.provider == "ticket" else _ms(now + tokens.REFRESH_SECONDS)
        store.rotate(row.session_id, tokens.digest(REFRESH_PREFIX + secret), previous, end)

    def sign_out(self, space: Space, token: str) -> None:
        """End the session that an access or refresh token belongs to; unknown tokens are ignored."""
        users = self._users(space)
        try:
            session_id = self._session_of(space, token)
        except Unauthenticated:
            return
        users.store.delete_session(session_id)
        users.forget_session(session_id)

    def _session_of(self, space: Space, token: str) -> str:
        for prefix in (REFRESH_PREFIX, OPAQUE_PREFIX):
            if not token.startswith(prefix):
                continue
            session_id, secret = tokens.split_token(token, prefix)
            row = self._live_session(self._users(space).store, session_id)
            if tokens.digest(prefix + secret) not in (row.secret, row.previous):
                raise Unauthenticated("the token is not valid / 登录凭证无效", reason="invalid")
            return session_id
        return tokens.read(space, token, 0.0).session_id

    def sign_out_everywhere(self, space: Space, user_id: str) -> None:
        users = self._users(space)
        users.store.delete_sessions(user_id)
        users.forget_user(user_id)

    def guest(self, space: Space) -> Caller:
        """The caller that nobody is."""
        return Caller(kind="guest", space=space.id, source="client")

    # Users

    def user(self, space: Space, user_id: str) -> User:
        """
        Raises:
            NotFound: when the space has no such user.
        """
        found = self._users(space).store.user(user_id)
        if found is None:
            raise NotFound(f"user `{user_id}` does not exist in space `{space.id}` / 用户不存在", user=user_id)
        return found

    def find_user(self, space: Space, kind: str, value: str) -> User | None:
        """The user whose ``openid``, ``username``, ``email`` or ``phone`` is ``value``."""
        return self._users(space).store.find_user(kind, value)

    def caller_for(self, space: Space, user_id: str) -> Caller:
        """The caller that a user is, for calls made on its behalf.

        Raises:
            NotFound: when the space has no such user.
            Unauthenticated: when it is disabled.
        """
        self.user(space, user_id)
        return caller_of(space.id, self._usable(self._users(space).store, user_id))

    def list_users(self, space: Space, limit: int = 100, offset: int = 0) -> list[User]:
        """Users of the space, the last seen first."""
        return self._users(space).store.users(limit, offset)

    def count_users(self, space: Space) -> int:
        return self._users(space).store.count_users()

    def create_user(self, space: Space, **fields: Any) -> User:
        """A new user with ``username``, ``email``, ``phone``, ``password`` and ``profile``, each optional.

        Raises:
            AlreadyExists: when another user has one of these.
        """
        if not any(fields.get(name) for name in ("username", "email", "phone")):
            raise InvalidRequest(
                "a user needs a user name, an e-mail address or a phone number / 缺少用户名、邮箱或手机号"
            )
        user_id = tokens.new_user_id()
        store = self._users(space).store
        with unique_names():
            store.add_user(user_id, "password", _ms(self._clock()), prepared(fields))
        return self.user(space, user_id)

    def change_user(self, space: Space, user_id: str, **fields: Any) -> User:
        """Change ``username``, ``email``, ``phone``, ``password``, ``profile`` (whole) or ``disabled``. Disabling ends
        the user's sessions at once.

        Raises:
            NotFound: when the space has no such user.
            AlreadyExists: when another user has one of these.
        """
        self.user(space, user_id)
        with unique_names():
            self._users(space).store.change_user(user_id, prepared(fields))
        if fields.get("disabled") or "password" in fields:
            self.sign_out_everywhere(space, user_id)
        return self.user(space, user_id)

    def change_password(self, space: Space, user_id: str, password: str, token: str) -> None:
        """The password that a user chose: ends all its sessions but that of ``token``, with which it was set.

        Raises:
            Unauthenticated: when ``token`` is no token of the space.
            InvalidRequest: for an unusable password.
        """
        session_id, users = self._session_of(space, token), self._users(space)
        users.store.change_user(user_id, prepared({"password": password}))
        users.store.delete_sessions(user_id, keep=session_id)
        users.forget_user(user_id)

    def check_password(self, space: Space, user_id: str, password: str) -> bool:
        """Whether this is the user's password; takes tens of milliseconds."""
        key = f"{space.id}\0user\0{user_id}"
        self._guesses.check(key)
        if passwords.matches(self._users(space).store.password(user_id), password):
            return True
        self._guesses.fail(key)
        return False

    def delete_user(self, space: Space, user_id: str) -> None:
        """Remove a user and its sessions. Its documents and files stay."""
        self.user(space, user_id)
        self.sign_out_everywhere(space, user_id)
        self._users(space).store.delete_user(user_id)

    def link(self, space: Space, user_id: str, identity: Identity) -> User:
        """Let a user also sign in through ``identity``.

        Raises:
            AlreadyExists: when another user does.
        """
        store = self._users(space).store
        owner = store.identity_user(identity)
        if owner not in (None, user_id):
            raise AlreadyExists("this login belongs to another user / 该登录方式已绑定其他用户")
        if owner is None:
            store.add_identity(identity, user_id)
        return self.user(space, user_id)

    def unlink(self, space: Space, user_id: str, provider: str) -> User:
        self._users(space).store.delete_identities(user_id, provider)
        return self.user(space, user_id)

    def new_ticket_key(self, space: Space) -> dict[str, str]:
        """A new key file for login tickets; tickets of the key before it stop working.

        Returns ``{private_key_id, private_key, env_id}``; the server keeps only the public half.
        """
        key = tickets.new_key()
        self._users(space).store.set_ticket_key(key.key_id, key.public_key, _ms(self._clock()))
        return key.file(space.id)

    # Parts

    def _ensure(
        self, space: Space, identity: Identity, *, openid: str | None = None, unionid: str | None = None
    ) -> User:
        store, now = self._users(space).store, _ms(self._clock())
        with store.transaction():
            user_id = store.identity_user(identity)
            if user_id is None:
                user_id = self._adopt(store, identity, openid, unionid, now)
            else:
                store.see_user(user_id, now)
        return self._usable(store, user_id)

    def _adopt(self, store: UserStore, identity: Identity, openid: str | None, unionid: str | None, now: int) -> str:
        known = store.find_user("openid", openid) if openid else None
        user_id = known.user_id if known else tokens.new_user_id()
        if known is None:
            store.add_user(user_id, identity.provider, now, {"openid": openid, "unionid": unionid})
        store.add_identity(identity, user_id)
        return user_id

    def _start(self, space: Space, user: User, identity: Identity, ends: int | None = None) -> Session:
        store, now = self._users(space).store, self._clock()
        end = min(now + tokens.REFRESH_SECONDS, ends / 1000) if ends else now + tokens.REFRESH_SECONDS
        row, secret = self._new_session(user, identity, end, REFRESH_PREFIX)
        self._drop_expired(store)
        store.add_session(row)
        access = tokens.issue(space, user, identity.provider, row.session_id, int(now))
        refresh = tokens.join_token(row.session_id, secret, REFRESH_PREFIX)
        return Session(user, identity.provider, identity.app_id, access, refresh, tokens.ACCESS_SECONDS)

    def _new_session(self, user: User, identity: Identity, end: float, prefix: str) -> tuple[SessionRow, str]:
        if user.disabled:
            raise PermissionDenied("this user is disabled / 该用户已被禁用", reason="blocked")
        secret = tokens.new_secret()
        row = SessionRow(
            session_id=tokens.new_session_id(),
            user_id=user.user_id,
            provider=identity.provider,
            app_id=identity.app_id,
            secret=tokens.digest(prefix + secret),
            previous=None,
            created_at=_ms(self._clock()),
            expires_at=_ms(end),
        )
        return row, secret

    def _live_session(self, store: UserStore, session_id: str) -> SessionRow:
        row = store.session(session_id)
        if row is None:
            raise Unauthenticated("the session has ended; sign in again / 登录已失效，请重新登录", reason="revoked")
        if row.expires_at <= _ms(self._clock()):
            raise Unauthenticated("the session has expired; sign in again / 登录已过期，请重新登录", reason="expired")
        return row

    def _usable(self, store: UserStore, user_id: str) -> User:
        user = store.user(user_id)
        if user is None:
            raise Unauthenticated("the user no longer exists / 用户不存在", reason="revoked")
        if user.disabled:
            raise Unauthenticated("this user is disabled / 该用户已被禁用", reason="blocked")
        return user

    def _drop_expired(self, store: UserStore) -> None:
        self._opened += 1
        if self._opened % _EXPIRED_EVERY == 1:
            store.drop_expired(_ms(self._clock()))

    def _users(self, space: Space) -> _Users:
        try:
            return self._open[space.id]
        except KeyError:
            with self._lock:
                return self._open.get(space.id) or self._open_space(space)

    def _open_space(self, space: Space) -> _Users:
        store = UserStore(space.directory / "users.sqlite", full_sync=self._full_sync)
        log = SharedSync(space.directory / "users.sqlite-wal")
        users = self._open[space.id] = _Users(store, log, TokenCache(self._clock), TokenCache(self._clock))
        return users

    def _close_space(self, space_id: str) -> None:
        with self._lock:
            users = self._open.pop(space_id, None)
        if users is not None:
            users.store.close()

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=10)
        return self._client

    def close(self) -> None:
        """Close the databases. Sessions outlive this."""
        for space_id in list(self._open):
            self._close_space(space_id)

    async def aclose(self) -> None:
        """:meth:`close`, and the connections to the platforms."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        self.close()


def new_device() -> str:
    """A secret by which an anonymous client is recognised."""
    return str(uuid.uuid4())


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
