"""Work that happens by itself: checkpoints, expired documents and transactions, the length of the log."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import apsw

URGENT_PAGES = 1000
"""Pages in the write-ahead log after which it is copied into the file."""
LARGE_LOG_PAGES = 4000
QUIET_SECONDS = 1.0
SWEEP_SECONDS = 60.0

_log = logging.getLogger("yunbox.documents")


class Housekeeper:
    """A thread that sleeps until something was committed, or until the next sweep.

    The write-ahead log is written over from its beginning, not cut off: a commit that makes the file longer waits for the
    file system's own journal, which takes half as long again.
    """

    def __init__(self, path: Path, sweep: Callable[[], None]) -> None:
        self._path = path
        self._sweep = sweep
        self._pause: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        self._urgent_at = URGENT_PAGES
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._closing = False
        self._commits = 0
        self._thread: threading.Thread | None = None

    def watch(self, connection: apsw.Connection, pause: Callable[[], AbstractContextManager[None]]) -> None:
        """Count the pages that a writing connection puts into the log; ``pause`` keeps it from writing meanwhile."""
        self._pause = pause
        connection.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._commits += 1
        if not self._wake.is_set():
            self._start()
            self._wake.set()
        if pages > self._urgent_at and not self._urgent.is_set():
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
        # A connection that has read nothing does not know of the log, and its checkpoints do nothing.
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
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
        """Copy the log into the file, so that it can be written over; give back a large one when nothing is written."""
        seen = self._commits
        self._wake.clear()
        self._urgent.wait(QUIET_SECONDS)
        quiet = self._commits == seen
        with contextlib.suppress(apsw.BusyError, apsw.LockedError):
            pages, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if not quiet:
                # Writers go on meanwhile: only when they wait for the rest is the log ever wholly copied.
                with self._pause():
                    pages, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            elif pages > LARGE_LOG_PAGES:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._urgent_at = URGENT_PAGES if copied == pages else pages + URGENT_PAGES
        self._urgent.clear()
        if not quiet:
            self._wake.set()

    def _sweep_once(self) -> None:
        try:
            self._sweep()
        except Exception:
            _log.exception("sweeping %s failed", self._path)
