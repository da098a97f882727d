"""The change log, where one row stands for many changes: read in parts, trimmed, and asked by transactions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from yunbox.documents import commands as c
from yunbox.documents.stores import Change, Engine
from yunbox.documents.stores.embedded import sweeping
from yunbox.documents.stores.embedded.log import PACKED
from yunbox.errors import LimitExceeded, WriteConflict

COUNT = 2 * PACKED + 300


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    engine = Engine.open(None)
    engine.run_sync(c.CreateCollection("c"))
    yield engine
    assert engine.check() == []
    engine.close()


def insert(engine: Engine, first: int = 0, count: int = COUNT) -> None:
    engine.run_sync(c.Insert("c", [{"_id": n} for n in range(first, first + count)]))


def rows(engine: Engine) -> int:
    count: int = engine._writer._connection.execute("SELECT count(*) FROM log").get
    return count


@pytest.mark.parametrize("portion", [1, 7, PACKED, PACKED + 1, 10 * COUNT])
def test_reading_in_portions_neither_loses_nor_repeats(engine: Engine, portion: int) -> None:
    count = 600 if portion < 10 else COUNT
    insert(engine, 0, 3)
    insert(engine, 3, count)
    engine.run_sync(c.Delete("c", {"_id": 1}))
    assert rows(engine) < 10
    changes: list[Change] = []
    while more := engine.changes(changes[-1].sequence if changes else 0, portion):
        assert len(more) <= portion
        changes += more
    assert [change.sequence for change in changes] == list(range(1, count + 5))
    assert [change.id for change in changes] == [*range(count + 3), 1]
    assert engine.last_sequence() == count + 4


def test_who_listens_is_told_each_change(engine: Engine) -> None:
    told: list[Change] = []
    engine.subscribe(told.append)
    insert(engine)
    assert told == [Change(n + 1, told[0].at, "c", "insert", n, None, {"_id": n}) for n in range(COUNT)]
    assert [change.sequence for change in engine.changes(0, COUNT)] == [change.sequence for change in told]


def test_keys_of_all_kinds_come_back(engine: Engine) -> None:
    ids: list[Any] = [ObjectId(), "x", 2.5, None, True, {"a": 1}, 2**60]
    documents = [{"_id": id} for id in ids] + [{"_id": n, "more": True} for n in range(300)]
    engine.run_sync(c.Insert("c", documents))
    assert [change.after for change in engine.changes(0, 1000)] == documents
    engine.run_sync(c.Delete("c", {}, multi=True))
    assert [change.id for change in engine.changes(0, 3)] == [ids[0], "x", 2.5]


def test_a_transaction_meets_one_of_many(engine: Engine) -> None:
    insert(engine)
    wrote, read, apart = engine.begin_sync(), engine.begin_sync(), engine.begin_sync()
    for transaction, id in ((wrote, 3), (read, 4), (apart, COUNT + 1)):
        engine.run_sync(c.Find("c", {"_id": id}), transaction=transaction)
    engine.run_sync(c.Delete("c", {"_id": {"$lt": COUNT}}, multi=True))
    insert(engine)
    with pytest.raises(WriteConflict):
        engine.run_sync(c.Update("c", {"_id": 3}, {"$set": {"v": 1}}), transaction=wrote)
    engine.run_sync(c.Insert("c", [{"_id": COUNT + 2}]), transaction=read)
    with pytest.raises(WriteConflict):
        engine.commit_sync(read)
    engine.run_sync(c.Insert("c", [{"_id": COUNT + 1}]), transaction=apart)
    engine.commit_sync(apart)


def test_the_oldest_go_first(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "LOG_ENTRIES", 1000)
    monkeypatch.setattr(sweeping, "LOG_PORTION", 1100)
    insert(engine)
    engine.sweep()
    first = engine.changes(PACKED, 1)[0].sequence
    assert first == PACKED + 1
    assert [change.id for change in engine.changes(PACKED, COUNT)] == list(range(PACKED, COUNT))
    with pytest.raises(LimitExceeded):
        engine.changes(PACKED - 1)
    insert(engine, COUNT, 1)
    assert engine.last_sequence() == COUNT + 1


def test_a_log_of_format_2_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    engine = Engine.open(path)
    engine.run_sync(c.CreateCollection("c"))
    engine.run_sync(c.Insert("c", [{"_id": 1}, {"_id": 2}]))
    engine._writer._connection.pragma("user_version", 2)
    engine.close()
    engine = Engine.open(path)
    assert engine._writer._connection.pragma("user_version") == 3
    insert(engine, 3, 500)
    assert [change.id for change in engine.changes(0)] == list(range(1, 503))
    assert engine.check() == []
    engine.close()
