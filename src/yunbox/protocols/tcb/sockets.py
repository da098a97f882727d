"""``auth.wsWebSign``: where the realtime socket is, and a signature that stands for the caller there."""

from __future__ import annotations

from typing import Any

from yunbox.caller import Caller
from yunbox.http import Request
from yunbox.protocols.tcb.origins import public_origin
from yunbox.services import Services

PURPOSE = "watch"
"""What the signature is for."""


def socket_ticket(services: Services, caller: Caller, request: Request) -> dict[str, Any]:
    """The ``data`` of the answer, for clients and server SDKs alike."""
    origin = public_origin(services, caller, request).replace("http", "ws", 1)
    signature = services.identity.vouchers.issue(caller.space, PURPOSE, caller)
    return {"signStr": signature, "wsUrl": f"{origin}/ws", "secretVersion": "1", "envId": caller.space}
