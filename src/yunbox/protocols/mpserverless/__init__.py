"""The protocol of Alibaba's mini-program serverless: gateway, upload host and OpenAPI."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.mpserverless import http_trigger, site
from yunbox.protocols.mpserverless.addresses import UPLOAD_PREFIX
from yunbox.protocols.mpserverless.gateway import Gateway, host_call
from yunbox.protocols.mpserverless.openapi import OpenApi
from yunbox.protocols.mpserverless.oss import UploadHost
from yunbox.services import Services

__all__ = ["host_call", "routes"]


def routes(services: Services) -> list[Route]:
    """Where this protocol answers."""
    gateway = Gateway(services)
    uploads = endpoint(UploadHost(services).handle)
    openapi = endpoint(OpenApi(services).handle)
    return [
        Route("suffix", "/client", endpoint(gateway.client)),
        Route("suffix", "/server", endpoint(gateway.server)),
        Route("prefix", UPLOAD_PREFIX, uploads),
        Route("prefix", http_trigger.PREFIX, endpoint(http_trigger.HttpTrigger(services).handle)),
        Route("prefix", site.PREFIX, site.SiteApp(services)),
        Route("suffix", "/", openapi),
    ]
