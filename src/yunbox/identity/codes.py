"""One-time codes by e-mail and phone."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from yunbox.errors import InvalidRequest, Unauthenticated
from yunbox.identity.passwords import Throttle
from yunbox.identity.senders import Channel, Sender
from yunbox.spaces import Space

CODE_SECONDS = 600
DEVELOPER_CODE = "123456"
"""The code where anyone may sign in as anyone (DESIGN §9.9), so that tests need no mailbox."""

_MOST_TRIES = 5
_MOST = 10_000


@dataclass(slots=True)
class _Pending:
    space: str
    channel: Channel
    target: str
    code: str
    expires_at: float
    tries: int = 0


class Codes:
    """Codes that were sent and not yet used; they do not outlive the process."""

    def __init__(self, clock: Callable[[], float], sender: Sender | None) -> None:
        self._clock = clock
        self._sender = sender
        self._pending: dict[str, _Pending] = {}
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
        if len(self._pending) >= _MOST:
            self._drop()
        name = secrets.token_hex(16)
        self._pending[name] = _Pending(space.id, channel, target, code, self._clock() + CODE_SECONDS)
        return name

    def check(self, space: Space, name: str, code: str) -> tuple[Channel, str]:
        """The channel and target that ``code`` proves; the code is used up.

        Raises:
            Unauthenticated: when it is wrong, unknown or too old; ``reason`` is ``code``.
        """
        pending = self._pending.get(name)
        if pending is None or pending.space != space.id or pending.expires_at <= self._clock():
            raise Unauthenticated("the code has expired; ask for a new one / 验证码已过期", reason="code")
        pending.tries += 1
        if pending.tries > _MOST_TRIES or not hmac.compare_digest(pending.code.encode(), code.encode()):
            raise Unauthenticated("the code is wrong / 验证码错误", reason="code")
        del self._pending[name]
        return pending.channel, pending.target

    def check_target(self, space: Space, channel: Channel, target: str, code: str) -> None:
        """Check ``code`` against the last one sent to ``target``; raises as :meth:`check`."""
        for name, pending in reversed(self._pending.items()):
            if (pending.space, pending.channel, pending.target) == (space.id, channel, target):
                self.check(space, name, code)
                return
        raise Unauthenticated("no code was sent; ask for one / 请先获取验证码", reason="code")

    def _drop(self) -> None:
        now = self._clock()
        alive = [(name, pending) for name, pending in self._pending.items() if pending.expires_at > now]
        self._pending = dict(alive[-_MOST // 2 :])
