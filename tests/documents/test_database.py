"""The Python API: shaped as pymongo, synchronous, the same engine as the server's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import DBRef, Decimal128, Int64, ObjectId, encode
from bson.raw_bson import RawBSONDocument
from bson.son import SON

from yunbox.documents import Collection, Database, DuplicateKeyError, OperationFailure, open_database
from yunbox.documents import operations as op
from yunbox.documents.stores.embedded.store import Store
from yunbox.errors import AlreadyExists, CollectionNotFound, DuplicateKey, InvalidRequest, QueryError, WriteConflict


@pytest.fixture(name="database")
def _database() -> Iterator[Database]:
    with open_database() as database:
        yield database


@pytest.fixture(name="people")
def _people(database: Database) -> Collection:
    people = database["people"]
    people.insert_many([{"_id": number, "age": number * 10, "name": f"p{number}"} for number in range(1, 6)])
    return people


def test_tuples_are_arrays() -> None:
    with open_database() as database:
        numbers = database["numbers"]
        numbers.insert_one({"_id": 1, "n": (1, 2)})
        assert numbers.count_documents({"n": {"$in": (2, 3)}}) == 1
        numbers.update_one({"n": (1, 2)}, {"$push": {"n": {"$each": (3,)}}})
        assert numbers.aggregate([{"$project": {"n": {"$concatArrays": ("$n", (4,))}}}]) == [
            {"_id": 1, "n": [1, 2, 3, 4]}
        ]


def test_a_path_too_long_to_lead_anywhere_takes_no_time(people: Collection) -> None:
    path = ".".join(["a"] * 100_000)
    assert people.count_documents({path: None}, maxTimeMS=2000) == 5
    assert len(list(people.find({path: {"$gt": 1}}).sort([(path, 1)]))) == 0


MAPPINGS = [
    (SON([("a", OrderedDict(b=1))]), {"a": {"b": 1}}),
    (RawBSONDocument(encode({"a": {"b": [1]}})), {"a": {"b": [1]}}),
    (DBRef("orders", 1, "shop"), {"$ref": "orders", "$id": 1, "$db": "shop"}),
]


@pytest.mark.parametrize(("value", "stored"), MAPPINGS)
def test_what_pymongo_encodes_as_an_object_is_one(people: Collection, value: Any, stored: Any) -> None:
    people.insert_one({"_id": "new", "v": value})
    assert people.find_one({"v": value}) == {"_id": "new", "v": stored}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("value", [{1}, uuid4(), Colour.RED, Decimal(1), date(2024, 1, 1), 1j])
def test_what_pymongo_refuses_is_refused(people: Collection, value: Any) -> None:
    with pytest.raises(OperationFailure, match="cannot encode object") as raised:
        people.insert_one({"v": [value]})
    assert raised.value.code == 2


def test_a_document_nested_without_end_is_refused(people: Collection) -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(OperationFailure):
        people.insert_one({"v": value})


def test_without_a_collection_a_pipeline_makes_its_own_documents() -> None:
    with open_database() as database:
        assert database.aggregate([{"$documents": [{"a": 1}]}]) == [{"a": 1}]
        for pipeline in ([], [{"$skip": 1}]):
            with pytest.raises(OperationFailure) as refused:
                database.aggregate(pipeline)
            assert refused.value.code == 73


def test_documents_survive_reopening(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    document = {
        "_id": ObjectId(),
        "at": datetime(2024, 2, 29, 12, 30, 0, 5000, tzinfo=UTC),
        "long": Int64(5),
        "decimal": Decimal128("1.10"),
        "nothing": None,
        "nested": {"$date": 5, "list": [1, 2.0, {"x": b"bytes"}]},
        "云": "盒",
    }
    with open_database(path) as database:
        database["c"].insert_one(dict(document))
        database["c"].create_index([("long", 1)])
    with open_database(str(path)) as database:
        (found,) = database["c"].find()
        assert found == document
        assert list(found) == list(document)
        assert type(found["long"]) is Int64
        assert [index["name"] for index in database["c"].list_indexes()] == ["_id_", "long_1"]


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(InvalidRequest, match="not a yunbox document file"):
        open_database(path)


def test_a_missing_collection_reads_as_empty(database: Database) -> None:
    missing = database["missing"]
    assert missing.find() == []
    assert missing.find_one({"_id": 1}) is None
    assert missing.count_documents({}) == 0
    assert missing.aggregate([{"$match": {}}]) == []
    assert missing.distinct("a") == []
    assert missing.delete_many({}).deleted_count == 0
    assert missing.list_indexes() == []


def test_options_may_be_none(people: Collection) -> None:
    options: dict[str, Any] = {"sort": None, "skip": None, "limit": None, "hint": None, "collation": None}
    assert len(people.find(None, None, **options)) == 5
    assert (
        people.update_many({}, {"$set": {"x": 1}}, upsert=None, array_filters=None, collation=None).matched_count == 5
    )
    assert people.aggregate([{"$limit": 1}], let=None, collation=None)[0]["_id"] == 1


def test_sort_is_a_mapping_or_pairs(people: Collection) -> None:
    assert [one["_id"] for one in people.find(sort={"age": -1}, limit=2)] == [5, 4]
    assert [one["_id"] for one in people.find(sort=[("age", -1)], skip=1, limit=1)] == [4]


def test_find_one_takes_an_id(people: Collection) -> None:
    assert people.find_one(3) == {"_id": 3, "age": 30, "name": "p3"}
    assert people.find_one({"age": 30}, {"name": 1, "_id": 0}) == {"name": "p3"}


def test_one_id_in_all_number_types(people: Collection) -> None:
    for same in (1, 1.0, Int64(1), Decimal128("1")):
        with pytest.raises(DuplicateKey):
            people.insert_one({"_id": same})
        found = people.find_one({"_id": same})
        assert found is not None
        assert found["name"] == "p1"


def test_insert_many_stops_at_a_duplicate_or_goes_on(people: Collection) -> None:
    with pytest.raises(DuplicateKey) as caught:
        people.insert_many([{"_id": 10}, {"_id": 1}, {"_id": 11}])
    assert caught.value.data["index"] == 1
    assert people.count_documents({"_id": {"$gte": 10}}) == 1
    with pytest.raises(DuplicateKey):
        people.insert_many([{"_id": 1}, {"_id": 12}], ordered=False)
    assert people.count_documents({"_id": {"$gte": 10}}) == 2


def test_updates(people: Collection) -> None:
    assert people.update_one({"_id": 1}, {"$inc": {"age": 1}}).modified_count == 1
    assert people.update_one({"_id": 1}, {"$set": {"age": 11}}).modified_count == 0
    upserted = people.update_one({"_id": 9}, {"$set": {"age": 1}}, upsert=True)
    assert (upserted.matched_count, upserted.upserted_id, upserted.did_upsert) == (0, 9, True)
    assert people.replace_one({"_id": 2}, {"only": 1}).modified_count == 1
    assert people.find_one(2) == {"_id": 2, "only": 1}
    assert people.find_one_and_update({"_id": 3}, {"$set": {"age": 0}}, return_document=True) == {
        "_id": 3,
        "age": 0,
        "name": "p3",
    }
    assert people.find_one_and_delete({}, sort={"_id": -1}) == {"_id": 9, "age": 1}


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (lambda people: people.update_one({}, {"a": 1}), 9),
        (lambda people: people.replace_one({}, {"$set": {"a": 1}}), 9),
        (lambda people: people.update_one({"_id": 1}, {"$set": {"_id": 2}}), 66),
        (lambda people: people.find({"a": {"$unknown": 1}}), 2),
        (lambda people: people.find({}, hint="no_such_index"), 2),
        (lambda people: people.insert_one({"_id": [1]}), 53),
        (lambda people: people.drop_index("none"), 27),
        (lambda people: people.drop_index("_id_"), 72),
        (lambda people: people.create_index([("a", "strange")]), 67),
        (lambda people: people.insert_one({"_id": 99, "big": "x" * 2**24}), 10334),
        (lambda people: people.aggregate([{"$nothing": {}}]), 40324),
    ],
)
def test_errors_carry_mongodbs_number(people: Collection, call: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        call(people)
    assert caught.value.number == number


def test_bulk_write(people: Collection) -> None:
    result = people.bulk_write(
        [
            op.InsertOne({"_id": 6}),
            op.UpdateMany({"_id": {"$lte": 2}}, {"$set": {"old": True}}),
            op.UpdateOne({"_id": 7}, {"$set": {"a": 1}}, upsert=True),
            op.ReplaceOne({"_id": 3}, {"new": 1}),
            op.DeleteOne({"_id": 4}),
            op.DeleteMany({"_id": {"$gt": 5}}),
        ]
    )
    assert (result.inserted_count, result.matched_count, result.modified_count) == (1, 3, 3)
    assert (result.deleted_count, result.upserted_ids) == (3, {2: 7})
    with pytest.raises(DuplicateKey) as caught:
        people.bulk_write([op.InsertOne({"_id": 1}), op.InsertOne({"_id": 20})])
    assert caught.value.data["index"] == 0
    assert people.count_documents({"_id": 20}) == 0


def test_a_transaction_reads_its_own_writes_and_commits(database: Database, people: Collection) -> None:
    with database.transaction() as transaction:
        own = transaction["people"]
        own.insert_one({"_id": 8, "age": 80})
        own.update_one({"_id": 1}, {"$set": {"age": 0}})
        own.delete_one({"_id": 2})
        assert [one["_id"] for one in own.find({}, sort={"age": 1})] == [1, 3, 4, 5, 8]
        assert people.count_documents({}) == 5
    assert [one["_id"] for one in people.find({}, sort={"age": 1})] == [1, 3, 4, 5, 8]


def test_a_transaction_that_raises_is_forgotten(database: Database, people: Collection) -> None:
    def interrupted() -> None:
        with database.transaction() as transaction:
            transaction["people"].delete_many({})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert people.count_documents({}) == 5


def test_a_conflict_ends_a_transaction(database: Database, people: Collection) -> None:
    def interfering() -> None:
        with database.transaction() as transaction:
            transaction["people"].update_one({"_id": 1}, {"$inc": {"age": 1}})
            people.update_one({"_id": 1}, {"$inc": {"age": 1}})

    with pytest.raises(WriteConflict):
        interfering()
    assert people.find_one(1) == {"_id": 1, "age": 11, "name": "p1"}


def test_collections_are_made_renamed_and_dropped(database: Database, people: Collection) -> None:
    database.create_collection("empty")
    with pytest.raises(AlreadyExists):
        database.create_collection("people")
    people.rename("persons")
    assert database.list_collection_names() == ["empty", "persons"]
    assert database["persons"].count_documents() == 5
    with pytest.raises(CollectionNotFound):
        people.rename("again")
    database["persons"].drop()
    database["persons"].drop()
    assert database.list_collection_names() == ["empty"]


def test_pipelines_read_and_write_other_collections(database: Database, people: Collection) -> None:
    database["orders"].insert_many([{"_id": number, "person": number % 3 + 1} for number in range(6)])
    joined = people.aggregate(
        [
            {"$match": {"age": {"$lte": 20}}},
            {"$lookup": {"from": "orders", "localField": "_id", "foreignField": "person", "as": "orders"}},
            {"$project": {"n": {"$size": "$orders"}}},
        ]
    )
    assert joined == [{"_id": 1, "n": 2}, {"_id": 2, "n": 2}]
    people.aggregate([{"$match": {"age": {"$gt": 20}}}, {"$out": "old"}])
    assert database["old"].count_documents() == 3
    people.aggregate([{"$match": {"_id": 1}}, {"$merge": {"into": "old"}}])
    assert database["old"].count_documents() == 4
    assert database.aggregate([{"$documents": [{"x": 1}]}]) == [{"x": 1}]


def test_changes_are_told_in_order(database: Database, people: Collection) -> None:
    seen: list[tuple[str, Any]] = []
    stop = database.watch(lambda change: seen.append((change.operation, change.id)))
    people.insert_one({"_id": 6})
    people.update_one({"_id": 6}, {"$set": {"a": 1}})
    with database.transaction() as transaction:
        transaction["people"].delete_one({"_id": 6})
    stop()
    people.insert_one({"_id": 7})
    assert seen == [("insert", 6), ("update", 6), ("delete", 6)]


def test_a_failing_listener_stops_nothing(database: Database, people: Collection) -> None:
    def fail(change: Any) -> None:
        raise ZeroDivisionError

    database.watch(fail)
    people.insert_one({"_id": 6})
    people.insert_one({"_id": 7})
    assert people.count_documents() == 7


def test_a_failed_commit_leaves_memory_and_file_in_step(
    database: Database, people: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(store: Store) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", full)
        for write in (lambda: people.insert_one({"_id": 6}), lambda: people.create_index("age")):
            with pytest.raises(OSError, match="disk full"):
                write()
    people.insert_one({"_id": 7, "age": [70]})
    assert [one["_id"] for one in people.find({"age": 70})] == [7]
    assert (people.count_documents(), len(people.list_indexes()), database.engine.check()) == (6, 1, [])


@pytest.mark.parametrize(
    "filter", [{"a": "\ud800"}, {"_id": "\ud800"}, {"\ud800": 1}, {"_id": 2**70}, {'it\'s ?9 "q" LIMIT': 1}]
)
def test_filters_that_nothing_can_match(people: Collection, filter: dict[str, Any]) -> None:
    assert people.find(filter, sort={"it's ?7": 1}, limit=3) == []
    assert people.count_documents(filter) == 0


def test_a_refused_document_leaves_nothing_behind(people: Collection) -> None:
    for refused in ({"\ud800": 1}, {"_id": {"\ud800": "\udfff"}}, {"a": "\ud800"}, {"a": 2**70}):
        with pytest.raises(QueryError):
            people.insert_one(dict(refused))
        with pytest.raises(QueryError):
            people.insert_many([{"_id": "fine"}, dict(refused)], ordered=True)
        assert people.delete_one({"_id": "fine"}).deleted_count == 1
    assert people.count_documents() == 5


@pytest.mark.parametrize(
    ("number", "name", "fail"),
    [
        (11000, "DuplicateKey", lambda people: people.insert_one({"_id": 1})),
        (48, "NamespaceExists", lambda people: people.database.create_collection("people")),
        (26, "NamespaceNotFound", lambda people: people.database["none"].rename("other")),
        (27, "IndexNotFound", lambda people: people.drop_index("none")),
        (2, "BadValue", lambda people: people.find({"a": {"$none": 1}})),
        (9, "FailedToParse", lambda people: people.update_one({}, {"a": 1})),
        (14, "TypeMismatch", lambda people: people.update_one({"_id": 1}, {"$inc": {"name": 1}})),
    ],
)
def test_errors_carry_the_number_and_its_name(
    people: Collection, number: int, name: str, fail: Callable[[Collection], Any]
) -> None:
    with pytest.raises(OperationFailure) as caught:
        fail(people)
    error = caught.value
    assert (error.code, error.code_name) == (number, name)
    assert (error.details["code"], error.details["codeName"], error.details["errmsg"]) == (number, name, str(error))


def test_a_duplicate_key_names_the_key(people: Collection) -> None:
    people.create_index("name", unique=True)
    people.insert_one({"_id": 100})
    with pytest.raises(DuplicateKeyError, match=r"dup key: \{ name: null \}") as caught:
        people.insert_one({"_id": 101})
    assert (caught.value.details["keyPattern"], caught.value.details["keyValue"]) == ({"name": 1}, {"name": None})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ObjectId("5f" * 12), f"ObjectId('{'5f' * 12}')"),
        (datetime(2020, 1, 1, tzinfo=UTC), "new Date(1577836800000)"),
        (True, "true"),
        (b"0", "BinData(0, 30)"),
        ({"x": [1, "y"]}, '{ x: [ 1, "y" ] }'),
        (Decimal128("1.10"), 'NumberDecimal("1.10")'),
        ("x" * 2000, f'"{"x" * 198}…'),
    ],
)
def test_a_duplicate_key_is_shown_as_the_value_it_is(database: Database, value: Any, text: str) -> None:
    database["c"].create_index("v", unique=True)
    for document in ({"_id": 1, "v": value}, {"_id": value}):
        database["c"].insert_one(dict(document))
    for document in ({"v": [value]}, {"_id": value}):
        with pytest.raises(DuplicateKeyError) as caught:
            database["c"].insert_one(document)
        (path,) = caught.value.details["keyPattern"]
        assert caught.value.details["keyValue"] == {path: value}
        assert str(caught.value).endswith(f"dup key: {{ {path}: {text} }}")
    with pytest.raises(DuplicateKeyError) as caught:
        database["c"].update_one({"_id": value}, {"$set": {"v": [None, value]}})
    assert caught.value.details["keyValue"] == {"v": value}


def test_constant_parts_of_a_pipeline_are_timed_as_well() -> None:
    counted = {"$size": {"$sortArray": {"input": {"$range": [0, 1_000_000]}, "sortBy": -1}}}
    with open_database() as database, pytest.raises(OperationFailure, match="time limit"):
        database["c"].aggregate([{"$project": {"sizes": [counted] * 100}}], max_time_ms=50)


def test_a_kept_error_keeps_no_old_state() -> None:
    """The statement that an error stopped stays open for as long as its traceback lives."""
    kept = []
    with open_database() as database:
        numbers = database["numbers"]
        numbers.insert_many([{"_id": number, "n": number or "x"} for number in range(3)])
        for _ in range(3):
            with pytest.raises(OperationFailure) as refused:
                numbers.aggregate([{"$project": {"half": {"$divide": ["$n", 2]}}}])
            kept.append(refused.value)
        numbers.insert_one({"_id": 3})
        database["other"].insert_one({"_id": 1})
        assert len(numbers.aggregate([{"$sort": {"n": 1}}])) == 4
        assert database["other"].aggregate([{"$project": {"one": {"$mod": [3, 2]}}}]) == [{"_id": 1, "one": 1}]
