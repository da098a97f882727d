"""What a space is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Space:
    """An isolated tenant with its keys and settings. Secrets never appear in ``repr``."""

    id: str
    created_at: int
    directory: Path
    client_secret: str = field(repr=False)
    server_private_key: str = field(repr=False)
    secret_id: str
    secret_key: str = field(repr=False)
    access_key_id: str
    access_key_secret: str = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def server_public_key(self) -> rsa.RSAPublicKey:
        """The public half of ``server_private_key``, which verifies what a space's server SDK signs."""
        key = serialization.load_pem_private_key(self.server_private_key.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.public_key()

    @cached_property
    def bucket(self) -> str:
        """The storage bucket's name in file ids, ``<hex4>-<space>-<digits>`` (ST-1); the same for the space's life."""
        digest = hashlib.sha256(f"bucket:{self.id}".encode()).digest()
        return f"{self.id.encode()[:2].hex()}-{self.id}-{1250000000 + int.from_bytes(digest[:4], 'big') % 50000000}"

    def keys(self) -> dict[str, str]:
        """The credentials handed to the space's owner; every value is a secret or names one."""
        return {
            "client_secret": self.client_secret,
            "server_private_key": self.server_private_key,
            "secret_id": self.secret_id,
            "secret_key": self.secret_key,
            "access_key_id": self.access_key_id,
            "access_key_secret": self.access_key_secret,
        }


def new_keys() -> dict[str, str]:
    """Fresh credentials for a space."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "client_secret": secrets.token_urlsafe(16),
        "server_private_key": pem.decode(),
        "secret_id": "AKID" + secrets.token_hex(16),
        "secret_key": secrets.token_urlsafe(24),
        "access_key_id": "LTAI" + secrets.token_hex(10),
        "access_key_secret": secrets.token_urlsafe(22),
    }
