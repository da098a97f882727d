"""Indexes are built while the collection is in use, and go on after an interruption."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.documents.stores.embedded import building
from yunbox.errors import DuplicateKey, QueryError

COUNT = 3 * building.PORTION + 10


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "documents.sqlite"
    engine = Engine.open(path, durability="off")
    engine.run_sync(c.CreateCollection("c"))
    engine.run_sync(c.Insert("c", [{"_id": n, "a": n % 50, "u": n, "s": f"É{n % 7}"} for n in range(COUNT)]))
    engine.close()
    return path


class Interrupted(Exception):
    """The end of the process, as far as a build can tell."""


def interrupt(done: int, total: int) -> None:
    raise Interrupted


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


def listed(engine: Engine, name: str) -> dict[str, Any]:
    return next(one for one in engine.run_sync(c.ListIndexes("c")) if one["name"] == name)


def plan_of(engine: Engine, filter: dict[str, Any], **options: Any) -> str:
    found = engine.run_sync(c.Explain(c.Find("c", filter, **options)))
    return str(found["queryPlanner"]["winningPlan"]["stage"])


def test_an_interrupted_index_goes_on_and_is_not_used_before(path: Path) -> None:
    engine = Engine.open(path)
    with pytest.raises(Interrupted):
        engine.create_index(c.CreateIndex("c", [("a", 1)]), interrupt)
    assert listed(engine, "a_1")["building"] == {"done": building.PORTION, "documents": COUNT}
    assert plan_of(engine, {"a": 7}) == "COLLSCAN"
    engine.run_sync(c.Insert("c", [{"_id": "later", "a": 7}]))
    engine.run_sync(c.Delete("c", {"_id": 7}))
    engine.close()

    engine = Engine.open(path)
    eventually(lambda: "building" not in listed(engine, "a_1"))
    assert plan_of(engine, {"a": 7}) == "FETCH"
    assert engine.run_sync(c.Count("c", {"a": 7})) == sum(n % 50 == 7 for n in range(COUNT))
    assert engine.check() == []
    engine.close()


def test_progress_is_told(path: Path) -> None:
    engine = Engine.open(path)
    told: list[tuple[int, int]] = []
    engine.create_index(c.CreateIndex("c", [("a", 1)]), lambda done, total: told.append((done, total)))
    assert told == [(building.PORTION * n, COUNT) for n in (1, 2, 3)] + [(COUNT, COUNT)]
    engine.close()


def test_others_write_while_an_index_is_built(path: Path) -> None:
    engine = Engine.open(path)
    written: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            engine.run_sync(c.Insert("c", [{"_id": f"w{number}", "a": -number}]))
            written.append(number)

    at: list[int] = []
    writer = threading.Thread(target=write)
    writer.start()
    try:
        engine.create_index(c.CreateIndex("c", [("a", 1)]), lambda done, total: at.append(len(written)))
    finally:
        stop.set()
        writer.join()
    assert at[-1] > at[0], "nobody got in between two portions"
    assert engine.run_sync(c.Count("c", {"a": {"$lt": 0}})) == len(written) - 1
    assert engine.check() == []
    engine.close()


def test_a_unique_index_that_cannot_be_finished_goes_away(path: Path) -> None:
    engine = Engine.open(path)
    with pytest.raises(Interrupted):
        engine.create_index(c.CreateIndex("c", [("u", 1)], unique=True), interrupt)
    engine.run_sync(c.Insert("c", [{"_id": "twin", "u": COUNT - 1}]))
    engine.close()
    engine = Engine.open(path)
    eventually(lambda: len(engine.run_sync(c.ListIndexes("c"))) == 1)
    with pytest.raises(DuplicateKey):
        engine.create_index(c.CreateIndex("c", [("u", 1)], unique=True))
    engine.close()


def test_a_dropped_index_ends_its_build(path: Path) -> None:
    engine = Engine.open(path)
    with pytest.raises(QueryError) as caught:
        engine.create_index(c.CreateIndex("c", [("a", 1)]), lambda *_: engine.run_sync(c.DropIndex("c", "a_1")))
    assert caught.value.number == 276
    assert len(engine.run_sync(c.ListIndexes("c"))) == 1
    engine.close()


def test_a_renamed_collection_keeps_its_build(path: Path) -> None:
    engine = Engine.open(path)
    names = iter(["d", "e", "f", "g"])

    def rename(done: int, total: int) -> None:
        (one,) = engine.run_sync(c.ListCollections())
        engine.run_sync(c.RenameCollection(one.name, next(names)))

    engine.create_index(c.CreateIndex("c", [("a", 1)]), rename)
    assert engine.run_sync(c.Count("g", {"a": 3})) == sum(n % 50 == 3 for n in range(COUNT))
    assert engine.check() == []
    engine.close()


def test_a_file_of_format_1_has_its_collated_indexes_made_anew(path: Path) -> None:
    collation = {"locale": "fr", "strength": 1}
    engine = Engine.open(path)
    engine.create_index(c.CreateIndex("c", [("s", 1)], collation=collation))
    engine._writer._connection.execute("UPDATE x1 SET t0=6")
    engine._writer._connection.pragma("user_version", 1)
    engine.close()
    engine = Engine.open(path)
    eventually(lambda: "building" not in listed(engine, "s_1"))
    assert engine.run_sync(c.Count("c", {"s": "e3"}, collation=collation)) == sum(n % 7 == 3 for n in range(COUNT))
    assert plan_of(engine, {"s": {"$gt": "f"}}, collation=collation) == "FETCH"
    assert engine.check() == []
    engine.close()


@pytest.mark.parametrize(
    ("keys", "damage"),
    [
        ([("a", 1)], "DELETE FROM x1 WHERE rid=1"),
        ([("at", "2dsphere")], "DELETE FROM g1 WHERE id=1"),
        ([("s", "text")], "INSERT INTO f1(t, rowid) VALUES('more', 99)"),
    ],
)
def test_an_index_without_a_document_is_found(tmp_path: Path, keys: list[tuple[str, Any]], damage: str) -> None:
    engine = Engine.open(tmp_path / "documents.sqlite")
    place = {"type": "Point", "coordinates": [1.5, 2.5]}
    engine.run_sync(c.Insert("c", [{"_id": 1, "a": 1, "s": "word", "at": place}, {"_id": 2}], create=True))
    engine.run_sync(c.CreateIndex("c", keys))
    assert engine.check() == []
    engine._writer.run(lambda store: store.connection.execute(damage).fetchall())
    assert len(engine.check()) == 1
    engine.close()
