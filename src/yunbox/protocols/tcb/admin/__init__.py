"""The server SDKs' one endpoint, ``POST …/admin``: wx-server-sdk, tcb-admin-node, @cloudbase/node-sdk."""

from __future__ import annotations

from yunbox.http import Route
from yunbox.http import endpoint as asgi_endpoint
from yunbox.protocols.tcb.admin.credentials import client_credential, not_configured
from yunbox.protocols.tcb.admin.endpoint import admin_endpoint
from yunbox.services import Services

_NOT_CONFIGURED = ("/v1/cloudrun/", "/v1/apis/")


def routes(services: Services) -> list[Route]:
    return [
        Route("suffix", "/admin", asgi_endpoint(admin_endpoint(services))),
        Route("exact", "/auth/v1/token/clientCredential", asgi_endpoint(client_credential(services))),
        *(Route("prefix", path, asgi_endpoint(not_configured)) for path in _NOT_CONFIGURED),
    ]


__all__ = ["routes"]
