"""Several writes in one transaction, writes that are only rehearsed, and finds that are read step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Change, Engine
from yunbox.errors import CollectionNotFound, DuplicateKey, QueryError

COMMANDS: list[c.Command] = [
    c.Insert("c", [{"_id": 1}, {"_id": 2}]),
    c.Insert("c", [{"_id": 2}]),
    c.Update("c", {"_id": 1}, {"$set": {"n": 5}}),
    c.Delete("c", {"_id": 2}),
    c.FindAndModify("c", {"_id": 1}, {"$inc": {"n": 1}}, return_new=True),
    c.Update("none", {}, {"$set": {"n": 1}}),
]


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = Engine.open(None)
    opened.run_sync(c.CreateCollection("c"))
    yield opened
    opened.close()


async def test_a_failure_is_in_the_place_of_its_result(engine: Engine) -> None:
    told: list[Change] = []
    engine.subscribe(told.append)
    inserted, duplicate, updated, deleted, modified, missing = await engine.run(c.Bulk(COMMANDS, ordered=False))
    assert inserted == c.InsertResult([1, 2])
    assert isinstance(duplicate, DuplicateKey)
    assert updated == c.UpdateResult(1, 1)
    assert deleted == 1
    assert modified.document == {"_id": 1, "n": 6}
    assert isinstance(missing, CollectionNotFound)
    assert len({change.transaction for change in told}) == 1, "one commit"


def test_an_ordered_bulk_ends_at_its_first_failure(engine: Engine) -> None:
    results = engine.run_sync(c.Bulk(COMMANDS))
    assert [type(result) for result in results] == [c.InsertResult, DuplicateKey]
    assert engine.run_sync(c.Count("c")) == 2


def test_a_bulk_inside_a_transaction(engine: Engine) -> None:
    transaction = engine.begin_sync()
    engine.run_sync(c.Bulk(COMMANDS[:1]), transaction=transaction)
    assert engine.run_sync(c.Count("c")) == 0
    engine.commit_sync(transaction)
    assert engine.run_sync(c.Count("c")) == 2


def test_a_rehearsal_leaves_nothing(engine: Engine) -> None:
    before = engine.last_sequence()
    assert engine.rehearse(c.Insert("new", [{"_id": 1}], create=True)) == c.InsertResult([1])
    assert not engine.has_collection("new")
    with pytest.raises(DuplicateKey) as raised:
        engine.rehearse(c.Insert("c", [{"_id": 1}, {"_id": 1}, {"_id": 1}], ordered=False))
    assert [error.data["index"] for error in raised.value.data["failures"]] == [1, 2]
    with pytest.raises(QueryError):
        engine.rehearse(c.Update("c", {}, {"$nope": 1}))
    assert (engine.last_sequence(), engine.check()) == (before, [])
    assert engine.run_sync(c.Insert("c", [{"_id": 1}])).ids == [1]


def test_the_place_of_every_failure_is_told(engine: Engine) -> None:
    engine.run_sync(c.CreateIndex("c", [("u", 1)], unique=True))
    documents: list[dict[str, Any]] = [{"_id": n, "u": n // 2} for n in range(6)]
    with pytest.raises(DuplicateKey) as raised:
        engine.run_sync(c.Insert("c", documents, ordered=False))
    assert [error.data["index"] for error in raised.value.data["failures"]] == [1, 3, 5]


def test_finds_step_by_step(engine: Engine) -> None:
    engine.run_sync(c.Insert("c", [{"_id": n, "n": -n} for n in range(50)]))
    found = engine.stream(c.Find("c", {"_id": {"$lt": 40}}, projection={"n": 1}, sort={"n": 1}, limit=3))
    assert list(found) == [{"_id": n, "n": -n} for n in (39, 38, 37)]
    assert next(engine.stream(c.Find("c", sort={"_id": 1}, raw=True))) == b'{"_id":0,"n":0}'
    with pytest.raises(CollectionNotFound):
        next(engine.stream(c.Find("none")))
    assert list(engine.stream(c.Find("none", missing_ok=True))) == []
    engine.run_sync(c.Delete("c", {}, multi=True))
    assert engine.run_sync(c.Count("c")) == 0, "what was not read to its end holds nothing up"
