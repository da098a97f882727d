"""A write to many documents lets others in between, changes each document whole, and says how far it came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Change, Engine
from yunbox.documents.stores.embedded.turns import MORE, PORTION, Turns, turns_of
from yunbox.errors import QueryError

COUNT = 3 * PORTION


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    engine = Engine.open(None)
    engine.run_sync(c.CreateCollection("c"))
    engine.run_sync(c.Insert("c", [{"_id": n, "v": 0, "go": True} for n in range(COUNT)]))
    yield engine
    assert engine.check() == []
    engine.close()


def begun(engine: Engine, command: c.Command) -> Turns:
    """A command that had its first turn, which ended because somebody waits."""
    engine._writer._store.waiting = lambda: True
    turns = turns_of(command)
    assert turns is not None
    assert engine._writer.run(turns.take) is MORE
    return turns


def finished(engine: Engine, turns: Turns) -> Any:
    while (result := engine._writer.run(turns.take)) is MORE:
        pass
    return result


def test_what_does_not_match_any_more_is_left_alone(engine: Engine) -> None:
    turns = begun(engine, c.Update("c", {"go": True}, {"$inc": {"v": 1}}, multi=True))
    engine.run_sync(c.Update("c", {"_id": COUNT - 1}, {"$set": {"go": False}}))
    engine.run_sync(c.Delete("c", {"_id": COUNT - 2}))
    engine.run_sync(c.Insert("c", [{"_id": "new", "v": 0, "go": True}]))
    result = finished(engine, turns)
    assert (result.matched, result.modified) == (COUNT - 2, COUNT - 2)
    assert engine.run_sync(c.Count("c", {"v": 1})) == COUNT - 2
    assert engine.run_sync(c.Count("c", {"v": {"$gt": 1}})) == 0


def test_a_delete_in_turns(engine: Engine) -> None:
    turns = begun(engine, c.Delete("c", {"go": True}, multi=True))
    engine.run_sync(c.Update("c", {"_id": COUNT - 1}, {"$set": {"go": False}}))
    assert finished(engine, turns) == COUNT - 1
    assert engine.run_sync(c.Count("c")) == 1


def test_whoever_is_alone_commits_once(engine: Engine) -> None:
    commits: list[bool] = []

    def committed() -> bool:
        commits.append(True)
        return False

    engine._writer._connection.set_commit_hook(committed)
    assert engine.run_sync(c.Delete("c", {}, multi=True)) == COUNT
    assert len(commits) == 1


def test_a_dropped_collection_ends_it(engine: Engine) -> None:
    turns = begun(engine, c.Update("c", {}, {"$inc": {"v": 1}}, multi=True))
    engine.run_sync(c.DropCollection("c"))
    engine.run_sync(c.CreateCollection("c"))
    with pytest.raises(QueryError) as caught:
        finished(engine, turns)
    assert caught.value.number == 175


@pytest.mark.parametrize("place", [5, PORTION + 5, 2 * PORTION])
async def test_a_failure_says_how_many_were_done(engine: Engine, place: int) -> None:
    engine.run_sync(c.Update("c", {"_id": place}, {"$set": {"v": "text"}}))
    command = c.Update("c", {}, {"$inc": {"v": 1}}, multi=True)
    with pytest.raises(QueryError) as caught:
        await engine.run(command)
    assert caught.value.number == 14
    assert (caught.value.data["matched"], caught.value.data["modified"]) == (place, place)
    assert engine.run_sync(c.Count("c", {"v": 1})) == place
    with pytest.raises(QueryError):
        engine.run_sync(command)
    assert engine.run_sync(c.Count("c", {"v": 2})) == place


def test_others_write_meanwhile(engine: Engine) -> None:
    told: list[Change] = []
    engine.subscribe(told.append)
    done = threading.Event()

    def update() -> None:
        for _ in range(5):
            engine.run_sync(c.Update("c", {}, {"$inc": {"v": 1}}, multi=True))
        done.set()

    thread = threading.Thread(target=update)
    thread.start()
    number = 0
    while not done.is_set():
        engine.run_sync(c.Insert("c", [{"_id": f"other{number}", "v": 0}]))
        number += 1
    thread.join()
    names = [change.operation for change in told]
    first, last = names.index("update"), len(names) - 1 - names[::-1].index("update")
    assert "insert" in names[first:last]


def test_the_change_log_keeps_every_document(engine: Engine) -> None:
    before = engine.last_sequence()
    told: list[Change] = []
    engine.subscribe(told.append)
    engine.run_sync(c.Update("c", {}, {"$inc": {"v": 1}}, multi=True))
    logged = engine.changes(before, COUNT + 1)
    assert [change.after for change in logged] == [{"_id": n, "v": 1, "go": True} for n in range(COUNT)]
    assert [change.sequence for change in told] == [change.sequence for change in logged]
    assert all(change.before == {"_id": change.id, "v": 0, "go": True} for change in told)


def test_a_large_insert_is_read_back_as_it_is_now(engine: Engine) -> None:
    before = engine.last_sequence()
    engine.run_sync(c.Insert("c", [{"_id": f"n{n}", "v": 7} for n in range(PORTION + 2)]))
    engine.run_sync(c.Delete("c", {"_id": f"n{PORTION}"}))
    engine.run_sync(c.Update("c", {"_id": f"n{PORTION + 1}"}, {"$set": {"v": 8}}))
    changes = engine.changes(before, COUNT)
    assert [change.id for change in changes[: PORTION + 2]] == [f"n{n}" for n in range(PORTION + 2)]
    assert changes[PORTION - 1].after == {"_id": f"n{PORTION - 1}", "v": 7}
    assert changes[PORTION].after is None
    assert changes[PORTION + 1].after == {"_id": f"n{PORTION + 1}", "v": 8}
    assert [change.operation for change in changes[-2:]] == ["delete", "update"]


def test_who_listens_only_when_a_large_batch_is_told_gets_its_documents(engine: Engine) -> None:
    told: list[Change] = []
    documents = [{"_id": f"n{n}", "v": 7} for n in range(PORTION + 2)]

    def insert_and_listen(store: Any) -> None:
        store.insert_many(store.collection("c"), documents)
        engine.subscribe(told.append)

    engine._writer.run(insert_and_listen)
    assert [change.after for change in told] == documents
