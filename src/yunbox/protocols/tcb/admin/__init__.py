"""The server SDKs' one endpoint, ``POST …/admin``: wx-server-sdk, tcb-admin-node, @cloudbase/node-sdk."""

from __future__ import annotations

from yunbox.http import Route
from yunbox.http import endpoint as asgi_endpoint
from yunbox.protocols.tcb.admin.endpoint import admin_endpoint
from yunbox.services import Services


def routes(services: Services) -> list[Route]:
    return [Route("suffix", "/admin", asgi_endpoint(admin_endpoint(services)))]


__all__ = ["routes"]
