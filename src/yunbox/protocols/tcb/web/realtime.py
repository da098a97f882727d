"""Where the realtime socket is, and a signature that stands for the caller there."""

from __future__ import annotations

from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()

PURPOSE = "watch"
"""What the signature is for."""


@actions.add("auth.wsWebSign")
async def sign(call: Call) -> Answer:
    public = call.services.address.public
    origin = public.replace("http", "ws", 1) if public.startswith("http") else public
    signature = call.services.identity.vouchers.issue(call.space.id, PURPOSE, call.caller)
    return {"data": {"signStr": signature, "wsUrl": f"{origin}/ws", "secretVersion": "1", "envId": call.space.id}}
