"""The server SDKs' one endpoint, ``POST …/admin``: wx-server-sdk, tcb-admin-node, @cloudbase/node-sdk."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.tcb.admin.endpoint import admin_endpoint
from yunbox.services import Services


def routes(services: Services) -> list[Route]:
    return [Route("suffix", "/admin", endpoint(admin_endpoint(services)))]


__all__ = ["routes"]
