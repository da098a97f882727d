"""The Python API as somebody meets it who brings a script written for pymongo: cursors, options, operations, exceptions."""

from __future__ import annotations

import enum
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pymongo
import pymongo.errors
import pytest
from bson import SON, DBRef, ObjectId, Regex
from pymongo.collation import Collation, CollationStrength

from yunbox.documents import (
    BulkWriteError,
    Collection,
    Database,
    DuplicateKeyError,
    OperationFailure,
    cursors,
    open_database,
)
from yunbox.errors import DuplicateKey


@pytest.fixture(name="database")
def _database() -> Iterator[Database]:
    with open_database() as database:
        yield database


@pytest.fixture(name="numbers")
def _numbers(database: Database) -> Collection:
    database.numbers.insert_many({"_id": number, "n": number % 10} for number in range(250))
    return database.numbers


# Cursors


def test_a_cursor_is_asked_in_a_chain(numbers: Collection) -> None:
    top = numbers.find({"_id": {"$lt": 30}}).sort("n", pymongo.DESCENDING).skip(1).limit(3)
    assert [one["n"] for one in top] == [9, 9, 8]
    assert [one["_id"] for one in numbers.find().sort([("n", -1), ("_id", 1)]).limit(2)] == [9, 19]
    assert [one["_id"] for one in numbers.find().sort({"n": -1, "_id": -1}).limit(1)] == [249]
    assert numbers.find({}, ["n"], 5, 2).hint([("_id", 1)]) == [{"_id": 5, "n": 5}, {"_id": 6, "n": 6}]
    assert numbers.find({"n": 3}).batch_size(7).comment("x").allow_disk_use(True).max_time_ms(9000).distinct("n") == [3]
    assert numbers.find({"n": 3}).explain()["executionStats"]["nReturned"] == 25
    assert numbers.find({"n": "A"}).collation({"locale": "en", "strength": 1}).to_list() == []


def test_a_cursor_can_be_read_as_a_list_again_and_again(numbers: Collection) -> None:
    cursor = numbers.find()
    for _ in range(2):
        assert [one["_id"] for one in cursor] == list(range(250))
    assert (len(cursor), cursor[200]["_id"], cursor[-1]["_id"], len(cursor[10:20])) == (250, 200, 249, 10)
    assert cursor == numbers.find().to_list()
    assert cursor != numbers.find({"_id": 1})
    assert numbers.find({"_id": 1}) == [{"_id": 1, "n": 1}]
    assert not numbers.find({"_id": -1})


def questions(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The limits of the finds that the engine is asked from now on."""
    asked: list[int] = []
    run = collection.database.engine.run_sync

    def counting(command: Any, **options: Any) -> Any:
        asked.append(command.limit)
        return run(command, **options)

    monkeypatch.setattr(collection.database.engine, "run_sync", counting)
    return asked


def test_a_slow_question_is_not_asked_twice(numbers: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers.insert_many({"_id": number, "n": 5, "list": [number]} for number in range(1000, 5000))
    asked = questions(numbers, monkeypatch)
    monkeypatch.setattr(cursors, "_PATIENCE_MS", 1)
    slow = {"list": {"$elemMatch": {"$mod": [4000, 3999]}}}
    cursor = numbers.find(slow)
    assert cursor._documents is None
    assert [one["_id"] for one in cursor] == [3999]
    assert cursor.alive
    assert asked == [101, 0]
    assert len(list(numbers.find().sort("n", -1))) == 4250
    assert asked == [101, 0, 101, 0]
    with pytest.raises(OperationFailure, match="time limit"):
        numbers.find(slow, max_time_ms=1)


def test_what_the_first_documents_answer_reads_no_more(numbers: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(numbers, monkeypatch)
    cursor = numbers.find(sort=[("_id", 1)])
    assert cursor[3]["_id"] == cursor[:4][-1]["_id"] == cursor[3::-1][0]["_id"] == cursor[100]["_id"] - 97 == 3
    assert len(asked) == 1
    assert [cursor[101]["_id"], *(one["_id"] for one in cursor[-2:])] == [101, 248, 249]
    assert (cursor[5:5], cursor[-249:3], len(cursor[90:110]), len(asked)) == ([], cursor[1:3], 20, 2)
    with pytest.raises(IndexError):
        numbers.find({"n": 3})[25]


def test_a_cursor_goes_on_where_next_stopped(numbers: Collection) -> None:
    with numbers.find({"_id": {"$lt": 4}}) as cursor:
        assert cursor.next() == {"_id": 0, "n": 0}
        assert next(cursor)["_id"] == 1
        assert [one["_id"] for one in cursor] == [2, 3]
        assert [[one["_id"] for one in cursor.to_list(1)], len(cursor.to_list())] == [[2], 1]
        assert not cursor.alive
        with pytest.raises(StopIteration):
            cursor.next()
        assert len(cursor.rewind().to_list()) == 4
        assert cursor.clone() == cursor


def test_a_long_cursor_shows_one_moment(numbers: Collection) -> None:
    cursor = numbers.find()
    for one in cursor:
        numbers.update_one({"_id": one["_id"]}, {"$set": {"_seen": True}})
        numbers.insert_one({"after": one["_id"]})
    assert (len(cursor), numbers.count_documents()) == (250, 500)
    assert "_seen" not in cursor[249]
    assert "_seen" in cursor.rewind()[249]


def test_a_wrong_question_is_refused_at_once(numbers: Collection) -> None:
    with pytest.raises(OperationFailure, match="unknown operator"):
        numbers.find({"n": {"$none": 1}})
    chained = numbers.find().sort("n", 5)
    with pytest.raises(OperationFailure, match="sort key ordering"):
        chained.to_list()


def test_what_notebooks_show(database: Database, numbers: Collection) -> None:
    assert repr(numbers.find({"_id": {"$lt": 2}})) == "[{'_id': 0, 'n': 0}, {'_id': 1, 'n': 1}]"
    assert repr(numbers.find()).endswith("{'_id': 19, 'n': 9}, …]")
    assert repr(database["a"]["b"]) == "Collection(Database('documents'), 'a.b')"
    assert not hasattr(numbers, "_repr_html_")
    assert not hasattr(database, "_repr_html_")
    with database.transaction() as transaction:
        assert repr(transaction) == "Database('documents', in a transaction)"


def test_pipelines_give_a_list_that_is_a_cursor(numbers: Collection) -> None:
    pipeline: list[dict[str, Any]] = [{"$match": {"_id": {"$lt": 3}}}, {"$project": {"n": 0}}]
    with numbers.aggregate(pipeline, allowDiskUse=True, batchSize=2, maxTimeMS=9000) as found:
        assert found.next() == {"_id": 0}
        assert (found.to_list(1), found.alive, found.to_list(), found.alive) == (
            [{"_id": 1}],
            True,
            [{"_id": 2}],
            False,
        )
    assert found == [{"_id": 0}, {"_id": 1}, {"_id": 2}]


# Names


def test_collections_by_attribute(database: Database) -> None:
    database.shop.orders.insert_one({"_id": 1})
    assert database["shop.orders"].find() == [{"_id": 1}]
    assert database.shop.orders == database["shop"]["orders"] == database.get_collection("shop.orders").with_options()
    assert len({database["a"], database["a"], database["b"]}) == 2
    assert database.shop.orders.full_name == f"{database.name}.shop.orders"
    with pytest.raises(TypeError, match="no method 'map_reduce'"):
        database.shop.map_reduce()
    with pytest.raises(TypeError, match="must be a str"):
        database[1]  # type: ignore[index]
    with pytest.raises(TypeError, match="not iterable"):
        list(database.shop)  # type: ignore[call-overload]


def test_collections_are_listed(database: Database) -> None:
    for name in ("b", "a", "c"):
        database.create_collection(name)
    assert database.list_collection_names(filter={"name": {"$gt": "a"}}) == ["b", "c"]
    assert database.list_collections()[0] == {"name": "a", "type": "collection", "options": {}}
    database.drop_collection(database.a, comment="x")
    with pytest.raises(TypeError, match="capped"):
        database.create_collection("d", capped=True)
    database.create_collection("d", session=None, validator=None).drop(session=None)
    database.b.rename("c", dropTarget=True)
    assert database.list_collection_names() == ["c"]
    for bad in (".c", "", "c$", "system.c"):
        with pytest.raises(OperationFailure, match="Invalid collection name"):
            database.c.rename(bad)


# Options


def test_options_that_say_nothing_are_taken(numbers: Collection) -> None:
    nothing: dict[str, Any] = {"session": None, "comment": "why", "maxTimeMS": None}
    numbers.insert_one({"_id": "x"}, bypass_document_validation=True, **nothing)
    numbers.insert_many([{"_id": "y"}], False, **nothing)
    assert numbers.update_one({"_id": "x"}, {"$set": {"n": 0}}, False, **nothing).raw_result["n"] == 1
    assert numbers.replace_one({"_id": "z"}, {"n": 1}, True, **nothing).upserted_id == "z"
    assert numbers.delete_one({"_id": "x"}, **nothing).raw_result == {"n": 1, "ok": 1.0}
    assert numbers.find_one({"_id": "z"}, max=None, min=None, no_cursor_timeout=True, **nothing) == {"_id": "z", "n": 1}
    assert numbers.estimated_document_count(comment="x") == 252
    assert numbers.find_one_and_update({"_id": "z"}, {"$inc": {"n": 1}}, {"n": 1}, [("n", 1)], False, True, **nothing)
    found = numbers.find_one_and_delete({"n": 2}, {"_id": 1}, {"_id": -1}, **nothing)
    assert found == {"_id": "z"}


def test_options_that_are_unknown_or_mean_something_are_refused(numbers: Collection) -> None:
    with pytest.raises(TypeError, match="no_such"):
        numbers.find({}, no_such=1)
    with pytest.raises(TypeError, match=r"database\.transaction"):
        numbers.insert_one({}, session=object())
    with pytest.raises(TypeError, match="return_key"):
        numbers.find_one({}, return_key=True)
    with pytest.raises(TypeError, match="filter"):
        numbers.estimated_document_count(filter={"n": 1})
    assert numbers.count_documents() == 250


WRONG: list[tuple[str, Callable[[Any], Any]]] = [
    ("skip must be a whole number", lambda numbers: numbers.find({}, skip="5")),
    ("limit must be a whole number", lambda numbers: numbers.find().limit(2.5)),
    ("max_time_ms must be", lambda numbers: numbers.update_one({}, {"$set": {"a": 1}}, max_time_ms="1")),
    ("projection must be a list", lambda numbers: numbers.find({}, "n")),
    ("a field must be a str", lambda numbers: numbers.find({}, [1])),
    ("a key must be a name", lambda numbers: numbers.find_one({}, sort=[["n"]])),
    ("keys must be a list", lambda numbers: numbers.count_documents({}, hint=5)),
    ("key must be a str", lambda numbers: numbers.find().distinct(1)),
    ("collation must be an object", lambda numbers: numbers.find({}, collation="fr")),
    ("pipeline must be a list", lambda numbers: numbers.aggregate({"$match": {}})),
    (
        "an array filter must be an object",
        lambda numbers: numbers.update_one({}, {"$set": {"a": 1}}, array_filters=[1]),
    ),
    ("documents must be a list", lambda numbers: numbers.insert_many(None)),
    ("a document must be an object", lambda numbers: numbers.insert_many([{"_id": "first"}, 5])),
    ("requests must be a list", lambda numbers: numbers.bulk_write(5)),
    ("a key must be", lambda numbers: numbers.create_index([1])),
    ("name must be a str", lambda numbers: numbers.create_index("a", name=5)),
    ("new_name must be a str", lambda numbers: numbers.rename(["a"])),
    ("name must be a str", lambda numbers: numbers.database.drop_collection(5)),
]


@pytest.mark.parametrize(("message", "call"), WRONG, ids=range(len(WRONG)))
def test_arguments_of_the_wrong_kind_are_named(numbers: Collection, message: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(OperationFailure, match=message) as refused:
        call(numbers)
    assert refused.value.code == 14
    assert numbers.count_documents() == 250


def test_indexes_as_pymongo_describes_them(numbers: Collection) -> None:
    models = [pymongo.IndexModel([("n", pymongo.DESCENDING)], name="down", sparse=True), pymongo.IndexModel("m")]
    assert numbers.create_indexes(models) == ["down", "m_1"]
    assert numbers.create_index(["a", ("b", -1)], background=True, session=None) == "a_1_b_-1"
    assert numbers.index_information()["down"] == {"v": 2, "key": [("n", -1)], "sparse": True}
    assert numbers.list_indexes().to_list()[0]["name"] == "_id_"
    numbers.drop_index([("a", 1), ("b", -1)], comment="x")
    numbers.drop_indexes()
    assert list(numbers.index_information()) == ["_id_"]
    with pytest.raises(OperationFailure, match="expireAfterSeconds"):
        numbers.create_index("at", expireAfterSeconds="soon")


def test_collations_as_pymongo_writes_them(database: Database) -> None:
    any_case = Collation(locale="en", strength=CollationStrength.SECONDARY)
    words = database.words
    words.insert_many([{"_id": 1, "w": "Tea"}, {"_id": 2, "w": "tea"}])
    words.create_index("w", collation=any_case, partialFilterExpression={"_id": {"$in": (1, 2)}})
    assert words.list_indexes()[1]["collation"]["strength"] == 2
    assert len(words.find({"w": "TEA"}, collation=any_case)) == len(words.find({"w": "TEA"}).collation(any_case)) == 2
    assert words.bulk_write([pymongo.DeleteMany({"w": "TEA"}, collation=any_case)]).deleted_count == 2


def test_indexes_are_listed_with_what_mongodb_adds(numbers: Collection) -> None:
    numbers.create_index([("title", "text"), ("body", "text")], weights={"title": 5}, dropDups=False)
    numbers.create_index([("at", "2dsphere")])
    numbers.create_index([("flat", "2d")], bits=26, min=-10, max=10)
    text, sphere, flat = numbers.list_indexes()[1:]
    assert (text["weights"], text["default_language"]) == ({"title": 5, "body": 1}, "english")
    assert (text["language_override"], text["textIndexVersion"]) == ("language", 3)
    assert sphere["2dsphereIndexVersion"] == 3
    assert flat == {"v": 2, "key": {"flat": "2d"}, "name": "flat_2d"}


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ({"_id": ObjectId(), "s": "x" * (16 * 2**20 - 40)}, True),
        ({"_id": ObjectId(), "s": "x" * (16 * 2**20 - 20)}, False),
        ({"_id": 1, "n": [1] * 1_300_000}, True),
        ({"_id": 1, "n": [1] * 1_500_000}, False),
    ],
)
def test_the_limit_of_documents_is_one_of_bson(database: Database, document: dict[str, Any], fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(OperationFailure, match="too large"):
        database.c.insert_one(document)
    assert database.c.count_documents() == fits


def test_how_a_missing_collection_is_read(database: Database) -> None:
    explained = database.missing.explain({"a": 1})
    assert explained["queryPlanner"]["winningPlan"] == {"stage": "EOF"}
    assert explained["executionStats"]["nReturned"] == 0


# Values


class Colour(str, enum.Enum):  # noqa: UP042  # whose text is not its value
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_values_of_derived_types_are_plain_ones(database: Database) -> None:
    shop = database.shop
    shop.insert_one(
        SON([("_id", 1), ("colour", Colour.RED), ("level", Level.HIGH), ("of", DBRef("c", 7)), ("t", (1,))])
    )
    stored = {"_id": 1, "colour": "red", "level": 3, "of": {"$ref": "c", "$id": 7}, "t": [1]}
    assert shop.find({"colour": Colour.RED, "level": {"$gte": Level.HIGH}}) == [stored]
    shop.update_one({"_id": 1}, {"$set": {"r": re.compile("^a", re.IGNORECASE)}})
    found = shop.find_one()
    assert found is not None
    assert isinstance(found["r"], Regex)
    shop.insert_one({"_id": 2, "at": datetime(2024, 1, 2, 3, 4, 5, 678901)})
    assert shop.distinct("at") == [datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)]


@pytest.mark.parametrize("value", [Decimal(1), date(2024, 1, 1), {1, 2}, UUID(int=1), object(), {1: 2}])
def test_values_that_bson_has_no_type_for_are_refused_everywhere(numbers: Collection, value: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: numbers.insert_one({"a": value}),
        lambda: numbers.find({"a": value}),
        lambda: numbers.update_one({}, {"$set": {"a": [value]}}),
        lambda: numbers.aggregate([{"$match": {"a": {"$in": [value]}}}]),
    ]
    for call in calls:
        with pytest.raises(OperationFailure) as refused:
            call()
        assert refused.value.code == 2


def test_nesting_without_end_is_refused(numbers: Collection) -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    for call in (numbers.insert_one, numbers.find, numbers.delete_many):
        with pytest.raises(OperationFailure, match="nested object depth"):
            call(deep)


def test_a_new_id_is_told_to_the_caller(database: Database) -> None:
    document: dict[str, Any] = {"a": 1}
    made = database.c.insert_one(document).inserted_id
    assert isinstance(made, ObjectId)
    assert document == {"a": 1, "_id": made}
    stored = database.c.find_one()
    assert stored is not None
    assert list(stored) == ["_id", "a"]


# Operations and exceptions


def test_pymongos_operations(numbers: Collection) -> None:
    result = numbers.bulk_write(
        [
            pymongo.InsertOne({"_id": "new"}),
            pymongo.UpdateOne({"_id": 1}, {"$set": {"tags": [1, 5]}}, hint="_id_"),
            pymongo.UpdateMany({"_id": 1}, {"$set": {"tags.$[big]": 9}}, array_filters=[{"big": {"$gt": 2}}]),
            pymongo.ReplaceOne({"_id": "other"}, {"n": 1}, upsert=True),
            pymongo.DeleteOne({"_id": 2}),
            pymongo.DeleteMany({"_id": {"$gte": 100}}, collation={"locale": "en"}),
        ],
        comment="x",
    )
    assert (result.inserted_count, result.matched_count, result.deleted_count) == (1, 2, 151)
    assert result.bulk_api_result["upserted"] == [{"index": 3, "_id": "other"}]
    assert numbers.find_one(1) == {"_id": 1, "n": 1, "tags": [1, 9]}
    with pytest.raises(TypeError, match="not a valid request"):
        numbers.bulk_write([{"insertOne": {}}])
    with pytest.raises(OperationFailure, match="only works with"):
        numbers.bulk_write([pymongo.DeleteMany({}), pymongo.UpdateOne({}, {"$set": {}}), _without_operators()])
    assert numbers.count_documents() == 101


def test_what_mongodb_5_does_not_know_is_refused(numbers: Collection) -> None:
    with pytest.raises(OperationFailure, match="sort") as refused:
        numbers.bulk_write([pymongo.UpdateOne({}, {"$set": {"a": 1}}, sort={"n": -1})])
    assert refused.value.code == 40415
    with pytest.raises(TypeError, match="sort"):
        numbers.update_one({}, {"$set": {"a": 1}}, sort={"n": -1})


def _without_operators() -> pymongo.UpdateOne:
    return pymongo.UpdateOne({}, {"a": 1})


def test_pymongos_exceptions_catch(numbers: Collection) -> None:
    with pytest.raises(pymongo.errors.DuplicateKeyError) as single:
        numbers.insert_one({"_id": 1})
    assert isinstance(single.value, DuplicateKeyError)
    assert isinstance(single.value, DuplicateKey)
    details: Any = single.value.details
    assert (single.value.code, details["keyValue"]) == (11000, {"_id": 1})
    with pytest.raises(pymongo.errors.OperationFailure) as refused:
        numbers.find({"$bad": 1})
    assert (refused.value.code, refused.value.has_error_label("TransientTransactionError")) == (2, False)
    with pytest.raises(pymongo.errors.BulkWriteError) as many:
        numbers.insert_many([{"_id": 300}, {"_id": 1}, {"_id": 2}, {"_id": 301}], ordered=False)
    assert isinstance(many.value, BulkWriteError)
    assert [(one["index"], one["code"]) for one in many.value.details["writeErrors"]] == [(1, 11000), (2, 11000)]
    assert many.value.details["nInserted"] == 2
    with pytest.raises(pymongo.errors.BulkWriteError) as ordered:
        numbers.bulk_write(
            [pymongo.DeleteOne({"_id": 300}), pymongo.UpdateOne({}, {"$bad": {}}), pymongo.DeleteMany({})]
        )
    assert (ordered.value.code, ordered.value.details["nRemoved"]) == (9, 1)
    assert not isinstance(ordered.value, DuplicateKey)


def test_pymongos_finer_exceptions_catch(numbers: Collection) -> None:
    with pytest.raises(pymongo.errors.WriteError) as written:
        numbers.update_one({"_id": 1}, {"$inc": {"_id": 1}})
    assert written.value.code == 66
    with pytest.raises(pymongo.errors.OperationFailure) as found:
        numbers.find_one_and_update({"_id": 1}, {"$inc": {"_id": 1}})
    assert not isinstance(found.value, pymongo.errors.WriteError)
    endless = {"$size": {"$sortArray": {"input": {"$range": [0, 1_000_000]}, "sortBy": -1}}}
    with pytest.raises(pymongo.errors.ExecutionTimeout):
        numbers.aggregate([{"$project": {"sizes": [endless] * 100}}], maxTimeMS=20)
    wrong: Any = {1}
    for refused in (lambda: numbers.find({}, hint=wrong), lambda: numbers.insert_one({"a": wrong})):
        with pytest.raises(pymongo.errors.PyMongoError):
            refused()


def test_a_conflict_is_marked_as_one_to_run_again(database: Database, numbers: Collection) -> None:
    def conflicting() -> None:
        with database.transaction() as transaction:
            transaction.numbers.bulk_write([pymongo.DeleteOne({"_id": 1})])
            numbers.update_one({"_id": 1}, {"$inc": {"n": 1}})
            transaction.numbers.bulk_write([pymongo.InsertOne({"_id": "x"})])

    with pytest.raises(pymongo.errors.OperationFailure) as conflict:
        conflicting()
    assert (conflict.value.code, conflict.value.has_error_label("TransientTransactionError")) == (112, True)


def test_many_operations_are_committed_in_portions(database: Database) -> None:
    committed: list[int] = []
    database.watch(lambda change: committed.append(change.sequence))
    result = database.c.bulk_write([pymongo.InsertOne({"_id": number}) for number in range(2500)])
    assert (result.inserted_count, len(committed), result.inserted_ids[2499]) == (2500, 2500, 2499)
    with pytest.raises(DuplicateKeyError) as taken:
        database.c.bulk_write([pymongo.InsertOne({"_id": number}) for number in range(5000, 2000, -1)])
    assert taken.value.data["index"] == 2501
    assert database.c.count_documents() == 5001


def test_pymongo_is_not_loaded_for_our_sake() -> None:
    program = "import sys, yunbox.documents as d; d.open_database().close(); sys.exit('pymongo.errors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
