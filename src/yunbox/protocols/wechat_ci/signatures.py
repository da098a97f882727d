"""Who calls: a random string of ours, signed with a private key (RSA, PKCS #1 v1.5, without a digest).

The vendor hands out an upload key for each app; here the key is the space's own ``server_private_key``, whose public half
the server has, and the app is one that is registered in the space or its setting ``app_id``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding

from yunbox.protocols.wechat_ci.call import CiError
from yunbox.services import Services
from yunbox.spaces import Space

SECONDS = 300
_NOT_SIGNED = -10008
_MOST_USED = 10_000


class Signatures:
    """Gives out random strings and verifies what is signed with them; each string works once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # A key of this process: the next one would not know which strings were used.
        self._key = secrets.token_bytes(32)
        self._used: dict[str, int] = {}

    def random_string(self, app_id: str) -> str:
        """A string for ``app_id`` to sign within five minutes."""
        text = f"{int(self._services.clock())}.{secrets.token_hex(8)}"
        return f"{text}.{self._mac(app_id, text)}"

    def verify(self, app_id: str, signature: str) -> Space:
        """The space whose key has signed a string of ours for ``app_id``.

        Raises:
            CiError: when none has.
        """
        for space in self._services.spaces.list():
            if _has_app(self._services, space, app_id) and (signed := _recovered(space, signature)) is not None:
                self._check(app_id, signed)
                return space
        raise CiError(
            _NOT_SIGNED,
            f"the signature is not by a key of a space that has the app `{app_id[:40]}`: set `yunbox space set SPACE "
            f"app_id={app_id[:40]}`, and let privateKeyPath be a file with the space's server_private_key"
            " / 签名无效：请为空间设置 app_id，并使用该空间的 server_private_key 作为上传密钥",
        )

    def _check(self, app_id: str, signed: bytes) -> None:
        """See that the signed text holds one of our strings, a new one."""
        try:
            content = orjson.loads(signed)
            name, text = str(content["appid"]), str(content["rand_str"])
            at, _, rest = text.partition(".")
            nonce, _, mac = rest.partition(".")
            made = int(at)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise CiError(_NOT_SIGNED, "what was signed is not {appid, rand_str} / 签名内容错误") from None
        ours = hmac.compare_digest(mac.encode(), self._mac(app_id, f"{at}.{nonce}").encode())
        now = int(self._services.clock())
        if name != app_id or not ours or not 0 <= now - made <= SECONDS or text in self._used:
            raise CiError(_NOT_SIGNED, "the random string is not ours, was used, or is too old / 随机串无效或已过期")
        self._remember(text, now)

    def _remember(self, text: str, now: int) -> None:
        if len(self._used) >= _MOST_USED:
            self._used = {known: at for known, at in self._used.items() if at >= now - SECONDS}
        self._used[text] = now

    def _mac(self, app_id: str, text: str) -> str:
        return hmac.digest(self._key, f"{app_id}:{text}".encode(), "sha256").hex()


def _has_app(services: Services, space: Space, app_id: str) -> bool:
    known = [app for _, app, _ in services.spaces.apps(space.id, "wechat")]
    return bool(app_id) and app_id in (*known, space.settings.get("app_id"))


def _recovered(space: Space, signature: str) -> bytes | None:
    """What the space's key has signed; ``None`` when it was another key."""
    try:
        raw = base64.b64decode(signature, validate=True)
        return space.server_public_key.recover_data_from_signature(raw, padding.PKCS1v15(), None)
    except (binascii.Error, InvalidSignature, ValueError):
        return None
