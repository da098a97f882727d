"""Where the realtime socket is, and a signature that stands for the caller there."""

from __future__ import annotations

from yunbox.protocols.tcb.sockets import socket_ticket
from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()


@actions.add("auth.wsWebSign")
async def sign(call: Call) -> Answer:
    return {"data": socket_ticket(call.services, call.caller, call.request)}
