"""Signatures and encryption of WeChat's message push.

A signature is SHA-1 over the sorted parts. An encrypted message is AES-256-CBC of 16 random bytes, the length of the
message in 4 bytes, the message and the app id, padded to blocks of 32 bytes; the key is 43 characters of Base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yunbox.errors import InvalidRequest, Unauthenticated

_BLOCK = 32
_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


def signature(*parts: str) -> str:
    """The signature of the token, a timestamp, a nonce and perhaps an encrypted message."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def signed(given: str, *parts: str) -> bool:
    """Whether ``given`` is the signature of the parts."""
    return hmac.compare_digest(given.encode(), signature(*parts).encode())


def new_key() -> str:
    """A fresh EncodingAESKey."""
    return base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def check_key(text: str) -> str:
    """
    Raises:
        InvalidRequest: when it is no EncodingAESKey.
    """
    if not _KEY.fullmatch(text):
        raise InvalidRequest("an EncodingAESKey has 43 letters and digits / EncodingAESKey 应为 43 位字母和数字")
    return text


def encrypt(key: str, app_id: str, message: bytes) -> str:
    """A message as it goes over the wire."""
    content = secrets.token_bytes(16) + len(message).to_bytes(4, "big") + message + app_id.encode()
    padding = _BLOCK - len(content) % _BLOCK
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()).decode()


def decrypt(key: str, app_id: str, text: str) -> bytes:
    """The message in what came over the wire, whose signature was verified.

    Raises:
        Unauthenticated: when it was encrypted with another key or for another app.
    """
    try:
        decryptor = _cipher(key).decryptor()
        content = decryptor.update(base64.b64decode(text, validate=True)) + decryptor.finalize()
    except (binascii.Error, ValueError):
        raise _unreadable() from None
    padding = content[-1] if content else 0
    content = content[:-padding] if 1 <= padding <= _BLOCK else b""
    length = int.from_bytes(content[16:20], "big")
    message, receiver = content[20 : 20 + length], content[20 + length :]
    if len(message) != length or not hmac.compare_digest(receiver, app_id.encode()):
        raise _unreadable()
    return message


def _cipher(key: str) -> Cipher[modes.CBC]:
    raw = base64.b64decode(key + "=")
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))


def _unreadable() -> Unauthenticated:
    return Unauthenticated(
        "the message cannot be decrypted; check EncodingAESKey and the app id / 消息解密失败，请检查 EncodingAESKey"
    )
