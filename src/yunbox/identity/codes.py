"""One-time codes by e-mail and phone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import cast

from yunbox.errors import InvalidRequest, Unauthenticated
from yunbox.identity.passwords import Throttle
from yunbox.identity.senders import Channel, Sender
from yunbox.identity.store import CodeRow, UserStore
from yunbox.spaces import Space

CODE_SECONDS = 600
DEVELOPER_CODE = "123456"
"""The code where anyone may sign in as anyone (DESIGN §9.9), so that tests need no mailbox."""

_MOST_TRIES = 5
_MOST = 10_000
"""Codes that one space keeps at most."""


class Codes:
    """Codes that were sent and not yet used, kept with a space's users: a restart does not lose them."""

    def __init__(
        self, clock: Callable[[], float], sender: Sender | None, store_of: Callable[[Space], UserStore]
    ) -> None:
        self._clock = clock
        self._sender = sender
        self._store_of = store_of
        self._sent = Throttle(clock, limit=5, window=600)

    async def send(self, space: Space, channel: Channel, target: str, *, developer: bool) -> str:
        """Send a new code to ``target`` and return the name under which it can be checked.

        Raises:
            InvalidRequest: when nothing can be sent from here.
            LimitExceeded: after too many codes for one target.
        """
        if self._sender is None:
            raise InvalidRequest(
                "this server cannot send codes; set a sender (SMTP or webhook) / 服务器未配置验证码发送渠道",
                reason="sender",
            )
        key = f"{space.id}\0{channel}\0{target}"
        self._sent.check(key)
        self._sent.fail(key)
        code = DEVELOPER_CODE if developer else f"{secrets.randbelow(1_000_000):06d}"
        await self._sender.send(space.id, channel, target, code)
        name, now = secrets.token_hex(16), self._clock()
        row = CodeRow(name, channel, target, _digest(name, code), 0, int((now + CODE_SECONDS) * 1000))
        self._store_of(space).add_code(row, int(now * 1000), _MOST)
        return name

    def check(self, space: Space, name: str, code: str) -> tuple[Channel, str]:
        """The channel and target that ``code`` proves; the code is used up.

        Raises:
            Unauthenticated: when it is wrong, unknown or too old; ``reason`` is ``code``.
        """
        store = self._store_of(space)
        row = store.try_code(name)
        if row is None or row.expires_at <= self._clock() * 1000:
            raise Unauthenticated("the code has expired; ask for a new one / 验证码已过期", reason="code")
        if row.tries > _MOST_TRIES or not hmac.compare_digest(row.digest, _digest(name, code)):
            raise Unauthenticated("the code is wrong / 验证码错误", reason="code")
        if not store.delete_code(name):
            raise Unauthenticated("the code was used before / 验证码已使用", reason="code")
        return cast(Channel, row.channel), row.target

    def check_target(self, space: Space, channel: Channel, target: str, code: str) -> None:
        """Check ``code`` against the last one sent to ``target``; raises as :meth:`check`."""
        name = self._store_of(space).last_code(channel, target)
        if name is None:
            raise Unauthenticated("no code was sent; ask for one / 请先获取验证码", reason="code")
        self.check(space, name, code)


def _digest(name: str, code: str) -> bytes:
    return hashlib.sha256(f"{name}:{code}".encode()).digest()
