"""Every OpenAPI action and the handler that answers it."""

from __future__ import annotations

from yunbox.protocols.mpserverless.openapi import (
    database,
    files,
    functions,
    hosting,
    platforms,
    spaces,
    transfers,
    usage,
)
from yunbox.protocols.mpserverless.openapi.action import Handler

ACTIONS: dict[str, Handler] = {
    **spaces.ACTIONS,
    **platforms.ACTIONS,
    **database.ACTIONS,
    **transfers.ACTIONS,
    **functions.ACTIONS,
    **files.ACTIONS,
    **hosting.ACTIONS,
    **usage.ACTIONS,
}
