"""Tencent CloudBase and WeChat cloud: the server SDKs, the web SDKs, realtime and objects."""

from __future__ import annotations

from yunbox.http import Route
from yunbox.protocols.tcb import admin, objects
from yunbox.services import Services


def routes(services: Services) -> list[Route]:
    """Every path of this protocol."""
    return [*admin.routes(services), *objects.routes(services)]


__all__ = ["routes"]
