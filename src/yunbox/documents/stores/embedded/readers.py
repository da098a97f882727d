"""Reading connections, lent out one user at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import apsw

from .connection import open_reader

MAX_THREADS = min(8, (os.cpu_count() or 1) + 2)


class Readers:
    """Read-only connections and the threads that use them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[apsw.Connection] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for reads that may take long."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="document-reader")
        return self._pool

    def take(self) -> apsw.Connection:
        """A connection for one user, to be given back."""
        try:
            return self._idle.pop()
        except IndexError:
            return open_reader(self._path)

    def give_back(self, connection: apsw.Connection) -> None:
        """Take a connection back for others, unless a statement is still open on it: one that an error stopped holds on to
        its state of the database for as long as somebody keeps the error, and later reads would see that old state.
        """
        if self._closed or len(self._idle) > MAX_THREADS or connection.txn_state() != apsw.SQLITE_TXN_NONE:
            connection.close()
        else:
            self._idle.append(connection)

    @contextmanager
    def lent(self) -> Iterator[apsw.Connection]:
        connection = self.take()
        try:
            yield connection
        finally:
            self.give_back(connection)

    def close(self) -> None:
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown()
        while self._idle:
            self._idle.pop().close()
