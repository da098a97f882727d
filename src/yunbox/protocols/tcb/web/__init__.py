"""S1: ``POST /web``, the JSON calls of the web and mini-program SDKs."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.tcb.web import auth, functions, realtime, shared
from yunbox.protocols.tcb.web.call import Actions
from yunbox.protocols.tcb.web.handler import WebHandler
from yunbox.services import Services

ACTIONS = Actions()
for _module in (auth, functions, realtime, shared):
    ACTIONS.include(_module.actions)


def routes(services: Services) -> list[Route]:
    return [Route("suffix", "/web", endpoint(WebHandler(services, ACTIONS)))]
