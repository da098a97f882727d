"""When transactions see what happens beside them, and when they fail (TX-3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.errors import CollectionNotFound, InvalidRequest, WriteConflict


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


def test_a_collection_that_a_transaction_writes_to_first(engine: Engine) -> None:
    transaction = engine.begin_sync()
    add_one(engine, 1, transaction)
    engine.run_sync(c.Insert("fresh", [{"_id": 1}], create=True), transaction=transaction)
    upsert = c.Update("other", {"_id": 2}, {"$set": {"n": 1}}, upsert=True, create=True, missing_ok=True)
    engine.run_sync(c.Bulk([upsert, upsert]), transaction=transaction)
    assert [engine.run_sync(c.Count(name)) for name in ("fresh", "other")] == [0, 0]
    assert engine.run_sync(c.Find("t", {"_id": 1}), transaction=transaction) == [{"_id": 1, "n": 1}]
    assert engine.run_sync(c.Find("other"), transaction=transaction) == [{"_id": 2, "n": 1}]
    engine.commit_sync(transaction)
    assert [engine.run_sync(c.Count(name)) for name in ("fresh", "other", "t")] == [1, 1, 2]
    assert engine.run_sync(c.Find("t", {"_id": 1})) == [{"_id": 1, "n": 1}]


def test_a_collection_that_somebody_made_since_the_snapshot(engine: Engine) -> None:
    transaction = engine.begin_sync()
    engine.run_sync(c.Find("t", {"_id": 1}), transaction=transaction)
    add_one(engine, 2)
    engine.run_sync(c.Insert("fresh", [{"_id": 1}], create=True))
    engine.run_sync(c.Insert("fresh", [{"_id": 2}]), transaction=transaction)
    assert engine.run_sync(c.Count("fresh"), transaction=transaction) == 2
    engine.commit_sync(transaction)
    assert engine.run_sync(c.Count("fresh")) == 2


def test_a_new_collection_hides_no_conflict(engine: Engine) -> None:
    transaction = engine.begin_sync()
    engine.run_sync(c.Find("t", {"_id": 1}), transaction=transaction)
    add_one(engine, 1)
    with pytest.raises(WriteConflict):
        engine.run_sync(c.Insert("fresh", [{"_id": 1}], create=True), transaction=transaction)
    with pytest.raises(InvalidRequest):
        engine.run_sync(c.Find("t"), transaction=transaction)
    assert engine.run_sync(c.Count("fresh")) == 0


def test_without_leave_to_make_it_a_missing_collection_is_an_error(engine: Engine) -> None:
    transaction = engine.begin_sync()
    with pytest.raises(CollectionNotFound):
        engine.run_sync(c.Insert("fresh", [{"_id": 1}]), transaction=transaction)
    engine.run_sync(c.Insert("t", [{"_id": 3}]), transaction=transaction)
    engine.commit_sync(transaction)
    assert engine.run_sync(c.Count("t")) == 3
