"""The developer provider: a login without a platform. Anyone can be anyone, so it is off unless asked for (DESIGN §9.9)."""

from __future__ import annotations

import hashlib

from yunbox.identity.providers.provider import PlatformUser

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_OPENID_LENGTH = 28


def developer_user(space: str, app_id: str, code: str) -> PlatformUser:
    """The user behind ``code``: always the same one for the same space, app and code (a device id, a name …)."""
    openid = make_openid(f"{space}\0{app_id}\0{code}")
    return PlatformUser(openid, openid)


def make_openid(seed: str) -> str:
    """An openid in WeChat's form: 28 characters, the first an ``o``; the same for the same seed (USR-8)."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
    characters = []
    for _ in range(_OPENID_LENGTH - 1):
        number, index = divmod(number, 64)
        characters.append(_ALPHABET[index])
    return "o" + "".join(characters)
