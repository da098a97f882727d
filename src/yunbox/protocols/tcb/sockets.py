"""``auth.wsWebSign``: where the realtime socket is, and a signature that stands for the caller there.

The signature holds the caller itself, under a key of the server's keyring: nothing is kept, and a restart changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from yunbox.caller import Caller
from yunbox.errors import Unauthenticated
from yunbox.http import Request
from yunbox.protocols.tcb.origins import public_origin
from yunbox.services import Services

SECONDS = 600
_PURPOSE = "realtime socket signatures"
_MAC = 32


class _Ticket(msgspec.Struct, array_like=True):
    expires_at: float
    caller: Caller


_decode = msgspec.json.Decoder(_Ticket).decode


def socket_ticket(services: Services, caller: Caller, request: Request) -> dict[str, Any]:
    """The ``data`` of the answer, for clients and server SDKs alike."""
    origin = public_origin(services, caller, request).replace("http", "ws", 1)
    payload = msgspec.json.encode(_Ticket(services.clock() + SECONDS, caller))
    signature = base64.urlsafe_b64encode(_mac(services, payload) + payload).decode()
    return {"signStr": signature, "wsUrl": f"{origin}/ws", "secretVersion": "1", "envId": caller.space}


def caller_behind(services: Services, space: str, signature: str) -> Caller:
    """Whom a signature stands for.

    Raises:
        Unauthenticated: when it is not ours, for another space, or older than ten minutes.
    """
    try:
        content = base64.urlsafe_b64decode(signature.encode("ascii", "replace"))
    except binascii.Error:
        content = b""
    mac, payload = content[:_MAC], content[_MAC:]
    if hmac.compare_digest(mac, _mac(services, payload)):
        ticket = _decode(payload)
        if ticket.caller.space == space and ticket.expires_at > services.clock():
            return ticket.caller
    raise Unauthenticated("the socket signature is not valid or has expired / 签名无效或已过期", reason="voucher")


def _mac(services: Services, payload: bytes) -> bytes:
    return hmac.digest(services.keyring.derive(_PURPOSE), payload, hashlib.sha256)
