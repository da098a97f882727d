"""The embedded engine: indexes, plans, durability of what it learns, limits, operations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128

from yunbox.documents import Collection, Database, open_database
from yunbox.documents import commands as c
from yunbox.documents.query.match import compile_filter
from yunbox.documents.stores import Engine
from yunbox.documents.stores.embedded import slow, transactions
from yunbox.errors import CollectionNotFound, DuplicateKey, InvalidRequest, QueryError


@pytest.fixture(name="database")
def _database() -> Iterator[Database]:
    with open_database() as database:
        yield database
        assert database.engine.check() == []


@pytest.fixture(name="items")
def _items(database: Database) -> Collection:
    items = database["items"]
    items.insert_many(
        [{"_id": n, "a": n % 10, "b": n, "tags": [f"t{n % 3}", "all"], "o": {"k": n / 2}} for n in range(2000)]
    )
    return items


def stage(explained: dict[str, Any]) -> list[str]:
    """The stages of a winning plan, outermost first."""
    plan = explained["queryPlanner"]["winningPlan"]
    names = []
    while plan:
        names.append(plan["stage"])
        plan = plan.get("inputStage")
    return names


@pytest.mark.parametrize(
    ("filter", "sort", "limit", "stages"),
    [
        ({}, None, 0, ["COLLSCAN"]),
        ({"_id": 5}, None, 0, ["IDHACK"]),
        ({"a": 3, "b": {"$gt": 100}}, None, 0, ["FETCH", "IXSCAN"]),
        ({"a": 3}, {"b": 1}, 5, ["LIMIT", "FETCH", "IXSCAN"]),
        ({"a": 3}, {"b": -1}, 5, ["LIMIT", "FETCH", "IXSCAN"]),
        ({"a": 3}, {"o.k": 1}, 5, ["LIMIT", "SORT", "FETCH", "IXSCAN"]),
        ({"o.k": 7}, None, 0, ["COLLSCAN"]),
        ({"tags": "t1", "b": 4}, None, 5, ["LIMIT", "FETCH", "IXSCAN"]),
        ({"$and": [{"a": 1}, {"b": {"$lt": 50}}]}, None, 0, ["FETCH", "IXSCAN"]),
        ({"a": {"$gte": 0}}, None, 0, ["COLLSCAN"]),
    ],
)
def test_the_planner_uses_indexes(
    items: Collection, filter: dict[str, Any], sort: Any, limit: int, stages: list[str]
) -> None:
    before = items.find(filter, sort=sort, limit=limit)
    items.create_index([("a", 1), ("b", 1)])
    items.create_index([("tags", 1)])
    assert stage(items.explain(filter, sort=sort, limit=limit)) == stages
    assert sorted(one["_id"] for one in items.find(filter, sort=sort, limit=limit)) == sorted(
        one["_id"] for one in before
    )


def spread(database: Database) -> Collection:
    """Documents on which two conditions on one field each are much better than one."""
    collection = database["spread"]
    collection.insert_many([{"_id": n, "a": n % 20, "b": n % 19, "c": n, "t": [n % 20, 20]} for n in range(8000)])
    for name in ("a", "b", "t"):
        collection.create_index([(name, 1)])
    return collection


@pytest.mark.parametrize(
    ("filter", "stages", "names"),
    [
        ({"a": 3, "b": 4}, ["FETCH", "AND_SORTED"], ["a_1", "b_1"]),
        ({"a": 3, "b": {"$gt": 17}}, ["FETCH", "AND_HASH"], ["a_1", "b_1"]),
        ({"$or": [{"a": 3}, {"b": 4}]}, ["SUBPLAN", "FETCH", "OR"], ["a_1", "b_1"]),
        ({"c": {"$gte": 0}, "$or": [{"a": 3}, {"b": {"$gt": 17}}]}, ["FETCH", "OR"], ["a_1", "b_1"]),
        ({"$or": [{"a": {"$gt": 2}}, {"b": 4}]}, ["COLLSCAN"], []),
        ({"a": 3, "b": {"$gte": 0}}, ["FETCH", "IXSCAN"], []),
    ],
)
def test_several_indexes_serve_one_query(
    database: Database, filter: dict[str, Any], stages: list[str], names: list[str]
) -> None:
    collection = spread(database)
    explained = collection.explain(filter)
    assert stage(explained) == stages
    matcher = compile_filter(filter)
    expected = [one["_id"] for one in collection.find(hint="$natural") if matcher(one)]
    assert [one["_id"] for one in collection.find(filter, sort={"_id": 1})] == expected
    assert collection.count_documents(filter) == len(expected)
    if names:
        last = explained["queryPlanner"]["winningPlan"]
        while "inputStage" in last:
            last = last["inputStage"]
        assert sorted(scan["indexName"] for scan in last["inputStages"]) == names
        stats = explained["executionStats"]
        assert stats["nReturned"] == len(expected) <= stats["totalDocsExamined"] < 1500


def test_a_page_in_the_order_of_an_index_beside_an_unselective_one(database: Database) -> None:
    collection = spread(database)
    collection.create_index({"c": 1})
    explained = collection.explain({"a": {"$gte": 2}}, sort={"c": -1}, limit=5)
    assert stage(explained) == ["LIMIT", "FETCH", "IXSCAN"]
    assert explained["queryPlanner"]["winningPlan"]["inputStage"]["inputStage"]["indexName"] == "c_1"
    found = collection.find({"a": {"$gte": 2}}, sort={"c": -1}, limit=5)
    assert [one["c"] for one in found] == [7999, 7998, 7997, 7996, 7995]
    assert stage(collection.explain({"a": {"$gte": 2}}, sort={"t": 1}, limit=5))[-1] == "COLLSCAN"


def test_a_count_by_two_indexes_reads_no_document(database: Database) -> None:
    spread(database)
    explained = database.run(c.Explain(c.Count("spread", {"a": 3, "b": 4})))
    assert explained["executionStats"]["nReturned"] == 21
    assert explained["executionStats"]["totalDocsExamined"] == 0


def test_a_plan_is_made_anew_when_other_values_make_it_bad(database: Database) -> None:
    collection = database["skewed"]
    collection.insert_many([{"state": "old" if n % 100 else "new", "n": n} for n in range(4000)])
    collection.create_index([("state", 1)])
    for _ in range(2):
        assert stage(collection.explain({"state": "old"})) == ["COLLSCAN"]
        assert stage(collection.explain({"state": "new"})) == ["FETCH", "IXSCAN"]


@pytest.mark.parametrize(
    ("keys", "projection", "filter", "used"),
    [
        ({"$**": 1}, None, {"o.k": 7}, True),
        ({"$**": 1}, None, {"tags": "t1", "b": {"$gt": 1990}}, True),
        ({"$**": 1}, None, {"b": None}, False),
        ({"o.$**": 1}, None, {"o.k": {"$gt": 990}}, True),
        ({"o.$**": 1}, None, {"b": 7}, False),
        ({"$**": 1}, {"b": 1}, {"b": 7}, True),
        ({"$**": 1}, {"b": 1}, {"o.k": 7}, False),
        ({"$**": 1}, {"b": 0}, {"b": 7}, False),
    ],
)
def test_wildcard_indexes(
    items: Collection, keys: dict[str, Any], projection: dict[str, Any] | None, filter: dict[str, Any], used: bool
) -> None:
    before = items.find(filter, sort={"_id": 1})
    name = items.create_index(keys, wildcardProjection=projection)
    assert name == f"{next(iter(keys))}_1"
    explained = items.explain(filter)
    assert stage(explained) == (["FETCH", "IXSCAN"] if used else ["COLLSCAN"])
    if used:
        assert next(iter(explained["queryPlanner"]["winningPlan"]["inputStage"]["keyPattern"])) == "$_path"
    assert items.find(filter, sort={"_id": 1}) == before
    items.update_many({}, {"$set": {"o.k": 7.25}})
    items.delete_many({"a": 1})
    assert items.count_documents({"o.k": 7.25}) == 1800


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"$**": 1, "a": 1}, {}),
        ({"$**": 1}, {"unique": True}),
        ({"a.$**": 1}, {"wildcardProjection": {"b": 1}}),
        ({"$**": 1}, {"wildcardProjection": {"a": 1, "b": 0}}),
        ({"a": 1}, {"wildcardProjection": {"a": 1}}),
    ],
)
def test_wildcard_indexes_that_cannot_be(items: Collection, keys: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        items.create_index(keys, **options)
    assert caught.value.number == 67


def test_an_index_with_a_collation_serves_queries_of_the_same(items: Collection) -> None:
    german = {"locale": "de", "strength": 1}
    items.update_many({"a": {"$lt": 2}}, {"$set": {"name": "Ärger"}})
    items.update_many({"a": 2}, {"$set": {"name": "Zorn"}})
    items.create_index({"name": 1}, collation=german)
    assert stage(items.explain({"name": "arger"})) == ["COLLSCAN"]
    command = c.Find("items", {"name": {"$in": ["ZORN", "zorn"]}}, collation=german)
    assert stage(items.database.run(c.Explain(command))) == ["FETCH", "IXSCAN"]
    assert items.count_documents({"name": "arger"}, collation=german) == 400
    command = c.Find("items", {"name": {"$gt": "a"}}, sort={"name": -1}, limit=1, collation=german)
    assert stage(items.database.run(c.Explain(command))) == ["LIMIT", "FETCH", "IXSCAN"]
    assert items.database.run(command)[0]["name"] == "Zorn"


def test_a_hint_is_followed(items: Collection) -> None:
    items.create_index([("a", 1)])
    assert stage(items.explain({"a": 1}, hint={"$natural": 1})) == ["COLLSCAN"]
    assert stage(items.explain({"a": {"$gte": 0}}, hint="a_1")) == ["FETCH", "IXSCAN"]
    assert len(items.find({"a": 1}, hint=[("a", 1)])) == 200


def test_a_count_reads_the_index_alone(database: Database, items: Collection) -> None:
    items.create_index([("a", 1)])
    explained = database.run(c.Explain(c.Count("items", {"a": {"$gt": 7}})))
    assert stage(explained) == ["COUNT", "COUNT_SCAN"]
    assert explained["executionStats"]["nReturned"] == 400
    assert explained["executionStats"]["totalDocsExamined"] == 0


@pytest.mark.parametrize(
    ("options", "first", "second", "refused"),
    [
        ({}, {}, {}, True),
        ({"sparse": True}, {}, {}, False),
        ({"sparse": True}, {"e": None}, {"e": None}, True),
        ({}, {"e": [1, 1]}, {"e": 2}, False),
        ({}, {"e": [1, 2]}, {"e": 2}, True),
        ({}, {"e": 1}, {"e": 1.0}, True),
        ({}, {"e": "1"}, {"e": 1}, False),
        ({}, {"e": "x" * 1100 + "a"}, {"e": "x" * 1100 + "b"}, False),
        ({}, {"e": Decimal128("0.1")}, {"e": 0.1}, False),
        ({"partialFilterExpression": {"live": True}}, {"e": 1, "live": True}, {"e": 1}, False),
        ({"partialFilterExpression": {"live": True}}, {"e": 1, "live": True}, {"e": 1, "live": True}, True),
    ],
)
def test_unique_indexes(
    database: Database, options: dict[str, Any], first: dict[str, Any], second: dict[str, Any], refused: bool
) -> None:
    collection = database["u"]
    collection.create_index([("e", 1)], unique=True, **options)
    collection.insert_one({**first})
    if refused:
        with pytest.raises(DuplicateKey, match="index: e_1 dup key"):
            collection.insert_one({**second})
        other = {"_id": "other", "e": "other", "live": True}
        collection.insert_one(other)
        with pytest.raises(DuplicateKey):
            collection.replace_one({"_id": "other"}, second)
        assert collection.find_one("other") == other
    else:
        collection.insert_one({**second})
    assert collection.count_documents() == 2


def test_a_unique_index_on_documents_that_break_it_is_not_made(items: Collection) -> None:
    with pytest.raises(DuplicateKey):
        items.create_index([("a", 1)], unique=True)
    assert len(items.list_indexes()) == 1
    items.insert_one({"_id": "free", "a": 1})


def test_parallel_arrays_are_refused_before_anything_is_written(database: Database) -> None:
    collection = database["p"]
    collection.create_index([("a", 1), ("b", 1)])
    with pytest.raises(QueryError) as caught:
        collection.insert_one({"_id": 1, "a": [1], "b": [2]})
    assert caught.value.number == 171
    assert collection.count_documents() == 0


def test_partial_indexes_serve_only_filters_that_imply_them(items: Collection) -> None:
    items.create_index([("b", 1)], partialFilterExpression={"a": {"$gt": 5}})
    assert stage(items.explain({"b": 7, "a": 7})) == ["FETCH", "IXSCAN"]
    assert stage(items.explain({"b": 7, "a": 3})) == ["COLLSCAN"]
    assert stage(items.explain({"b": 7})) == ["COLLSCAN"]
    assert [one["_id"] for one in items.find({"b": 7, "a": 7})] == [7]
    assert [one["_id"] for one in items.find({"b": 3})] == [3]


def test_expired_documents_are_swept(database: Database) -> None:
    collection = database["sessions"]
    collection.create_index([("at", 1)], expireAfterSeconds=60)
    now = datetime.now(UTC)
    collection.insert_many(
        [
            {"_id": 1, "at": now - timedelta(seconds=61)},
            {"_id": 2, "at": now},
            {"_id": 3, "at": "never"},
            {"_id": 4, "at": [now, now - timedelta(hours=1)]},
        ]
    )
    assert database.engine.sweep() == 2
    assert [one["_id"] for one in collection.find()] == [2, 3]


def test_a_text_index_finds_chinese(database: Database) -> None:
    collection = database["t"]
    collection.insert_many(
        [{"_id": 1, "t": "我爱北京天安门"}, {"_id": 2, "t": "北门以南"}, {"_id": 3, "t": "running dogs"}]
    )
    collection.create_index([("t", "text")])
    collection.update_one({"_id": 2}, {"$set": {"t": "南门"}})

    def search(words: str) -> list[int]:
        return [one["_id"] for one in collection.find({"$text": {"$search": words}})]

    assert (search("北京"), search("北门"), search("门"), search("run")) == ([1], [], [1, 2], [3])
    collection.insert_one({"_id": 4, "t": "abc\u0307100"})
    exact = {"$text": {"$search": "100", "$diacriticSensitive": True}}
    assert [one["_id"] for one in collection.find(exact)] == [4]
    assert (search("abc100"), search("100")) == ([4], [])


def test_a_geo_index_changes_no_answer(database: Database) -> None:
    collection = database["g"]
    collection.insert_many(
        [
            {"_id": f"{x},{y}", "loc": {"type": "Point", "coordinates": [x, y]}}
            for x in range(-180, 181, 20)
            for y in range(-90, 91, 15)
        ]
    )
    near = {"loc": {"$near": {"$geometry": {"type": "Point", "coordinates": [175, 10]}, "$maxDistance": 4_000_000}}}
    within = {"loc": {"$geoWithin": {"$centerSphere": [[-175, 80], 0.5]}}}
    rings = (
        [[-180, -10], [-170, -10], [-170, 10], [-180, 10], [-180, -10]],
        [[100, 70], [150, 90], [160, 70], [100, 70]],
        [[-5, -5], [25, -5], [25, 25], [-5, 25], [-5, -5]],
    )
    wide: list[dict[str, Any]] = [within]
    wide += [{"loc": {"$geoIntersects": {"$geometry": {"type": "Polygon", "coordinates": [ring]}}}} for ring in rings]

    def answers() -> list[Any]:
        return [collection.find(near, limit=7), *(collection.find(one).to_list() for one in (near, *wide))]

    before = answers()
    collection.create_index([("loc", "2dsphere")])
    assert answers() == before
    assert [len(one) for one in before[3:]] == [2, 23, 4]
    assert stage(collection.explain(within)) == ["FETCH", "GEO_NEAR_2DSPHERE"]
    with pytest.raises(QueryError) as caught:
        collection.insert_one({"loc": "nowhere"})
    assert caught.value.number == 16755


def test_geo_and_text_indexes_with_more_keys(database: Database) -> None:
    collection = database["g"]
    collection.create_index([("kind", 1), ("loc", "2dsphere")])
    collection.create_index([("$**", "text")])
    collection.insert_many([{"_id": n, "kind": "shop", "loc": [n, n], "name": f"红茶{n}"} for n in range(5)])
    near = {"loc": {"$nearSphere": [3.1, 3.1]}, "kind": "shop"}
    assert [one["_id"] for one in collection.find(near, limit=2)] == [3, 4]
    assert collection.count_documents({"$text": {"$search": "红茶"}}) == 5


def test_what_shapes_and_indexes_learnt_survives(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    with open_database(path) as database:
        collection = database["c"]
        collection.create_index([("a", 1)])
        collection.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])
        collection.update_one({"_id": 2}, {"$set": {"a": [1, {"b": 3}]}})
    with open_database(path) as database:
        collection = database["c"]
        assert [one["_id"] for one in collection.find({"a": 1})] == [1, 2]
        assert [one["_id"] for one in collection.find({"a.b": 3})] == [2]
        assert collection.explain({"a": 1})["queryPlanner"]["winningPlan"]["inputStage"]["isMultiKey"]


def test_a_time_limit_stops_a_query(database: Database) -> None:
    collection = database["slow"]
    collection.insert_many([{"a": [n, {"b": n}], "text": "x" * 200} for n in range(5_000)])
    with pytest.raises(QueryError) as caught:
        collection.count_documents({"a": {"$elemMatch": {"b": -1}}}, max_time_ms=5)
    assert (caught.value.number, caught.value.name) == (50, "MaxTimeMSExpired")
    with pytest.raises(QueryError):
        collection.update_many({"a": {"$elemMatch": {"b": {"$gte": 0}}}}, {"$set": {"z": 1}}, max_time_ms=5)


def test_slow_queries_name_the_missing_index(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = database["slow"]
    collection.insert_one({"a": [{"b": 1}], "k": 1})
    monkeypatch.setattr(slow, "SLOW_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, logger="yunbox.documents"):
        collection.count_documents({"k": {"$gte": 0}, "a": {"$elemMatch": {"b": {"$gte": 0}}}})
    assert [query.suggestion for query in database.engine.slow_queries()] == [{"k": 1}]
    assert collection.explain({"k": 1}, sort={"n": -1})["suggestedIndex"] == {"k": 1, "n": -1}
    collection.create_index({"k": 1, "n": 1})
    collection.count_documents({"k": {"$gte": 0}, "a": {"$elemMatch": {"b": {"$gte": 0}}}})
    assert len(database.engine.slow_queries()) == 2
    assert database.engine.slow_queries()[-1].suggestion is None
    assert "an index {'k': 1} would help" in caplog.text


def test_backup_check_and_compaction(tmp_path: Path) -> None:
    with open_database(tmp_path / "d.sqlite") as database:
        collection = database["c"]
        collection.insert_many([{"_id": n, "text": "x" * 1000} for n in range(500)])
        database.engine.backup(tmp_path / "copy.sqlite")
        with pytest.raises(QueryError, match="exists"):
            database.engine.backup(tmp_path / "copy.sqlite")
        collection.delete_many({})
        database.engine.compact()
        assert database.engine.check() == []
    with open_database(tmp_path / "copy.sqlite") as copy:
        assert copy["c"].count_documents() == 500
        assert copy.engine.check() == []


async def test_concurrent_writers_share_commits(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "d.sqlite")
    await engine.run(c.CreateCollection("c"))
    writes = [engine.run(c.Insert("c", [{"_id": n % 90, "n": n}])) for n in range(100)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(result, DuplicateKey) for result in results) == 10
    assert await engine.run(c.Count("c")) == 90
    raw = await engine.run(c.Find("c", {"_id": 5}, raw=True))
    assert raw == [b'{"_id":5,"n":5}']
    hidden = await engine.run(c.Find("c", {"_id": 5}, raw=True, hide=("n",)))
    assert hidden == [b'{"_id":5}']
    engine.close()


async def test_a_missing_collection_is_named() -> None:
    engine = Engine.open(None, space="demo")
    for command in (c.Find("none"), c.Count("none"), c.Insert("none", [{}]), c.Delete("none", {})):
        with pytest.raises(CollectionNotFound, match="`none` does not exist in space `demo`"):
            await engine.run(command)
    assert await engine.run(c.Find("none", missing_ok=True)) == []
    engine.close()


async def test_a_transaction_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.open(None)
    await engine.run(c.CreateCollection("c"))
    transaction = await engine.begin()
    await engine.run(c.Insert("c", [{"_id": 1}]), transaction=transaction)
    monkeypatch.setattr(transactions, "TIME_LIMIT_SECONDS", 0.0)
    with pytest.raises(InvalidRequest, match="has ended"):
        await engine.run(c.Find("c", {"_id": 1}), transaction=transaction)
    with pytest.raises(InvalidRequest):
        await engine.commit(transaction)
    await engine.abort(transaction)
    assert await engine.run(c.Count("c")) == 0
    engine.close()


def test_two_engines_share_nothing() -> None:
    with open_database() as one, open_database() as other:
        one["c"].insert_one({"_id": 1})
        assert other["c"].find() == []


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"leaf": 1}
    for level in range(levels - 1):
        value = {"a": value} if level % 2 else {"b": [value]}
    return value


@pytest.mark.parametrize("make", [lambda: nested(90), lambda: {"x": [[[[nested(90)]]]]}])
def test_deep_documents_are_refused_and_harm_nothing(database: Database, make: Callable[[], dict[str, Any]]) -> None:
    items = database["items"]
    with pytest.raises(QueryError, match="nested object depth: 100"):
        items.insert_one(make())
    with pytest.raises(QueryError, match="nested object depth: 100"):
        items.insert_many([{"_id": 1}, make()])
    items.insert_one(nested(60))
    with pytest.raises(QueryError, match="nested object depth: 100"):
        items.update_one({"_id": 1}, {"$set": {"x": make()}})
    items.insert_one({"_id": 2})
    assert items.count_documents() == 3
