"""Tencent CloudBase and WeChat cloud: the server SDKs, the web SDKs, realtime and objects."""

from __future__ import annotations

from yunbox.http import Route
from yunbox.protocols.tcb import admin, auth, gateway, objects, tunnel, watch, web
from yunbox.services import Services


def routes(services: Services) -> list[Route]:
    """Every path of this protocol."""
    parts = (admin, web, auth, gateway, watch, objects)
    return [route for part in parts for route in part.routes(services)]


__all__ = ["routes", "tunnel"]
