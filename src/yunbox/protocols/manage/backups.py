"""Backups of everything on this server."""

from __future__ import annotations

import asyncio
from typing import Any

from yunbox.protocols.manage.routing import Call, Row
from yunbox.tools.backup import BackupInfo, list_backups, write_backup


def shown(info: BackupInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "path": str(info.path.resolve()),
        "size": info.size,
        "created_at": info.created_at,
        "automatic": info.automatic,
    }


async def create_backup(call: Call) -> Any:
    """Archive the whole data directory, or with ``files=false`` all but uploaded files and packages; the server goes on
    answering."""
    files = call.query.get("files") != "false"
    return shown(await asyncio.to_thread(write_backup, call.services.settings.data, files=files))


async def list_all(call: Call) -> Any:
    """Kept archives, newest first."""
    return [shown(info) for info in await asyncio.to_thread(list_backups, call.services.settings.data)]


ROUTES: tuple[Row, ...] = (
    ("POST", "backups", create_backup),
    ("GET", "backups", list_all),
)
