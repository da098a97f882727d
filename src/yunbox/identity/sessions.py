"""Verified tokens held in memory, so that a request costs a dictionary access and no database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from yunbox.caller import Caller

_MOST = 100_000


@dataclass(slots=True)
class Verified:
    """A token that has been checked. Times in seconds since 1970; ``stored_until`` is what the database knows."""

    caller: Caller
    session_id: str
    expires_at: float
    stored_until: float = 0.0


class TokenCache:
    """Verified tokens of one space."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tokens: dict[str, Verified] = {}

    def get(self, token: str) -> Verified | None:
        """The verified token while it holds."""
        found = self._tokens.get(token)
        if found is not None and found.expires_at <= self._clock():
            self._tokens.pop(token, None)
            return None
        return found

    def put(self, token: str, verified: Verified) -> None:
        if len(self._tokens) >= _MOST:
            self._make_room()
        self._tokens[token] = verified

    def _make_room(self) -> None:
        now = self._clock()
        alive = {token: entry for token, entry in self._tokens.items() if entry.expires_at > now}
        # Insertion order is age: the older half is verified again when it comes back.
        self._tokens = dict(list(alive.items())[len(alive) // 2 :]) if len(alive) > _MOST // 2 else alive

    def forget_session(self, session_id: str) -> None:
        self._tokens = {token: entry for token, entry in self._tokens.items() if entry.session_id != session_id}

    def forget_user(self, user_id: str) -> None:
        self._tokens = {token: entry for token, entry in self._tokens.items() if entry.caller.user_id != user_id}
