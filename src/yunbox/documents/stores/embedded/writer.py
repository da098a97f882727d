"""The single writer of a file: requests that wait together are committed together.

Each request runs in its own savepoint; none is answered before the commit that made it durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import apsw

from yunbox.tools.clock import Clock

from .catalog import Collection
from .changes import Hub
from .connection import Deadline, limited
from .schema import load_catalog
from .store import Batch, Store
from .writes import Partly

MAX_BATCH = 256

Work = Callable[[Store], Any]


class Request:
    """One unit of work and where its answer goes."""

    __slots__ = ("deadline", "error", "future", "loop", "result", "work")

    def __init__(
        self, work: Work, deadline: Deadline | None, future: Any, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self.work = work
        self.deadline = deadline
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None

    def outcome(self) -> Any:
        """The result, or the error raised, which is let go of: its traceback would keep statements open."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
            return self.result
        finally:
            del error

    def answer(self) -> None:
        """Hand the outcome to whoever waits."""
        error, self.error = self.error, None
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Owns the writing connection. ``catalog`` is what readers may see: replaced as a whole, never changed in place. It follows
    the file, which is ahead of it for a moment while a commit is ``committing``.
    """

    def __init__(
        self, space: str, connection: apsw.Connection, catalog: dict[str, Collection], hub: Hub, clock: Clock
    ) -> None:
        self.catalog = catalog
        self.committing = False
        self._connection = connection
        self._store = Store(space, connection, hub, clock)
        self._lock = threading.Lock()
        self._waiting: deque[Request] = deque()
        self._store.waiting = lambda: bool(self._waiting)
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def run(self, work: Work, deadline: Deadline | None = None) -> Any:
        """Do work and wait until it is durable; in the calling thread when the writer is free."""
        request = Request(work, deadline, None, None)
        # Who waits comes first: otherwise one that writes without a pause would never let another in.
        if not self._waiting and self._lock.acquire(blocking=False):
            try:
                self._commit([request])
            finally:
                self._lock.release()
            return request.outcome()
        request.future = Future()
        self._submit(request)
        return request.future.result()

    async def run_async(self, work: Work, deadline: Deadline | None = None) -> Any:
        """Do work in the writer's thread; the loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._submit(Request(work, deadline, future, loop))
        return await future

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """No request runs meanwhile; they wait."""
        with self._lock:
            yield

    def close(self) -> None:
        """Finish what waits and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._connection.close()

    def _submit(self, request: Request) -> None:
        with self._wake:
            if self._closing:
                raise RuntimeError("the document store is closed")
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="document-writer", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _loop(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    return
            with self._lock:
                requests = self._taken()
                self._commit(requests)
            _answer(requests)

    def _taken(self) -> list[Request]:
        with self._wake:
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]

    def _commit(self, requests: list[Request]) -> None:
        """Run requests in one transaction."""
        batch = Batch(dict(self.catalog))
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for request in requests:
                batch = self._run_one(request, batch, alone=len(requests) == 1)
            self._store.start(batch)
            self._store.save()
            self.committing = True
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back(reload=all(request.error is None for request in requests))
            for request in requests:
                request.error = request.error or error
            self.committing = False
            return
        self.catalog = batch.catalog
        self.committing = False
        self._store.publish()

    def _run_one(self, request: Request, batch: Batch, alone: bool) -> Batch:
        """Run a request on a copy of the batch; the result is the batch that goes on."""
        attempt = batch if alone else batch.copy()
        store = self._store
        store.start(attempt)
        store.deadline = request.deadline
        store.shared = not alone
        if not alone:
            self._connection.execute("SAVEPOINT request")
        try:
            with limited(self._connection, request.deadline):
                request.result = request.work(store)
        except BaseException as error:
            request.error = error
            if alone:
                raise
            self._connection.execute("ROLLBACK TO request; RELEASE request")
            return batch
        finally:
            store.deadline = None
        if not alone:
            self._connection.execute("RELEASE request")
        if isinstance(request.result, Partly):
            request.error = request.result.error
        return attempt

    def _roll_back(self, *, reload: bool) -> None:
        """Undo the transaction. ``reload``: the commit itself failed (a full disk), so that what is kept in memory of
        collections and indexes may run ahead of the file.
        """
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if reload:
                self.catalog = load_catalog(self._connection)


def _answer(requests: list[Request]) -> None:
    by_loop: dict[Any, list[Request]] = {}
    for request in requests:
        if request.loop is None:
            request.answer()
        else:
            by_loop.setdefault(request.loop, []).append(request)
    for loop, answered in by_loop.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_answer_all, answered)


def _answer_all(requests: list[Request]) -> None:
    for request in requests:
        request.answer()
