"""Archives and metadata of mongodump."""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import bson
import pytest

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.documents.transfer import Import, Report, indexes_of
from yunbox.documents.transfer.service import _imported
from yunbox.errors import InvalidRequest

MAGIC = struct.pack("<I", 0x8199E26D)
END = struct.pack("<i", -1)
INDEXES: list[dict[str, Any]] = [
    {"v": 2, "key": {"_id": 1}, "name": "_id_"},
    {"v": 2, "key": {"n": {"$numberInt": "-1"}}, "name": "n_-1", "unique": True},
    {"v": 2, "key": {"when": 1}, "name": "when_1", "expireAfterSeconds": {"$numberInt": "3600"}},
    {"v": 2, "key": {"_fts": "text", "_ftsx": 1}, "name": "words", "weights": {"title": 1, "text": 2}},
]


def block(collection: str, documents: list[dict[str, Any]], ended: bool = False) -> bytes:
    header = {"db": "app", "collection": collection, "EOF": ended, "CRC": bson.Int64(0)}
    return bson.encode(header) + b"".join(map(bson.encode, documents)) + END


def archive() -> bytes:
    """Two collections whose blocks alternate."""
    described = [
        {"db": "app", "collection": name, "metadata": json.dumps({"indexes": indexes}), "size": 0, "type": "collection"}
        for name, indexes in (("todos", INDEXES), ("users", INDEXES[:1]))
    ]
    prelude = [{"concurrent_collections": 4, "version": "0.1", "server_version": "5.0.9", "tool_version": "100.9"}]
    return b"".join(
        [
            MAGIC,
            *map(bson.encode, [*prelude, *described]),
            END,
            block("todos", [{"_id": 1, "n": 1, "title": "first"}, {"_id": 2, "n": 2}]),
            block("users", [{"_id": "u"}]),
            block("todos", [{"_id": 3, "n": 3}]),
            block("users", [], ended=True),
            block("todos", [], ended=True),
        ]
    )


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    engine = Engine.open(None)
    yield engine
    engine.close()


def imported(engine: Engine, data: bytes, collection: str, **options: Any) -> Report:
    return _imported(engine, io.BytesIO(data), "json", Import(collection, create=True, **options), None)


@pytest.mark.parametrize("packed", [False, True])
def test_a_collection_of_an_archive_with_its_indexes(engine: Engine, packed: bool) -> None:
    data = gzip.compress(archive()) if packed else archive()
    report = imported(engine, data, "todos")
    assert (report.inserted, report.failed, report.index_errors) == (3, 0, [])
    assert report.indexes == ["n_-1", "when_1", "words"]
    assert engine.run_sync(c.Find("todos", {"n": {"$gte": 2}}, sort={"n": 1})) == [
        {"_id": 2, "n": 2},
        {"_id": 3, "n": 3},
    ]
    listed = {index["name"]: index for index in engine.run_sync(c.ListIndexes("todos"))}
    assert listed["n_-1"]["unique"] is True
    assert listed["when_1"]["expireAfterSeconds"] == 3600
    assert listed["words"]["key"] == {"title": "text", "text": "text"}
    assert engine.run_sync(c.Count("todos", {"$text": {"$search": "first"}})) == 1


@pytest.mark.parametrize("source", ["users", "app.users"])
def test_a_collection_under_another_name(engine: Engine, source: str) -> None:
    assert imported(engine, archive(), "people", source=source).inserted == 1
    with pytest.raises(InvalidRequest, match=r"app\.todos, app\.users"):
        imported(engine, archive(), "people")


def test_a_dry_run_makes_no_index(engine: Engine) -> None:
    engine.run_sync(c.CreateCollection("todos"))
    report = imported(engine, archive(), "todos", dry_run=True)
    assert (report.inserted, report.indexes) == (3, [])
    assert len(engine.run_sync(c.ListIndexes("todos"))) == 1


def test_what_a_damaged_archive_has_goes_in(engine: Engine) -> None:
    data = archive()
    cut = data.index(bson.encode({"_id": 3, "n": 3})) + 8
    report = imported(engine, data[:cut], "todos")
    assert (report.inserted, report.failed) == (3 - 1, 1)
    assert "damaged" in report.errors[0]["message"]
    with pytest.raises(InvalidRequest, match="damaged"):
        imported(engine, data[:20], "todos")


def test_an_index_that_cannot_be_is_told(engine: Engine) -> None:
    engine.run_sync(c.CreateCollection("todos"))
    engine.run_sync(c.Insert("todos", [{"_id": "twin", "n": 3}]))
    report = imported(engine, archive(), "todos")
    assert report.inserted == 3
    assert report.indexes == ["when_1", "words"]
    assert report.index_errors[0].startswith("n_-1: E11000")


def test_metadata_without_indexes() -> None:
    assert indexes_of({}) == []
    assert indexes_of({"indexes": ["?", {"key": 1}]}) == []
