"""What has to be taken away now and then: expired documents, old log entries."""

from __future__ import annotations

from functools import partial
from typing import Any

from .catalog import Index
from .log import first_sequence, last_sequence
from .store import Store
from .writer import Writer

PORTION = 500
LOG_ENTRIES = 100_000
LOG_PORTION = 20_000


def expire(writer: Writer) -> int:
    """Delete the documents that TTL indexes let expire, in portions; the result is how many."""
    total = 0
    for collection in list(writer.catalog.values()):
        for index in collection.indexes:
            if index.expire_after_seconds is None or not index.ready:
                continue
            while removed := writer.run(partial(_expire, name=collection.name, index=index)):
                total += removed
    return total


def _expire(store: Store, name: str, index: Index) -> int:
    collection = store.batch.catalog.get(name)
    if collection is None or collection.index(index.name) is not index:
        return 0
    before = store.clock.now_ms() - int((index.expire_after_seconds or 0) * 1000)
    rows = store.connection.execute(
        f"SELECT DISTINCT rid FROM {index.table} WHERE t0=10 AND k0<? LIMIT {PORTION}", (before,)
    )
    row_ids = [row[0] for row in rows]
    for found in list(store.by_row_ids(collection, row_ids)):
        store.remove(collection, found)
    return len(row_ids)


def trim_log(writer: Writer) -> None:
    """Keep only the newest entries of the log."""
    while writer.run(_trim):
        pass


def _trim(store: Store) -> int:
    first = first_sequence(store.connection)
    last = last_sequence(store.connection)
    if first is None or last - first < LOG_ENTRIES + LOG_PORTION:
        return 0
    end = min(first + LOG_PORTION, last - LOG_ENTRIES)
    store.connection.execute("DELETE FROM log WHERE seq < ?", (end,))
    return int(store.connection.changes())


def has_expiry(collections: Any) -> bool:
    """Whether any collection has a TTL index."""
    return any(index.expire_after_seconds is not None for one in collections for index in one.indexes)
