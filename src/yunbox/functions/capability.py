"""What a running function may do, as a signed token: stateless, bound to one invocation, ended by time.

A token says whose function runs on whose behalf until when, and names the key pair that the function signs its requests
with (`tencent-server-wire.md` §2.2: the session token is the one thing every SDK sends with every request). The secret key
is derived from its id, so nothing is stored. A token never replaces a signature (DESIGN §9.5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import Unauthenticated
from yunbox.tools.random_names import random_hex

KEY_ID_PREFIX = "AKIDfn"
_MAC = 32
_FIELDS = (
    "space",
    "user_id",
    "openid",
    "unionid",
    "app_id",
    "provider",
    "source",
    "client_ip",
    "user_agent",
    "function",
    "grantee",
    "from_space",
    "from_openid",
    "from_app_id",
    "from_unionid",
)


@dataclass(frozen=True, slots=True)
class Capability:
    """The three values that a function's SDK reads from its environment."""

    secret_id: str
    secret_key: str
    token: str


class Capabilities:
    """Issues and verifies capabilities under one server key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._token_key = hmac.digest(key, b"function token", hashlib.sha256)
        self._pair_key = hmac.digest(key, b"function key pair", hashlib.sha256)
        self._clock = clock

    def issue(self, caller: Caller, lifetime: float) -> Capability:
        """A capability for ``caller`` (a running function's) that ends ``lifetime`` seconds from now."""
        secret_id = KEY_ID_PREFIX + random_hex()[:26]
        claims: dict[str, Any] = {name: value for name in _FIELDS if (value := getattr(caller, name))}
        claims |= {"request": caller.request_id, "key": secret_id, "until": int(self._clock() + lifetime + 1)}
        payload = orjson.dumps(claims)
        token = base64.urlsafe_b64encode(hmac.digest(self._token_key, payload, hashlib.sha256) + payload)
        return Capability(secret_id, self._derive(secret_id), token.rstrip(b"=").decode())

    def verify(self, token: str, secret_id: str) -> Caller:
        """The caller behind a token that came with a request signed by ``secret_id``.

        Raises:
            Unauthenticated: when it is not ours, belongs to another key or has ended.
        """
        claims = self._claims(token)
        if not hmac.compare_digest(str(claims["key"]).encode(), secret_id.encode()):
            raise Unauthenticated("the session token belongs to another key")
        if claims["until"] < self._clock():
            raise Unauthenticated("the function's session token has ended: it lives until 60 s after the timeout")
        values = {name: claims[name] for name in _FIELDS if name in claims}
        return Caller(kind="function", request_id=claims["request"], **values)

    def secret_for(self, secret_id: str) -> str | None:
        """The secret key that belongs to ``secret_id``; ``None`` when it is not a function's key id."""
        return self._derive(secret_id) if secret_id.startswith(KEY_ID_PREFIX) else None

    def _derive(self, secret_id: str) -> str:
        return hmac.digest(self._pair_key, secret_id.encode(), hashlib.sha256).hex()[:40]

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            raw = b""
        mac, payload = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, hmac.digest(self._token_key, payload, hashlib.sha256)):
            raise Unauthenticated("the session token is not valid")
        claims: dict[str, Any] = orjson.loads(payload)
        return claims
