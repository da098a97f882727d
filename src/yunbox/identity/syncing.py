"""Waiting for the disk away from the event loop, one wait for all who ask meanwhile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


class SharedSync:
    """Makes what SQLite wrote to a write-ahead log safe from a power cut, as ``synchronous=FULL`` does at each commit."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Returns after a sync that began after this call."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._after(self._running))
        await asyncio.shield(self._next)

    async def _after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._running, self._next = self._next, None
        await asyncio.to_thread(_sync, self._log)


def _sync(path: Path) -> None:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return  # closed meanwhile, which wrote everything to the database
    try:
        os.fsync(file)
    finally:
        os.close(file)
