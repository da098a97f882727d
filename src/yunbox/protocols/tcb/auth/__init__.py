"""S2: ``/auth/v1/*``, the sign-in of js-sdk 2.x and 3.x."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.tcb.auth import signin, users, verification
from yunbox.protocols.tcb.auth.handler import AuthHandler
from yunbox.protocols.tcb.web.call import Actions
from yunbox.services import Services

ACTIONS = Actions()
for _module in (signin, verification, users):
    ACTIONS.include(_module.actions)


def routes(services: Services) -> list[Route]:
    handler = endpoint(AuthHandler(services, ACTIONS))
    return [Route("prefix", prefix, handler) for prefix in ("/auth/v1/", "/auth/v2/")]
