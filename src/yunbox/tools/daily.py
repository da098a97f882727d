"""A backup every day at dawn, kept for some days (DBA-5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

from yunbox.tools.backup import database_bytes, list_backups, prune_backups, write_backup

DAWN_HOUR = 3
_SETTLING_S = 60
_LOOK_S = 3600

_log = logging.getLogger("yunbox.backup")


class DailyBackups:
    """Writes a backup of ``data`` each day and removes those older than ``days``; with 0 days it does nothing.

    A day that was missed, because no server ran, is made up for a minute after the start.
    """

    def __init__(self, data: Path, days: int) -> None:
        self._data = data
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        if self._days:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; a backup that is being written is finished first."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        await asyncio.sleep(_SETTLING_S)
        while True:
            newest = await asyncio.to_thread(newest_automatic, self._data)
            wait = seconds_until_due(time.time(), newest)
            if wait <= 0:
                writing = asyncio.create_task(asyncio.to_thread(self.make))
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await writing
                    raise
            # The clock may be set and the machine may sleep, so long waits are cut up.
            await asyncio.sleep(min(max(wait, 1), _LOOK_S) if wait > 0 else _LOOK_S)

    def make(self) -> None:
        """Write today's backup and remove old ones; what goes wrong is logged, and tried again within the hour."""
        try:
            needed = 2 * database_bytes(self._data)
            free = shutil.disk_usage(self._data).free
            if free < needed:
                _log.error("no automatic backup: %s has %d bytes free, %d are needed", self._data, free, needed)
                return
            info = write_backup(self._data, automatic=True, files=False)
            prune_backups(self._data, self._days)
            _log.info("automatic backup %s: %d bytes", info.name, info.size)
        except Exception:
            _log.exception("the automatic backup of %s failed", self._data)


def newest_automatic(data: Path) -> float | None:
    """When the last automatic backup was made, in seconds since 1970."""
    return next((info.created_at / 1000 for info in list_backups(data) if info.automatic), None)


def seconds_until_due(now: float, newest: float | None) -> float:
    """How long until the next backup: 0 when there is none since the last dawn."""
    dawn = datetime.fromtimestamp(now).replace(hour=DAWN_HOUR, minute=0, second=0, microsecond=0)
    if dawn.timestamp() > now:
        dawn -= timedelta(days=1)
    if newest is None or newest < dawn.timestamp():
        return 0
    return (dawn + timedelta(days=1)).timestamp() - now
