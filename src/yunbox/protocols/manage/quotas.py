"""What a space may use, and what it has used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from yunbox.protocols.manage.routing import Call, Row


async def quotas(call: Call) -> Any:
    """Every item with its title, unit, use and limit (``null`` when there is none), the package they come from, and when
    counters start again."""
    return {"space_id": call.space.id, **asdict(call.services.quotas.report(call.space.id))}


ROUTES: tuple[Row, ...] = (("GET", "spaces/{space}/quotas", quotas),)
