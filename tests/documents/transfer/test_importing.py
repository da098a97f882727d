"""Imports into an engine: conflicts, errors, rehearsals."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.documents.transfer import Import, Mode, Report, import_records, importing, read_records
from yunbox.errors import CollectionNotFound, QueryError

LINES = """{"_id": 1, "n": "new"}
{"_id": 2, "n": "two"}
{"_id": 2, "n": "again"}
{"_id": 3, "u": 7}
nonsense
{"_id": 4}
"""
"""In a collection with a document 1 and a unique index on ``u`` that holds 7."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = Engine.open(tmp_path / "documents.sqlite", durability="off")
    opened.run_sync(c.CreateCollection("c"))
    opened.run_sync(c.CreateIndex("c", [("u", 1)], unique=True, sparse=True))
    opened.run_sync(c.Insert("c", [{"_id": 1, "n": "old"}, {"_id": 0, "u": 7}]))
    yield opened
    opened.close()


@pytest.fixture(params=[2, 10_000], ids=["small-batches", "one-batch"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", request.param)


def run(engine: Engine, text: str, mode: Mode = "insert", **options: Any) -> Report:
    wanted = Import(options.pop("collection", "c"), mode, **options)
    return import_records(engine, read_records(io.BytesIO(text.encode()), "json"), wanted)


def names(engine: Engine) -> dict[Any, Any]:
    return {document["_id"]: document.get("n") for document in engine.run_sync(c.Find("c"))}


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.skipped, report.failed


OUTCOMES: list[Any] = [
    pytest.param("insert", False, (2, 0, 0, 4), [1, 3, 4, 5], {2: "two", 4: None}, id="insert"),
    pytest.param("insert", True, (0, 0, 0, 1), [1], {}, id="insert-stop"),
    pytest.param("upsert", False, (2, 2, 0, 2), [4, 5], {1: "new", 2: "again", 4: None}, id="upsert"),
    pytest.param("upsert", True, (1, 2, 0, 1), [4], {1: "new", 2: "again"}, id="upsert-stop"),
    pytest.param("skip", False, (2, 0, 2, 2), [4, 5], {2: "two", 4: None}, id="skip"),
    pytest.param("skip", True, (1, 0, 2, 1), [4], {2: "two"}, id="skip-stop"),
]


@pytest.mark.usefixtures("batches")
@pytest.mark.parametrize(("mode", "stop", "expected", "lines", "changes"), OUTCOMES)
def test_conflicts(
    engine: Engine, mode: Mode, stop: bool, expected: tuple[int, ...], lines: list[int], changes: dict[int, Any]
) -> None:
    before = names(engine)
    report = run(engine, LINES, mode, stop_on_error=stop)
    assert counts(report) == expected
    assert sorted(error["line"] for error in report.errors) == lines
    assert report.stopped is stop
    assert names(engine) == {**before, **changes}
    assert report.succeeded == sum(expected[:3])


@pytest.mark.usefixtures("batches")
@pytest.mark.parametrize(("mode", "stop", "expected", "lines", "changes"), OUTCOMES)
def test_a_dry_run_tells_the_same_and_writes_nothing(
    engine: Engine, mode: Mode, stop: bool, expected: tuple[int, ...], lines: list[int], changes: dict[int, Any]
) -> None:
    before, sequence = names(engine), engine.last_sequence()
    report = run(engine, LINES, mode, stop_on_error=stop, dry_run=True)
    assert counts(report) == expected
    assert sorted(error["line"] for error in report.errors) == lines
    assert report.dry_run
    assert (names(engine), engine.last_sequence()) == (before, sequence)
    assert engine.check() == []


@pytest.mark.parametrize("stop", [False, True])
def test_an_unusable_line_stops_where_it_is(engine: Engine, stop: bool) -> None:
    report = run(engine, '{"_id": 5}\nbroken\n{"_id": 6}', stop_on_error=stop)
    assert (report.inserted, report.failed) == ((1, 1) if stop else (2, 1))
    assert (6 in names(engine)) is not stop


def test_missing_collections(engine: Engine) -> None:
    with pytest.raises(CollectionNotFound):
        run(engine, LINES, collection="none")
    assert run(engine, LINES, collection="none", create=True, dry_run=True).inserted == 4
    assert not engine.has_collection("none")
    assert run(engine, LINES, collection="none", create=True).inserted == 4
    assert run(engine, "", collection="empty", create=True).inserted == 0
    assert engine.has_collection("empty")
    with pytest.raises(QueryError):
        run(engine, LINES, collection="$bad", create=True)


def test_records_without_an_id_get_one(engine: Engine) -> None:
    assert run(engine, '{"n": 1}\n{"n": 2}', "upsert").inserted == 2
    assert all(len(id) == 32 for id in names(engine) if isinstance(id, str))
    assert run(engine, '{"n": 1}', new_id=lambda: "mine").inserted == 1
    assert "mine" in names(engine)


def test_progress_and_the_first_hundred_errors(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 50)
    told: list[int] = []
    lines = "".join(f'{{"_id": {n % 120 + 10}}}\n' for n in range(300))
    records = read_records(io.BytesIO(lines.encode()), "json")
    report = import_records(engine, records, Import("c"), lambda report: told.append(report.inserted + report.failed))
    assert told == [50, 100, 150, 200, 250, 300, 300]
    assert (report.inserted, report.failed, len(report.errors)) == (120, 180, 100)
    assert report.errors[0] == {"line": 121, "message": "duplicate _id 10 / _id 重复"}


def test_large_records_are_written_in_smaller_batches(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_BYTES", 1000)
    told: list[int] = []
    lines = "".join(f'{{"_id": {n + 10}, "t": "{"x" * 600}"}}\n' for n in range(5))
    records = read_records(io.BytesIO(lines.encode()), "json")
    import_records(engine, records, Import("c"), lambda report: told.append(report.inserted))
    assert told == [2, 4, 5]


def test_a_replacement_cannot_be_an_update(engine: Engine) -> None:
    report = run(engine, '{"_id": 1, "$set": {"n": "hacked"}}', "upsert")
    assert report.errors == [{"line": 1, "message": "the key `$set` starts with a $"}]
    assert names(engine)[1] == "old"
