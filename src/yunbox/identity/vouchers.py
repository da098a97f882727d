"""Short-lived proofs that travel through a client once: a checked code, a platform's word, a repeated password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from yunbox.errors import Unauthenticated

_MOST = 10_000


class Vouchers:
    """Values kept under random names for ``seconds``; they do not outlive the process."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self.seconds = int(seconds)
        self._held: dict[str, tuple[float, str, str, Any]] = {}

    def issue(self, space: str, purpose: str, value: Any, token: str = "") -> str:
        """A token for ``value``, which only :meth:`redeem` with the same space and purpose gives back.

        ``token`` names it, where the client does not carry the proof itself; it must hold something nobody can guess.
        """
        if len(self._held) >= _MOST:
            self._drop()
        token = token or secrets.token_urlsafe(24)
        self._held[token] = (self._clock() + self.seconds, space, purpose, value)
        return token

    def redeem(self, space: str, purpose: str, token: str) -> Any:
        """The value behind ``token``; it can be redeemed until it expires.

        Raises:
            Unauthenticated: when it is unknown, for something else, or too old.
        """
        expires_at, of_space, of_purpose, value = self._held.get(token, (0.0, "", "", None))
        if (of_space, of_purpose) != (space, purpose) or expires_at <= self._clock():
            raise Unauthenticated(
                f"the {purpose} token is not valid or has expired / 凭证无效或已过期", reason="voucher"
            )
        return value

    def spend(self, space: str, purpose: str, token: str) -> Any:
        """:meth:`redeem`, for the last time."""
        value = self.redeem(space, purpose, token)
        self._held.pop(token, None)
        return value

    def _drop(self) -> None:
        now = self._clock()
        alive = [(token, held) for token, held in self._held.items() if held[0] > now]
        self._held = dict(alive[-_MOST // 2 :])
