"""Chapter 2, data storage: the 15 methods, each option and each example (S4 §2.1 to §2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.guide.conftest import Example, Run
from tests.server import LiveServer
from yunbox.documents.rules.policy import parse_policy

SEED = """
await server.db.collection('users').deleteMany({})
await server.db.collection('users').insertMany([
  { _id: '5d6f8a5b0000000000000001', name: 'jerry', age: 5, uid: 1 },
  { _id: '5d6f8a5b0000000000000002', name: 'jerry', age: 15, uid: 2 },
  { _id: '5d6f8a5b0000000000000003', name: 'tom', age: 20, uid: 3 },
  { _id: '5d6f8a5b0000000000000004', name: 'ann', age: 30, uid: 4 }
])
await server.db.collection('clubs').deleteMany({})
await server.db.collection('clubs').insertMany([
  { team: 'Fearful Mallards', score: 25000 }, { team: 'Tactful Mooses', score: 23500 }, { team: 'Aquatic Ponies', score: 19250 }
])
"""
ALL = (
    "return (await server.db.collection('users').find({}, { sort: { uid: 1 }, projection: { _id: 0, uid: 0 } })).result"
)
Value = dict[str, Any]


READS = ("find(", "findOne(", "count(", "distinct(", "aggregate(")


def users(method: str) -> str:
    """A call on the seeded collection; reads run before the first write, so only writes seed it again."""
    seed = "" if method.startswith(READS) else SEED
    return f"{seed} return await mpserverless.db.collection('users').{method}"


def afterwards(method: str) -> str:
    return f"{SEED} await mpserverless.db.collection('users').{method}; {ALL}"


def names(found: Value) -> list[str]:
    return [document["name"] for document in found["result"]]


def shape(keys: set[str], affected: int) -> Any:
    """``{success, affectedDocs, result}`` and nothing that the guide does not name, but for the gateway's header."""
    return lambda got: got["success"] is True and got["affectedDocs"] == affected and got.keys() - {"header"} == keys


MONGO = {"success", "affectedDocs", "result"}

EXAMPLES = [
    # 2.1 basic reading and writing
    Example("2.1", "read all", users("find()"), shape(MONGO, 4)),
    Example("2.1", "read by condition", users("find({ name: 'jerry' })"), lambda got: names(got) == ["jerry"] * 2),
    Example("2.1", "read sorted", users("find({}, { sort: { age: -1 } })"), lambda got: names(got)[0] == "ann"),
    Example(
        "2.1",
        "read and go on",
        """
        return await mpserverless.user.getInfo().then(user => mpserverless.db.collection('users')
          .find({ userId: user.userId }, { sort: { uploadTime: -1 } })
          .then(({ result: images }) => images.map(item => { item.uploadTime = new Date(item.uploadTime || 0).toDateString(); return item })))
        """,
        lambda got: {row["uploadTime"] for row in got} == {"Thu Jan 01 1970"},
    ),
    Example(
        "2.1",
        "write one",
        users("insertOne({ text: 'hello', url: 'https://example.com/a.png' })"),
        lambda got: len(got["result"]["insertedId"]) == 24 and got["affectedDocs"] == 1,
    ),
    Example("2.1", "update", users("updateOne({ name: 'tom' }, { $set: { done: true } })"), shape(MONGO, 1)),
    Example("2.1", "delete", users("deleteOne({ name: 'tom' })"), shape(MONGO, 1)),
    # 2.2 inserting
    Example(
        "2.2",
        "insertOne",
        users("insertOne({ name: 'jerry', age: 5 })"),
        lambda got: shape(MONGO, 1)(got) and isinstance(got["result"]["insertedId"], str),
    ),
    Example(
        "2.2",
        "insertMany",
        users("insertMany([{ name: 'tom', age: 1 }, { name: 'jerry', age: 2 }])"),
        lambda got: shape(MONGO, 2)(got) and list(got["result"]) == ["0", "1"],
    ),
    Example("2.2", "insertMany of nothing", users("insertMany([])"), code_of_error="ValidationFailed"),
    Example(
        "2.2",
        "insert a chosen _id",
        users("insertOne({ _id: 'abcdefghijklmnopqrstuvwx', name: 'x' })"),
        shape(MONGO, 1),
    ),
    Example(
        "2.2",
        "insert a known _id",
        users("insertOne({ _id: '5d6f8a5b0000000000000001' })"),
        code_of_error="DuplicateKey",
    ),
    Example("2.2", "insert a $ key", users("insertOne({ $name: 1 })"), code_of_error="ValidationFailed"),
    # 2.3 reading
    Example("2.3", "find", users("find({ name: 'jerry' })"), lambda got: got["affectedDocs"] == 2),
    Example(
        "2.3",
        "find with all options",
        users(
            "find({ age: { $gt: 1 } }, { projection: { name: 1 }, limit: 2, skip: 1, sort: { age: 1 }, maxTimeMS: 500 })"
        ),
        lambda got: [list(row) for row in got["result"]] == [["_id", "name"]] * 2 and names(got) == ["jerry", "tom"],
    ),
    Example(
        "2.3",
        "find leaving a field out",
        users("find({}, { projection: { age: 0, _id: 0 }, sort: { uid: 1 }, limit: 1 })"),
        lambda got: got["result"] == [{"name": "jerry", "uid": 1}],
    ),
    Example(
        "2.3", "find sort by a word", users("find({}, { sort: { age: 'desc' } })"), code_of_error="ValidationFailed"
    ),
    Example("2.3", "find limit -1", users("find({}, { limit: -1 })"), code_of_error="ValidationFailed"),
    Example(
        "2.3",
        "find with hint",
        users("find({ name: 'jerry' }, { hint: { _id: 1 } })"),
        lambda got: got["affectedDocs"] == 2,
    ),
    Example("2.3", "findOne", users("findOne({ name: 'jerry' })"), lambda got: got["result"]["uid"] == 1),
    Example(
        "2.3",
        "findOne with options",
        users("findOne({ age: { $gt: 18 } }, { projection: { name: 1, _id: 0 }, skip: 1, sort: { age: 1 } })"),
        lambda got: got["result"] == {"name": "ann"},
    ),
    Example(
        "2.3",
        "findOne of none",
        users("findOne({ name: 'nobody' })"),
        lambda got: got["result"] is None and got["affectedDocs"] == 0,
    ),
    Example("2.3", "count", users("count({ name: 'jerry' })"), lambda got: got["result"] == 2),
    Example(
        "2.3",
        "count with options",
        users("count({ age: { $gt: 1 } }, { limit: 2, skip: 1, maxTimeMS: 500 })"),
        lambda got: got["result"] == 2,
    ),
    Example("2.3", "count without a query", users("count()"), code_of_error="ValidationFailed"),
    Example(
        "2.3",
        "distinct",
        users("distinct('name', { age: { $lt: 25 } })"),
        lambda got: sorted(got["result"]) == ["jerry", "tom"] and got["affectedDocs"] == 2,
    ),
    # 2.4 changing
    Example(
        "2.4",
        "updateOne",
        afterwards("updateOne({ name: 'jerry' }, { $set: { age: 10 } })"),
        lambda rows: [row["age"] for row in rows] == [10, 15, 20, 30],
    ),
    Example(
        "2.4",
        "updateOne with upsert",
        afterwards("updateOne({ age: { $gt: 99 } }, { $set: { name: 'Smith', age: 22 } }, { upsert: true })"),
        lambda rows: {"name": "Smith", "age": 22} in rows,
    ),
    Example(
        "2.4",
        "updateOne what upsert answers",
        users("updateOne({ age: { $gt: 99 } }, { $set: { name: 'Smith' } }, { upsert: true })"),
        lambda got: got["affectedDocs"] == 1 and len(got["result"]["upserted"][0]["_id"]) == 24,
    ),
    Example(
        "2.4",
        "updateMany",
        afterwards("updateMany({ name: 'jerry' }, { $set: { age: 10 } })"),
        lambda rows: [row["age"] for row in rows] == [10, 10, 20, 30],
    ),
    Example(
        "2.4",
        "updateMany with upsert",
        users("updateMany({ age: { $gt: 18 } }, { $set: { name: 'Smith', age: 22 } }, { upsert: true })"),
        shape(MONGO, 2),
    ),
    Example(
        "2.4", "updateMany without operators", users("updateMany({}, { age: 1 })"), code_of_error="InvalidParameter"
    ),
    Example("2.4", "updateOne with nothing", users("updateOne({}, {})"), code_of_error="ValidationFailed"),
    Example(
        "2.4",
        "replaceOne",
        afterwards("replaceOne({ name: 'tom' }, { name: 'tommy', uid: 3 })"),
        lambda rows: rows[2] == {"name": "tommy"},
    ),
    Example(
        "2.4",
        "replaceOne with upsert",
        users("replaceOne({ name: 'new' }, { name: 'new' }, { upsert: true })"),
        lambda got: got["affectedDocs"] == 1,
    ),
    Example("2.4", "deleteOne", afterwards("deleteOne({ name: 'jerry' })"), lambda rows: len(rows) == 3),
    Example("2.4", "deleteOne of the first", afterwards("deleteOne({})"), lambda rows: rows[0]["age"] == 15),
    Example("2.4", "deleteMany", users("deleteMany({ name: 'jerry' })"), shape(MONGO, 2)),
    Example("2.4", "deleteMany without a filter", users("deleteMany()"), code_of_error="ValidationFailed"),
    Example(
        "2.4",
        "findOneAndUpdate",
        SEED
        + """
        const changed = await mpserverless.db.collection('clubs').findOneAndUpdate({ score: { $gt: 20000 } }, { $set: { team: 'Therapeutic Hamsters', score: 22250 } })
        return { before: changed.result.value, left: (await server.db.collection('clubs').count({ team: 'Therapeutic Hamsters', score: 22250 })).result }
        """,
        lambda got: got["before"]["team"] == "Fearful Mallards" and got["left"] == 1,
    ),
    Example(
        "2.4",
        "findOneAndUpdate with options",
        users(
            "findOneAndUpdate({ age: { $gt: 18 } }, { $set: { name: 'Smith', age: 22 } }, { projection: { name: 1 }, sort: { name: 1 }, upsert: true })"
        ),
        lambda got: got["result"]["value"] == {"_id": "5d6f8a5b0000000000000004", "name": "ann"},
    ),
    Example(
        "2.4",
        "findOneAndUpdate returning the new document",
        users("findOneAndUpdate({ name: 'ann' }, { $inc: { age: 1 } }, { returnNewDocument: true })"),
        lambda got: got["result"]["value"]["age"] == 31,
    ),
    Example(
        "2.4",
        "findOneAndReplace",
        users("findOneAndReplace({ name: 'ann' }, { name: 'anna' }, { maxTimeMS: 500 })"),
        lambda got: got["result"]["value"]["age"] == 30 and got["affectedDocs"] == 1,
    ),
    Example(
        "2.4",
        "findOneAndReplace with upsert",
        users("findOneAndReplace({ name: 'new' }, { name: 'new' }, { upsert: true, sort: { name: 1 } })"),
        lambda got: got["result"]["value"] is None and got["affectedDocs"] == 1,
    ),
    Example(
        "2.4",
        "findOneAndDelete",
        users("findOneAndDelete({ name: 'jerry' }, { sort: { age: -1 }, projection: { age: 1, _id: 0 } })"),
        lambda got: got["result"]["value"] == {"age": 15},
    ),
    Example(
        "2.4",
        "findOneAndDelete of none",
        users("findOneAndDelete({ name: 'nobody' })"),
        lambda got: got["result"]["value"] is None and got["affectedDocs"] == 0,
    ),
    # 2.5 aggregation
    Example(
        "2.5",
        "aggregate",
        users(
            "aggregate([{ $match: { age: { $lt: 25 } } }, { $group: { _id: '$name', total: { $sum: '$age' } } }, { $sort: { _id: 1 } }])"
        ),
        lambda got: got["result"] == [{"_id": "jerry", "total": 20}, {"_id": "tom", "total": 20}],
    ),
    Example(
        "2.5",
        "aggregate with options",
        users("aggregate([{ $count: 'n' }], { allowDiskUse: true, maxTimeMS: 500, raw: false, promoteLongs: true })"),
        lambda got: got["result"] == [{"n": 4}] and got["affectedDocs"] == 1,
    ),
    Example(
        "2.5",
        "aggregate explained",
        users("aggregate([{ $match: { name: 'jerry' } }], { explain: true })"),
        lambda got: bool(got["result"]),
    ),
    # dates
    Example(
        "2.1",
        "a Date goes in and comes back",
        """
        await mpserverless.db.collection('users').insertOne({ name: 'date', when: new Date(1577934245678) })
        const { result } = await mpserverless.db.collection('users').findOne({ when: new Date(1577934245678) })
        return [result.when instanceof Date, result.when.getTime()]
        """,
        lambda got: got == [True, 1577934245678],
    ),
]


@pytest.fixture(scope="module")
def results(cloud: LiveServer, chapter: Run) -> dict[str, dict[str, Any]]:
    """Every example's result on each platform."""
    every = {}
    for platform in ("wx", "my", "dd"):
        space = cloud.create_space()
        for collection in ("users", "clubs"):
            cloud.services.documents.set_rules(space.id, collection, parse_policy('{"*": true}'))
        begin = Example("2.0", "init", f"{SEED} return await mpserverless.init({{ authorType: 'anonymous' }})")
        reads_first = sorted(EXAMPLES, key=lambda example: not example.code.strip().startswith("return"))
        every[platform] = chapter(space, [begin, *reads_first], platform=platform)
    return every


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(results: dict[str, dict[str, Any]], platform: str, example: Example) -> None:
    example.verify(results[platform][str(example)])
