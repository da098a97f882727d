"""Scripts of our own in the shared format: what each collection method does, through whatever carries it out."""

from __future__ import annotations

from typing import Any

Script = dict[str, Any]

TEAS = [
    {"_id": 1, "name": "longjing", "grams": 50, "tags": ["green", "spring"]},
    {"_id": 2, "name": "puer", "grams": 200, "tags": ["dark"]},
    {"_id": 3, "name": "biluochun", "grams": 75, "tags": ["green"]},
]
JARS = [{"_id": 1, "shelf": [{"n": 1}, {"n": 5}]}, {"_id": 2, "shelf": [{"n": 5}, {"n": 9}]}]
CASED = [{"_id": 1, "w": "Tea"}, {"_id": 2, "w": "tea"}, {"_id": 3, "w": "TEA"}]
ANY_CASE = {"locale": "en", "strength": 2}


def _step(op: str, args: dict[str, Any], result: Any = None, *, fails: bool = False) -> dict[str, Any]:
    step: dict[str, Any] = {"op": op, "collection": "teas", "args": args}
    if fails:
        return {**step, "expectError": {"isError": True}}
    return {**step, "expectResult": result} if result is not None else step


def _script(name: str, *steps: dict[str, Any], docs: list[Any] = TEAS, left: list[Any] | None = None) -> Script:
    script: Script = {"id": name, "kind": "ops", "collections": {"teas": docs}, "ops": list(steps)}
    return script if left is None else {**script, "outcome": {"teas": left}}


def _counts(matched: int, modified: int, upserted: Any = None) -> dict[str, Any]:
    counts = {"matchedCount": matched, "modifiedCount": modified, "upsertedCount": int(upserted is not None)}
    return {**counts, "upsertedId": {"$$exists": False} if upserted is None else upserted}


READS = [
    _script(
        "find takes sort, skip, limit and projection",
        _step("find", {"filter": {}, "sort": {"grams": -1}, "limit": 2}, [TEAS[1], TEAS[2]]),
        _step("find", {"filter": {}, "sort": {"grams": 1}, "skip": 2}, [TEAS[1]]),
        _step("find", {"filter": {"tags": "green"}, "projection": {"name": 1, "_id": 0}, "sort": {"_id": 1}},
              [{"name": "longjing"}, {"name": "biluochun"}]),
        _step("find", {"filter": {"grams": {"$gt": 1000}}}, []),
        _step("find", {"filter": {}, "sort": {"$natural": -1}, "skip": 1, "limit": 1}, [TEAS[1]]),
        _step("find", {"filter": {"tags": "green"}, "sort": {"$natural": 1}}, [TEAS[0], TEAS[2]]),
        _step("find", {"filter": {}, "sort": {"$natural": 2}}, fails=True),
    ),
    _script(
        "find compares as its collation says and reads its variables",
        _step("find", {"filter": {"w": "tea"}, "collation": ANY_CASE, "sort": {"_id": 1}}, CASED),
        _step("find", {"filter": {"$expr": {"$eq": ["$w", "$$wanted"]}}, "let": {"wanted": "TEA"}}, [CASED[2]]),
        _step("find", {"filter": {"$expr": {"$eq": ["$w", "$$wanted"]}}}, fails=True),
        _step("find", {"filter": {"_id": 2}, "projection": {"_id": 0, "same": {"$eq": ["$w", "$$wanted"]}},
                       "let": {"wanted": "TEA"}, "collation": ANY_CASE}, [{"same": True}]),
        docs=CASED,
    ),
    _script(
        "counting",
        _step("countDocuments", {"filter": {"tags": "green"}}, 2),
        _step("countDocuments", {"filter": {}, "skip": 1, "limit": 5}, 2),
        _step("countDocuments", {"filter": {"grams": {"$lt": 0}}}, 0),
        _step("estimatedDocumentCount", {}, 3),
        _step("count", {"filter": {"name": "puer"}}, 1),
    ),
    _script(
        "different values",
        _step("distinct", {"fieldName": "tags", "filter": {}}, ["green", "spring", "dark"]),
        _step("distinct", {"fieldName": "tags", "filter": {"grams": {"$lt": 60}}}, ["green", "spring"]),
        _step("distinct", {"fieldName": "nothing", "filter": {}}, []),
    ),
    _script(
        "a pipeline with variables",
        _step("aggregate", {"pipeline": [{"$match": {"$expr": {"$gt": ["$grams", "$$least"]}}}, {"$sort": {"_id": 1}},
                                         {"$project": {"heavy": {"$gte": ["$grams", "$$least"]}}}], "let": {"least": 60}},
              [{"_id": 2, "heavy": True}, {"_id": 3, "heavy": True}]),
    ),
    _script(
        "a pipeline that replaces a collection",
        _step("aggregate", {"pipeline": [{"$match": {"tags": "green"}}, {"$project": {"grams": 1}}, {"$out": "teas"}]}, []),
        left=[{"_id": 1, "grams": 50}, {"_id": 3, "grams": 75}],
    ),
    _script(
        "a pipeline that merges into a collection",
        _step("aggregate", {"pipeline": [{"$project": {"half": {"$divide": ["$grams", 2]}}}, {"$merge": {"into": "teas"}}]}, []),
        left=[{**tea, "half": tea["grams"] / 2} for tea in TEAS],  # type: ignore[operator]
    ),
]  # fmt: skip

INSERTS = [
    _script(
        "one document, and its id again",
        _step("insertOne", {"document": {"_id": 4, "name": "baicha"}}, {"insertedId": {"$$unsetOrMatches": 4}}),
        _step("insertOne", {"document": {"_id": 4}}, fails=True),
        left=[*TEAS, {"_id": 4, "name": "baicha"}],
    ),
    _script(
        "many documents",
        _step("insertMany", {"documents": [{"_id": 4}, {"_id": 5}]},
              {"insertedIds": {"$$unsetOrMatches": {"0": 4, "1": 5}}}),
        left=[*TEAS, {"_id": 4}, {"_id": 5}],
    ),
    _script(
        "in order up to the first that fails",
        _step("insertMany", {"documents": [{"_id": 4}, {"_id": 1}, {"_id": 5}], "ordered": True}, fails=True),
        left=[*TEAS, {"_id": 4}],
    ),
    _script(
        "out of order all that can be",
        _step("insertMany", {"documents": [{"_id": 4}, {"_id": 1}, {"_id": 5}], "ordered": False}, fails=True),
        left=[*TEAS, {"_id": 4}, {"_id": 5}],
    ),
]  # fmt: skip

UPDATES = [
    _script(
        "one document, many documents, none",
        _step("updateOne", {"filter": {"_id": 1}, "update": {"$inc": {"grams": 5}}}, _counts(1, 1)),
        _step("updateOne", {"filter": {"_id": 1}, "update": {"$set": {"grams": 55}}}, _counts(1, 0)),
        _step("updateMany", {"filter": {"tags": "green"}, "update": {"$set": {"sold": True}}}, _counts(2, 2)),
        _step("updateMany", {"filter": {"_id": 9}, "update": {"$set": {"sold": True}}}, _counts(0, 0)),
        left=[{**TEAS[0], "grams": 55, "sold": True}, TEAS[1], {**TEAS[2], "sold": True}],
    ),
    _script(
        "what an upsert inserts",
        _step("updateOne", {"filter": {"_id": 4}, "update": {"$set": {"grams": 1}}, "upsert": True}, _counts(0, 0, 4)),
        _step("updateMany", {"filter": {"_id": {"$eq": 5}}, "update": {"$setOnInsert": {"grams": 2}}, "upsert": True},
              _counts(0, 0, 5)),
        _step("replaceOne", {"filter": {"_id": 6}, "replacement": {"grams": 3}, "upsert": True}, _counts(0, 0, 6)),
        left=[*TEAS, {"_id": 4, "grams": 1}, {"_id": 5, "grams": 2}, {"_id": 6, "grams": 3}],
    ),
    _script(
        "elements that a filter chooses",
        _step("updateOne", {"filter": {"_id": 1}, "update": {"$set": {"shelf.$[few].n": 0}}, "arrayFilters": [{"few.n": 1}]},
              _counts(1, 1)),
        _step("updateMany", {"filter": {}, "update": {"$inc": {"shelf.$[five].n": 1}}, "arrayFilters": [{"five.n": 5}]},
              _counts(2, 2)),
        _step("updateOne", {"filter": {}, "update": {"$set": {"shelf.$[other].n": 0}}, "arrayFilters": [{"few.n": 1}]},
              fails=True),
        docs=JARS,
        left=[{"_id": 1, "shelf": [{"n": 0}, {"n": 6}]}, {"_id": 2, "shelf": [{"n": 6}, {"n": 9}]}],
    ),
    _script(
        "a pipeline as update, with variables",
        _step("updateMany", {"filter": {"$expr": {"$lt": ["$grams", "$$most"]}}, "let": {"most": 100},
                             "update": [{"$set": {"left": {"$subtract": ["$$most", "$grams"]}}}]}, _counts(2, 2)),
        _step("updateOne", {"filter": {}, "update": [{"$out": "x"}]}, fails=True),
        left=[{**TEAS[0], "left": 50}, TEAS[1], {**TEAS[2], "left": 25}],
    ),
    _script(
        "updates by collation and hint",
        _step("updateMany", {"filter": {"w": "tea"}, "update": {"$set": {"hit": 1}}, "collation": ANY_CASE}, _counts(3, 3)),
        _step("updateOne", {"filter": {"_id": 1}, "update": {"$set": {"hit": 2}}, "hint": {"_id": 1}}, _counts(1, 1)),
        _step("updateOne", {"filter": {"_id": 1}, "update": {"$set": {"hit": 3}}, "hint": "no_such_index"}, fails=True),
        docs=CASED,
        left=[{**CASED[0], "hit": 2}, {**CASED[1], "hit": 1}, {**CASED[2], "hit": 1}],
    ),
    _script(
        "replacing",
        _step("replaceOne", {"filter": {"_id": {"$gt": 1}}, "replacement": {"name": "new"}}, _counts(1, 1)),
        _step("replaceOne", {"filter": {"_id": 9}, "replacement": {"name": "new"}}, _counts(0, 0)),
        left=[TEAS[0], {"_id": 2, "name": "new"}, TEAS[2]],
    ),
    _script(
        "an update without operators is refused",
        _step("updateOne", {"filter": {}, "update": {"name": "x"}}, fails=True),
        _step("updateMany", {"filter": {}, "update": {"name": "x"}}, fails=True),
        left=TEAS,
    ),
]  # fmt: skip

DELETES = [
    _script(
        "the first, all that match, none",
        _step("deleteOne", {"filter": {"tags": "green"}}, {"deletedCount": 1}),
        _step("deleteMany", {"filter": {"grams": {"$gt": 100}}}, {"deletedCount": 1}),
        _step("deleteMany", {"filter": {"_id": 9}}, {"deletedCount": 0}),
        left=[TEAS[2]],
    ),
    _script(
        "deletes by collation, hint and variables",
        _step("deleteOne", {"filter": {"w": "TEA"}, "collation": ANY_CASE, "hint": {"_id": 1}}, {"deletedCount": 1}),
        _step("deleteMany", {"filter": {"$expr": {"$eq": ["$_id", "$$gone"]}}, "let": {"gone": 2}}, {"deletedCount": 1}),
        docs=CASED,
        left=[CASED[2]],
    ),
]  # fmt: skip

FIND_AND_MODIFY = [
    _script(
        "before and after an update",
        _step("findOneAndUpdate", {"filter": {"_id": 1}, "update": {"$inc": {"grams": 1}}}, TEAS[0]),
        _step("findOneAndUpdate", {"filter": {"_id": 1}, "update": {"$inc": {"grams": 1}}, "returnDocument": "After"},
              {**TEAS[0], "grams": 52}),
        _step("findOneAndUpdate", {"filter": {"grams": {"$gt": 0}}, "update": {"$set": {"top": 1}}, "sort": {"grams": -1},
                                   "projection": {"name": 1, "_id": 0}}, {"name": "puer"}),
        left=[{**TEAS[0], "grams": 52}, {**TEAS[1], "top": 1}, TEAS[2]],
    ),
    _script(
        "upserts of find and modify",
        _step("findOneAndUpdate", {"filter": {"_id": 4}, "update": {"$set": {"n": 1}}, "upsert": True,
                                   "returnDocument": "After"}, {"_id": 4, "n": 1}),
        _step("findOneAndUpdate", {"filter": {"_id": 5}, "update": {"$set": {"n": 1}}, "upsert": True},
              {"$$unsetOrMatches": {}}),
        _step("findOneAndReplace", {"filter": {"_id": 6}, "replacement": {"n": 2}, "upsert": True,
                                    "returnDocument": "After"}, {"_id": 6, "n": 2}),
        left=[*TEAS, {"_id": 4, "n": 1}, {"_id": 5, "n": 1}, {"_id": 6, "n": 2}],
    ),
    _script(
        "replacing and removing what was found",
        _step("findOneAndReplace", {"filter": {"name": "puer"}, "replacement": {"name": "shu"}}, TEAS[1]),
        _step("findOneAndDelete", {"filter": {}, "sort": {"grams": -1}, "projection": {"name": 1, "_id": 0}},
              {"name": "biluochun"}),
        _step("findOneAndDelete", {"filter": {"_id": 9}}, {"$$unsetOrMatches": {}}),
        left=[TEAS[0], {"_id": 2, "name": "shu"}],
    ),
    _script(
        "find and modify with arrayFilters, pipeline and variables",
        _step("findOneAndUpdate", {"filter": {"_id": 1}, "update": {"$set": {"shelf.$[a].n": 7}}, "arrayFilters": [{"a.n": 1}],
                                   "returnDocument": "After"}, {"_id": 1, "shelf": [{"n": 7}, {"n": 5}]}),
        _step("findOneAndUpdate", {"filter": {"$expr": {"$eq": ["$_id", "$$id"]}}, "let": {"id": 2, "x": "seen"},
                                   "update": [{"$set": {"mark": "$$x"}}, {"$unset": ["shelf"]}], "returnDocument": "After"},
              {"_id": 2, "mark": "seen"}),
        docs=JARS,
    ),
    _script(
        "find and modify by collation and hint",
        _step("findOneAndDelete", {"filter": {"w": "TEA"}, "collation": ANY_CASE, "sort": {"_id": 1}}, CASED[0]),
        _step("findOneAndReplace", {"filter": {"_id": 2}, "replacement": {"w": "x"}, "hint": {"_id": 1}}, CASED[1]),
        _step("findOneAndUpdate", {"filter": {"_id": 3}, "update": {"$set": {"n": 1}}, "collation": ANY_CASE,
                                   "projection": {"_id": 0, "tea": {"$eq": ["$w", "tea"]}}}, {"tea": True}),
        _step("findOneAndUpdate", {"filter": {"_id": 2}, "update": {"$set": {"w": "y"}}, "hint": "no_such"}, fails=True),
        docs=CASED,
        left=[{"_id": 2, "w": "x"}, {**CASED[2], "n": 1}],
    ),
]  # fmt: skip

BULK = [
    _script(
        "operations of every kind in one request",
        _step("bulkWrite", {"requests": [
            {"insertOne": {"document": {"_id": 4}}},
            {"updateOne": {"filter": {"_id": 4}, "update": {"$set": {"n": 1}}}},
            {"updateMany": {"filter": {"tags": "green"}, "update": {"$set": {"g": 1}}}},
            {"replaceOne": {"filter": {"_id": 5}, "replacement": {"n": 2}, "upsert": True}},
            {"deleteOne": {"filter": {"_id": 2}}},
            {"deleteMany": {"filter": {"$expr": {"$eq": ["$_id", "$$gone"]}}}},
        ], "let": {"gone": 3}}, {
            "insertedCount": 1, "matchedCount": 3, "modifiedCount": 3, "deletedCount": 2, "upsertedCount": 1,
            "upsertedIds": {"3": 5},
        }),
        left=[{**TEAS[0], "g": 1}, {"_id": 4, "n": 1}, {"_id": 5, "n": 2}],
    ),
    _script(
        "a request that fails tells what it did",
        {**_step("bulkWrite", {"requests": [{"insertOne": {"document": {"_id": 4}}}, {"insertOne": {"document": {"_id": 1}}},
                                            {"deleteOne": {"filter": {"_id": 1}}}]}, fails=True),
         "expectError": {"isClientError": False, "errorCode": 11000, "expectResult": {"insertedCount": 1, "deletedCount": 0}}},
        left=[*TEAS, {"_id": 4}],
    ),
]  # fmt: skip

SCRIPTS: list[Script] = [*READS, *INSERTS, *UPDATES, *DELETES, *FIND_AND_MODIFY]
"""Scripts of the methods that every way into the engine has."""
