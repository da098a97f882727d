"""Work that happens by itself: checkpoints, expired documents and transactions, the length of the log."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import apsw

URGENT_PAGES = 4000
QUIET_SECONDS = 1.0
SWEEP_SECONDS = 60.0

_log = logging.getLogger("yunbox.documents")


class Housekeeper:
    """A thread that sleeps until something was committed, or until the next sweep."""

    def __init__(self, path: Path, sweep: Callable[[], None]) -> None:
        self._path = path
        self._sweep = sweep
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._closing = False
        self._commits = 0
        self._thread: threading.Thread | None = None

    def watch(self, connection: apsw.Connection) -> None:
        """Count the pages that a writing connection puts into the log."""
        connection.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._commits += 1
        if not self._wake.is_set():
            self._start()
            self._wake.set()
        if pages > URGENT_PAGES and not self._urgent.is_set():
            self._urgent.set()
        return apsw.SQLITE_OK

    def _start(self) -> None:
        if self._thread is None and not self._closing:
            self._thread = threading.Thread(target=self._run, name="document-housekeeper", daemon=True)
            self._thread.start()

    def start_sweeping(self) -> None:
        """Sweep even when nothing is written: there is an index that lets documents expire."""
        self._start()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        self._urgent.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
        next_sweep = time.monotonic() + SWEEP_SECONDS
        try:
            while not self._closing:
                if self._wake.wait(max(0.0, next_sweep - time.monotonic())) and not self._closing:
                    self._checkpoint(connection)
                if time.monotonic() >= next_sweep and not self._closing:
                    self._sweep_once()
                    next_sweep = time.monotonic() + SWEEP_SECONDS
        finally:
            connection.close()

    def _checkpoint(self, connection: apsw.Connection) -> None:
        """Copy the log into the file; empty it when nothing was written for a while."""
        seen = self._commits
        self._wake.clear()
        if self._urgent.wait(QUIET_SECONDS):
            self._urgent.clear()
        quiet = self._commits == seen
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if quiet else apsw.SQLITE_CHECKPOINT_PASSIVE
        with contextlib.suppress(apsw.BusyError, apsw.LockedError):
            connection.wal_checkpoint(mode=mode)
        if not quiet:
            self._wake.set()

    def _sweep_once(self) -> None:
        try:
            self._sweep()
        except Exception:
            _log.exception("sweeping %s failed", self._path)
