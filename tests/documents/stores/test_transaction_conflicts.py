"""When transactions see what happens beside them, and when they fail (TX-3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.errors import InvalidRequest, WriteConflict


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.open(None)
    engine.run_sync(c.CreateCollection("t"))
    engine.run_sync(c.Insert("t", [{"_id": 1, "n": 0}, {"_id": 2, "n": 0}]))
    yield engine
    engine.close()


def add_one(engine: Engine, key: int, transaction: str | None = None) -> None:
    engine.run_sync(c.Update("t", {"_id": key}, {"$inc": {"n": 1}}), transaction=transaction)


def test_a_document_that_another_transaction_has_written(engine: Engine) -> None:
    one, two = engine.begin_sync(), engine.begin_sync()
    add_one(engine, 1, one)
    with pytest.raises(WriteConflict):
        add_one(engine, 1, two)
    with pytest.raises(InvalidRequest):
        engine.commit_sync(two)
    engine.commit_sync(one)
    assert engine.run_sync(c.Find("t", {"_id": 1})) == [{"_id": 1, "n": 1}]


def test_a_document_that_was_written_since_the_snapshot(engine: Engine) -> None:
    transaction = engine.begin_sync()
    engine.run_sync(c.Find("t", {"_id": 1}), transaction=transaction)
    add_one(engine, 1)
    assert engine.run_sync(c.Find("t", {"_id": 1}), transaction=transaction) == [{"_id": 1, "n": 0}]
    with pytest.raises(WriteConflict):
        add_one(engine, 1, transaction)


def test_the_first_command_fixes_the_snapshot(engine: Engine) -> None:
    transaction = engine.begin_sync()
    engine.run_sync(c.Insert("t", [{"_id": 3, "n": 0}]))
    assert engine.run_sync(c.Count("t"), transaction=transaction) == 3
    engine.run_sync(c.Insert("t", [{"_id": 4, "n": 0}]))
    assert engine.run_sync(c.Count("t"), transaction=transaction) == 3


def test_an_aborted_transaction_is_in_nobodys_way(engine: Engine) -> None:
    one, two = engine.begin_sync(), engine.begin_sync()
    add_one(engine, 1, one)
    engine.abort_sync(one)
    add_one(engine, 1, two)
    engine.commit_sync(two)
    assert engine.run_sync(c.Find("t", {"_id": 1})) == [{"_id": 1, "n": 1}]
