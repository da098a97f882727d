"""What this server is and how it does."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from typing import Any

from yunbox import __version__
from yunbox.errors import InvalidRequest
from yunbox.functions.runners.node import find_node
from yunbox.protocols.manage.routing import Call, Row


async def status(call: Call) -> Any:
    """Version, address, and counts."""
    services = call.services
    spaces = services.spaces.list()
    isolation = await services.functions.isolation()
    return {
        "version": __version__,
        "mode": services.settings.mode,
        "endpoint": services.address.public,
        "console_url": f"{services.address.public}/console/",
        "data": str(services.settings.data.resolve()),
        "pid": os.getpid(),
        "spaces": len(spaces),
        "functions": sum(len(services.functions.list(space.id)) for space in spaces),
        "isolation": {"level": isolation.level, "notes": list(isolation.notes)},
        "profile": services.settings.profile,
        "settings": {name: str(value) for name, value in asdict(services.settings).items() if value is not None},
    }


async def machine(call: Call) -> Any:
    """What this machine offers to functions: Node.js and isolation; for ``doctor``."""
    isolation = await call.services.functions.isolation()
    return {
        "node": await asyncio.to_thread(_node, call.services.settings.node),
        "isolation": {"level": isolation.level, "notes": list(isolation.notes)},
    }


def _node(configured: str) -> dict[str, Any]:
    try:
        node = find_node(configured)
    except InvalidRequest as error:
        return {"error": error.message}
    return {"program": str(node.program), "version": node.version, "npm": list(node.npm)}


ROUTES: tuple[Row, ...] = (("GET", "status", status), ("GET", "machine", machine))
