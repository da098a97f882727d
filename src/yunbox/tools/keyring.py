"""The server's one secret: encrypts what is stored, and gives every purpose a key of its own."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Keyring:
    """Keys derived from one 32-byte secret; the secret itself is used for nothing else."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = AESGCM(self.derive("stored secrets"))

    @classmethod
    def open(cls, path: Path) -> Keyring:
        """The keyring kept in ``path``; a new one (mode 0600) when there is none yet."""
        try:
            return cls(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except FileNotFoundError:
            secret = secrets.token_bytes(32)
            write_private(path, secret.hex() + "\n")
            return cls(secret)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for ``purpose``; the same purpose always gives the same key."""
        return hmac.digest(self._secret, purpose.encode(), hashlib.sha256)

    def encrypt(self, text: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), None)

    def decrypt(self, blob: bytes) -> str:
        return self._cipher.decrypt(blob[:_NONCE], blob[_NONCE:], None).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
