"""How reads get at their documents: what is planned once, and what SQL leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import apsw
import pytest
from bson import ObjectId, Regex

from yunbox.documents import Collection, OperationFailure, open_database
from yunbox.documents import commands as c
from yunbox.documents.stores.embedded.connection import open_reader


@pytest.fixture(name="items")
def _items() -> Iterator[Collection]:
    with open_database() as database:
        items = database["items"]
        items.insert_many([{"_id": n, "a": n % 10, "b": n, "name": f"name {n}\0"} for n in range(1000)])
        items.create_index([("a", 1), ("b", 1)])
        yield items


def test_sqlite_plans_a_statement_once(items: Collection) -> None:
    """By default it plans it again for each limit, and for each operand when there is an ORDER BY."""
    planned: list[int] = []

    def plan(action: int, *_: str | None) -> int:
        planned.append(action)
        return apsw.SQLITE_OK

    connection = open_reader(items.database.engine.path)
    connection.authorizer = plan
    items.database.engine._readers.give_back(connection)
    pages = [
        [one["b"] for one in items.find({"a": a, "b": {"$gte": 500}}, sort=[("b", 1)], skip=1, limit=2 + a)]
        for a in range(1, 6)
    ]
    assert pages == [[511 + a + 10 * n - 1 for n in range(2 + a)] for a in range(1, 6)]
    first = len(planned)
    assert first
    for a in range(6, 10):
        assert len(list(items.find({"a": a, "b": {"$gte": a}}, sort=[("b", 1)], limit=a))) == a
    assert len(planned) == first


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("e 7.*5", 20), ("99\\x00$", 10), ("^name 99", 11), ("0$", 0), ("NAME 99", 0), ("(?i)NAME 99", 11), ("9{3}", 1)],
)
def test_regular_expressions_over_null_bytes(items: Collection, pattern: str, found: int) -> None:
    assert items.count_documents({"name": Regex(pattern)}) == found
    assert items.count_documents({"name": {"$not": Regex(pattern)}}) == 1000 - found


@pytest.mark.parametrize("nothing", [{"a": {"$in": []}}, {"$nor": [{}]}, {"$or": [{"a": {"$in": []}}]}])
def test_a_wrong_filter_is_refused_where_nothing_can_match(items: Collection, nothing: dict[str, Any]) -> None:
    wrong = {**nothing, "b": {"$mod": [0, 1]}}
    for ask in (items.find, items.count_documents, items.delete_many, items.explain):
        with pytest.raises(OperationFailure, match="divisor"):
            ask(wrong)
    assert items.explain({**nothing, "b": {"$mod": [2, 1]}})["executionStats"]["nReturned"] == 0


@pytest.mark.parametrize(
    ("pattern", "stages", "found"),
    [
        ("^name 99", "IXSCAN", 11),
        ("^name 9.*8$", "IXSCAN", 11),
        ("^(name 99)", "COLLSCAN", 11),
        ("name 99", "COLLSCAN", 11),
    ],
)
def test_expressions_that_begin_with_text_use_indexes(pattern: str, stages: str, found: int) -> None:
    with open_database() as database:
        items = database["items"]
        items.insert_many([{"_id": n, "name": f"name {n}"} for n in range(1000)])
        items.create_index([("name", 1)])
        explained = items.explain({"name": {"$regex": pattern}})
        plan = explained["queryPlanner"]["winningPlan"]
        assert plan.get("inputStage", plan)["stage"] == stages
        assert explained["executionStats"]["nReturned"] == found
        items.insert_one({"_id": -1, "name": Regex(pattern)})
        assert items.count_documents({"name": {"$regex": pattern}}) == found + 1


def test_long_filters_are_not_kept(items: Collection) -> None:
    collection = items.database.engine._writer.catalog["items"]
    before = len(collection.plans)
    for number in range(3):
        name = f"{number}" * 30_000
        assert list(items.find({name: 1}, limit=5)) == []
        assert items.count_documents({name: {"$exists": False}, "a": 1}) == 100
    assert len(collection.plans) == before


def test_documents_with_and_without_wrapped_values_on_one_page() -> None:
    documents: list[dict[str, Any]] = [
        {"_id": 1, "a": 1},
        {"_id": 2, "a": ObjectId("5f" * 12)},
        {"_id": 3, "a": {"b": ObjectId("5e" * 12)}, "c": b"\0"},
        {"_id": 4, "a": [ObjectId("5d" * 12), {"$date": 5}]},
    ]
    with open_database() as database:
        database["c"].insert_many(documents)
        assert list(database["c"].find({}, sort={"_id": 1}, limit=10)) == documents
        assert list(database["c"].find({"_id": {"$lt": 3}}, sort={"_id": -1}, limit=10)) == documents[1::-1]


MANY = range(1100)


@pytest.mark.parametrize("index", [[], [("a", 1)]])
@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"$or": [{"a": n} for n in MANY]}, 4),
        ({"$or": [{"a": n, "b": 1} for n in MANY]}, 2),
        ({"$nor": [{"a": n} for n in MANY]}, 1),
        ({"b": 1, "$and": [{"a": {"$ne": n}} for n in MANY]}, 0),
        ({f"none{n}": None for n in MANY}, 5),
        ({"a": {"$all": list(MANY)}}, 0),
        ({"a": {"$in": list(MANY)}, "$or": [{"b": n} for n in range(350)]}, 4),
    ],
)
def test_filters_of_very_many_conditions(filter: dict[str, Any], expected: int, index: list[Any]) -> None:
    with open_database() as database:
        collection = database["c"]
        collection.insert_many({"_id": n, "a": n, "b": n % 2} for n in (1, 2, 3, 4, 5000))
        for path, direction in index:
            collection.create_index([(path, direction)])
        assert len(collection.find(filter)) == collection.count_documents(filter) == expected
        assert collection.update_many(filter, {"$set": {"seen": 1}}).matched_count == expected
        assert len(collection.aggregate([{"$match": filter}, {"$group": {"_id": "$_id"}}])) == expected


class _Late:
    """A connection after whose commits somebody else comes first."""

    def __init__(self, connection: apsw.Connection, meanwhile: Callable[[], object]) -> None:
        self._connection = connection
        self._meanwhile = meanwhile

    def execute(self, sql: str, *bindings: Any) -> Any:
        result = self._connection.execute(sql, *bindings)
        if sql == "COMMIT":
            self._meanwhile()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("change", [c.DropCollection("items"), c.DropIndex("items", "a_1_b_1")])
def test_a_read_waits_for_what_a_commit_took_away(items: Collection, change: c.Command) -> None:
    """Between the commit and the moment when it is known which collections and indexes there are now."""
    engine = items.database.engine
    commands = [
        c.Find("items", {"a": 3, "b": {"$lt": 30}}, missing_ok=True),
        c.Find("items", {"b": 0}, missing_ok=True),
    ]
    with ThreadPoolExecutor() as pool:
        started: list[Future[Any]] = []

        def meanwhile() -> None:
            started.extend(pool.submit(engine.run_sync, command) for command in commands)
            wait(started, timeout=0.02)

        engine._writer._connection = _Late(engine._writer._connection, meanwhile)  # type: ignore[assignment]
        engine.run_sync(change)
        assert [len(one.result()) for one in started] == ([0, 0] if isinstance(change, c.DropCollection) else [3, 1])
