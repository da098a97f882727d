"""The signature of the OpenAPI: POP RPC version 1, HMAC-SHA1 with an access key (aliyun-wire.md §7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from yunbox.tools.clock import Clock

TOLERANCE_S = 15 * 60
_MAX_NONCES = 100_000


def string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """What is signed; the path is always ``/``, also behind a prefix."""
    pairs = sorted((name, value) for name, value in parameters.items() if name != "Signature")
    query = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in pairs)
    return f"{method}&{_escape('/')}&{_escape(query)}"


def signature(secret: str, method: str, parameters: Mapping[str, str]) -> str:
    """The base64 HMAC-SHA1 that belongs in ``Signature``."""
    text = string_to_sign(method, parameters).encode()
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), text, hashlib.sha1)).decode()


def matches(secret: str, method: str, parameters: Mapping[str, str]) -> bool:
    """Whether the request's own ``Signature`` is right."""
    given = parameters.get("Signature", "").encode()
    return hmac.compare_digest(signature(secret, method, parameters).encode(), given)


def age(timestamp: str, clock: Clock) -> float | None:
    """Seconds between ``timestamp`` (``2026-11-21T02:58:42Z``) and now; ``None`` when it cannot be read."""
    try:
        signed = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return abs(clock.near(signed) - signed)


class Nonces:
    """The nonces of the last half hour: a signed request counts once."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], float] = {}

    def is_new(self, access_key: str, nonce: str) -> bool:
        """Whether this key has not used ``nonce`` yet; it has now."""
        now = self._clock()
        if len(self._seen) >= _MAX_NONCES:
            self._seen = {key: end for key, end in self._seen.items() if end > now}
        if self._seen.get((access_key, nonce), 0) > now:
            return False
        self._seen[access_key, nonce] = now + 2 * TOLERANCE_S
        return True


def _escape(text: str) -> str:
    return quote(text, safe="~")
