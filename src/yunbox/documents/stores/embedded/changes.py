"""The change feed: what was committed, in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

Operation = Literal["insert", "update", "replace", "delete", "drop"]
Subscriber = Callable[["Change"], None]


_log = logging.getLogger("yunbox.documents")


class Change(NamedTuple):
    """One document written, or one collection dropped (``id`` is then ``None``). ``replace`` is an update that gave the
    whole new document.

    ``sequence`` only grows; ``at`` is in milliseconds since 1970; ``transaction`` is the sequence of the first change of
    the transaction that made it. ``before`` and ``after`` are whole documents; ``None`` where there is none, and for both
    when the change is read back from a log that did not keep them.
    """

    sequence: int
    at: int
    collection: str
    operation: Operation
    id: Any
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    transaction: int | None = None


class Hub:
    """Hands committed changes to whoever subscribed. Subscribers are called in the writing thread and must not block."""

    def __init__(self) -> None:
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` with every change from now on; the result ends that."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)
        return lambda: self._unsubscribe(subscriber)

    def _unsubscribe(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    def publish(self, changes: Sequence[Change]) -> None:
        for subscriber in self._subscribers:
            for change in changes:
                try:
                    subscriber(change)
                except Exception:
                    # The change is durable whatever its listeners make of it.
                    _log.exception("a subscriber failed on change %d of %s", change.sequence, change.collection)
