"""S3: the gateway ``/v1/*``, what js-sdk 3.x uses by default."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.tcb.gateway import database, functions, models, storage
from yunbox.protocols.tcb.gateway.handler import GatewayHandler, Resources
from yunbox.services import Services

RESOURCES = Resources()
for _module in (database, functions, models, storage):
    RESOURCES.include(_module.resources)


def routes(services: Services) -> list[Route]:
    return [Route("prefix", "/v1/", endpoint(GatewayHandler(services, RESOURCES)))]
