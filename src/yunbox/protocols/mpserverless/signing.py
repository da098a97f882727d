"""Signatures of the gateway: HMAC-MD5 for clients, RSA-MD5 for servers (aliyun-wire.md §2.1).

MD5 is the vendor's choice; the secrets behind it are what protects a space.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

SIGNED_FIELDS = ("method", "params", "spaceId", "timestamp", "token", "userId")


def string_to_sign(body: Mapping[str, Any], fields: Iterable[str] = SIGNED_FIELDS) -> str:
    """The text both signatures cover: the truthy ``fields`` of ``body`` as they stand, sorted, without URL encoding."""
    return "&".join([f"{field}={value}" for field in fields if (value := body.get(field))])


def every_field(body: Mapping[str, Any]) -> list[str]:
    """The fields that uniCloud's client signs: every top-level key in ASCII order."""
    return sorted(body)


def client_signature(client_secret: str, text: str) -> str:
    """The lower-case hexadecimal HMAC-MD5 of ``text``; the secret is used as text, it is not decoded."""
    return hmac.digest(client_secret.encode(), text.encode(), "md5").hex()


def client_signature_matches(client_secret: str, body: Mapping[str, Any], signature: str) -> bool:
    """Whether ``signature`` is a client's over the known fields of ``body``, or over all of them if there are others."""
    given = signature.lower().encode()
    if hmac.compare_digest(client_signature(client_secret, string_to_sign(body)).encode(), given):
        return True
    if body.keys() <= set(SIGNED_FIELDS):
        return False
    text = string_to_sign(body, every_field(body))
    return hmac.compare_digest(client_signature(client_secret, text).encode(), given)


def server_signature_matches(public_key: RSAPublicKey, body: Mapping[str, Any], signature: str) -> bool:
    """Whether ``signature`` (hexadecimal) was made over ``body`` with the private half of ``public_key``."""
    try:
        raw = bytes.fromhex(signature)
        public_key.verify(raw, string_to_sign(body).encode(), padding.PKCS1v15(), hashes.MD5())
    except (ValueError, InvalidSignature):
        return False
    return True
