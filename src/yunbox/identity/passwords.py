"""Passwords (argon2id) and a limit on guessing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import argon2

from yunbox.errors import InvalidRequest, LimitExceeded

MIN_LENGTH = 6
MAX_LENGTH = 256
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """An argon2id hash; takes tens of milliseconds.

    Raises:
        InvalidRequest: when the password is too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidRequest(
            f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters / 密码长度为 {MIN_LENGTH} 到 {MAX_LENGTH} 位"
        )
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether ``password`` is the one behind ``stored``. Takes as long when there is no stored password."""
    try:
        _hasher.verify(stored or _decoy(), password[:MAX_LENGTH])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return stored is not None


@cache
def _decoy() -> str:
    """Made when first needed, because every start of the server would wait for it."""
    return _hasher.hash("no user has this password")


class Throttle:
    """At most ``limit`` failures of one key within ``window`` seconds; then attempts are refused until it has passed."""

    def __init__(self, clock: Callable[[], float], *, limit: int, window: float) -> None:
        self._clock = clock
        self._limit = limit
        self._window = window
        self._failures: dict[str, list[float]] = {}

    def check(self, key: str) -> None:
        """
        Raises:
            LimitExceeded: when there were too many failures.
        """
        if len(self._recent(key)) >= self._limit:
            raise LimitExceeded(
                f"too many failed attempts; try again in {self._window / 60:.0f} minutes / 失败次数过多，请稍后再试"
            )

    def fail(self, key: str) -> None:
        self._failures.setdefault(key, []).append(self._clock())
        if len(self._failures) > 10_000:
            self._failures = {name: times for name in self._failures if (times := self._recent(name))}

    def succeed(self, key: str) -> None:
        self._failures.pop(key, None)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._window
        return [time for time in self._failures.get(key, ()) if time > since]
