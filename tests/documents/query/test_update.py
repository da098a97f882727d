from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, Regex, Timestamp
from hypothesis import given

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.update import compile_update, document_from_filter, identical
from yunbox.documents.query.values import type_name
from yunbox.errors import QueryError

from .samples import DOCUMENTS, VALUES

NOW = datetime(2020, 5, 17, 12, 0, 0, 123000, tzinfo=UTC)

UPDATES: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, {"$set": {"b": 2}}, {"a": 1, "b": 2}),
    ({}, {"$set": {"c": 1, "a": {"x": 1}, "b.d": 2, "b.c": 3}}, {"a": {"x": 1}, "b": {"c": 3, "d": 2}, "c": 1}),
    ({"a": [1, 2]}, {"$set": {"a.1": 9, "a.4": 5}}, {"a": [1, 9, None, None, 5]}),
    ({"a": {"b": 1}}, {"$set": {"a.0": 2}}, {"a": {"b": 1, "0": 2}}),
    ({"a": 1, "b": 2}, {"$unset": {"a": "", "c.d": 1}}, {"b": 2}),
    ({"a": [1, 2, 3]}, {"$unset": {"a.1": 1}}, {"a": [1, None, 3]}),
    ({"a": 5}, {"$unset": {"a.b": 1}}, {"a": 5}),
    ({"a": 1}, {"$inc": {"a": 2, "b.c": 3}}, {"a": 3, "b": {"c": 3}}),
    ({"a": 2}, {"$mul": {"a": 3, "b": 5}}, {"a": 6, "b": 0}),
    ({"a": 5, "b": 5}, {"$min": {"a": 3, "b": 7, "c": 1}}, {"a": 3, "b": 5, "c": 1}),
    ({"a": 5, "b": "x"}, {"$max": {"a": 7, "b": 9}}, {"a": 7, "b": "x"}),
    ({"a": 1, "b": {"c": 2}}, {"$rename": {"a": "x", "b.c": "y.z"}}, {"b": {}, "x": 1, "y": {"z": 2}}),
    ({"a": 1}, {"$rename": {"missing": "a"}}, {"a": 1}),
    ({"a": [1], "b": 2}, {"$rename": {"a.1": "b", "a.2.c": "d"}}, {"a": [1], "b": 2}),
    ({"a": 1}, {"$setOnInsert": {"b": 1}}, {"a": 1}),
    ({"a": [1]}, {"$push": {"a": [2]}}, {"a": [1, [2]]}),
    ({}, {"$push": {"a.b": 1}}, {"a": {"b": [1]}}),
    ({"a": [1, 4]}, {"$push": {"a": {"$each": [2, 3], "$position": 1}}}, {"a": [1, 2, 3, 4]}),
    ({"a": [1, 4]}, {"$push": {"a": {"$each": [2], "$position": -1}}}, {"a": [1, 2, 4]}),
    ({"a": [1, 4]}, {"$push": {"a": {"$each": [9], "$position": -9}}}, {"a": [9, 1, 4]}),
    ({"a": [3]}, {"$push": {"a": {"$each": [1, 2], "$sort": 1, "$slice": -2}}}, {"a": [2, 3]}),
    ({"a": [3]}, {"$push": {"a": {"$each": [1, 2], "$sort": -1, "$slice": 1}}}, {"a": [3]}),
    ({"a": [3]}, {"$push": {"a": {"$each": [4], "$sort": Decimal128("-1")}}}, {"a": [4, 3]}),
    ({"a": [3]}, {"$push": {"a": {"$each": [1], "$slice": 0}}}, {"a": []}),
    (
        {"a": [{"x": 2, "y": 1}, {"x": 1}]},
        {"$push": {"a": {"$each": [{"x": 2, "y": 0}], "$sort": {"x": -1, "y": 1}}}},
        {"a": [{"x": 2, "y": 0}, {"x": 2, "y": 1}, {"x": 1}]},
    ),
    ({"a": [1, 2]}, {"$addToSet": {"a": 2.0}}, {"a": [1, 2]}),
    ({"a": [1]}, {"$addToSet": {"a": {"$each": [2, 1, 2]}}}, {"a": [1, 2]}),
    ({"a": [{"x": 1, "y": 2}]}, {"$addToSet": {"a": {"y": 2, "x": 1}}}, {"a": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]}),
    ({"a": [1, 2, 3]}, {"$pop": {"a": 1}}, {"a": [1, 2]}),
    ({"a": [1, 2, 3]}, {"$pop": {"a": -1, "b": 1}}, {"a": [2, 3]}),
    ({"a": [1, 5, 8]}, {"$pull": {"a": {"$gt": 4}}}, {"a": [1]}),
    ({"a": [1, 5, 1]}, {"$pull": {"a": 1}}, {"a": [5]}),
    ({"a": ["x", "yx"]}, {"$pull": {"a": Regex("^x")}}, {"a": ["yx"]}),
    ({"a": [{"b": 1, "c": 2}, {"b": 2}]}, {"$pull": {"a": {"b": 1}}}, {"a": [{"b": 2}]}),
    ({"a": [{"b": [1, 9]}, {"b": [2]}]}, {"$pull": {"a": {"b": {"$elemMatch": {"$gt": 5}}}}}, {"a": [{"b": [2]}]}),
    ({"a": [1, 2, 3, 1]}, {"$pullAll": {"a": [1, 3]}}, {"a": [2]}),
    ({"a": 13}, {"$bit": {"a": {"and": 10}, "b": {"or": 3}}}, {"a": 8, "b": 3}),
    ({"a": [1, 2]}, {"$inc": {"a.$[]": 10}}, {"a": [11, 12]}),
    ({"a": [{"b": 1}, {"b": 2}]}, {"$set": {"a.$[].c": 0}}, {"a": [{"b": 1, "c": 0}, {"b": 2, "c": 0}]}),
    ({"_id": 7, "a": 1}, {"b": 2}, {"_id": 7, "b": 2}),
    ({"_id": 7, "a": 1}, {"b": 2, "_id": 7}, {"_id": 7, "b": 2}),
    ({"_id": 7, "a": 1}, {}, {"_id": 7}),
    ({"a": 1}, [{"$set": {"b": {"$add": ["$a", 1]}}}, {"$unset": "a"}], {"b": 2}),
    ({"_id": 1, "a": {"b": 2}}, [{"$replaceWith": "$a"}], {"_id": 1, "b": 2}),
    ({"a": 1}, {"$set": {}}, {"a": 1}),
    ({"a": -0.0, "b": [0.0]}, {"$set": {"a": 0.0, "b": [-0.0]}}, {"a": 0.0, "b": [-0.0]}),
    ({"a": {"$b": 2}}, {"$inc": {"a.$b": 2}}, {"a": {"$b": 4}}),
    ({"$a": {"b": {}}}, {"$set": {"$a.b.c": 1}}, {"$a": {"b": {"c": 1}}}),
    ({"$a": {"b": 1}}, {"$set": {"$a": {"$c": 2}}}, {"$a": {"$c": 2}}),
]


@pytest.mark.parametrize(("before", "update", "after"), UPDATES)
def test_updates(before: Any, update: Any, after: Any) -> None:
    original = copy.deepcopy(before)
    result = compile_update(update).apply(before, now=NOW)
    assert identical(result, after), result
    assert identical(before, original)


@pytest.mark.parametrize(("before", "update", "after"), UPDATES)
def test_an_update_that_changes_nothing_returns_its_input(before: Any, update: Any, after: Any) -> None:
    applied = compile_update(update).apply(before, now=NOW)
    assert (applied is before) == identical(before, after)


@pytest.mark.parametrize(
    ("old", "operator", "operand", "result", "kind"),
    [
        (1, "$inc", 1, 2, "int"),
        (2**31 - 1, "$inc", 1, 2**31, "long"),
        (1, "$inc", Int64(1), 2, "long"),
        (Int64(1), "$inc", 1, 2, "long"),
        (1, "$inc", 1.5, 2.5, "double"),
        (Int64(1), "$inc", 1.0, 2.0, "double"),
        (1, "$inc", Decimal128("0.1"), Decimal128("1.1"), "decimal"),
        (0.1, "$inc", Decimal128("0.2"), Decimal128("0.3"), "decimal"),
        (2**31 - 1, "$mul", 2, 2**32 - 2, "long"),
        (2, "$mul", 0.5, 1.0, "double"),
        (5, "$bit", {"xor": Int64(1)}, 4, "long"),
    ],
)
def test_number_types(old: Any, operator: str, operand: Any, result: Any, kind: str) -> None:
    after = compile_update({operator: {"a": operand}}).apply({"a": old}, now=NOW)["a"]
    assert after == result
    assert type_name(after) == kind


def test_a_missing_number_multiplied_has_the_type_of_the_factor() -> None:
    after = compile_update({"$mul": {"a": Int64(3), "b": 1.5}}).apply({}, now=NOW)
    assert (type_name(after["a"]), type_name(after["b"])) == ("long", "double")


ERRORS: list[tuple[Any, Any, int]] = [
    ({"a": 1}, {"$foo": {"a": 1}}, 9),
    ({"a": 1}, {"$set": 5}, 9),
    ({"a": 1}, {"$set": {"a": 1}, "b": 1}, 9),
    ({"a": 1}, {"b": 1, "$set": {}}, 52),
    ({"a": 1}, {"$set": {"": 1}}, 56),
    ({"a": 1}, {"$set": {"a..b": 1}}, 56),
    ({"a": 1}, {"$set": {"$x": 1}}, 52),
    ({"a": {}}, {"$inc": {"a.$x": 1}}, 52),
    ({"a": [{"b": [1]}]}, {"$pull": {"a.b": 1}}, 28),
    ({"a": [{"b": [1]}]}, {"$pullAll": {"a.b": [1]}}, 28),
    ({"a": 1}, {"$pull": {"a.b": 1}}, 28),
    ({"a": 1}, {"$set": {"a": 1, "a.b": 2}}, 40),
    ({"a": 1}, {"$set": {"a": 1}, "$inc": {"a": 2}}, 40),
    ({"a": 1}, {"$set": {"b.c": 1}, "$unset": {"b": 1}}, 40),
    ({"a": 1}, {"$rename": {"a": "b", "c": "b"}}, 40),
    ({"a": 1}, {"$rename": {"a": "a.b"}}, 40),
    ({"a": 1}, {"$rename": {"a": "a"}}, 2),
    ({"a": 1}, {"$rename": {"a": 1}}, 2),
    ({"a": [1]}, {"$rename": {"a.0": "b"}}, 2),
    ({"a": [{"b": [{"c": 1}]}]}, {"$rename": {"a.0.b.0.c": "d"}}, 2),
    ({"a": [1]}, {"$rename": {"a.b": "c"}}, 28),
    ({"a": [1], "b": 1}, {"$rename": {"b": "a.5"}}, 2),
    ({"a": 1}, {"$rename": {"a.b": "c"}}, 28),
    ({"a": 1}, {"$set": {"a.b": 1}}, 28),
    ({"a": [1]}, {"$set": {"a.b": 1}}, 28),
    ({"a": 1}, {"$pop": {"a.b": 1}}, 28),
    ({"a": "x"}, {"$inc": {"a": 1}}, 14),
    ({"a": None}, {"$inc": {"a": 1}}, 14),
    ({"a": 1}, {"$inc": {"a": "x"}}, 14),
    ({"a": 2**63 - 1}, {"$inc": {"a": 1}}, 2),
    ({"a": 1}, {"$push": {"a": 1}}, 2),
    ({"a": [1]}, {"$mul": {"a.$[]x": 3}}, 28),
    ({"a": [1]}, {"$mul": {"a.$[": 3}}, 28),
    ({"a": []}, {"$push": {"a": {"$each": 1}}}, 2),
    ({"a": []}, {"$push": {"a": {"$each": [], "$foo": 1}}}, 2),
    ({"a": []}, {"$push": {"a": {"$each": [], "$sort": 2}}}, 2),
    ({"a": []}, {"$push": {"a": {"$each": [], "$slice": 1.5}}}, 2),
    ({"a": 1}, {"$addToSet": {"a": 1}}, 2),
    ({"a": 1}, {"$addToSet": {"a": {"$each": 1}}}, 14),
    ({"a": 1}, {"$pop": {"a": 1}}, 14),
    ({"a": []}, {"$pop": {"a": 2}}, 9),
    ({"a": 1}, {"$pull": {"a": 1}}, 2),
    ({"a": 1}, {"$pullAll": {"a": [1]}}, 2),
    ({"a": []}, {"$pullAll": {"a": 1}}, 2),
    ({"a": 1.5}, {"$bit": {"a": {"and": 1}}}, 2),
    ({"a": 1}, {"$bit": {"a": {"nand": 1}}}, 2),
    ({"a": 1}, {"$bit": {"a": {"and": 1.0}}}, 2),
    ({"a": 1}, {"$currentDate": {"b": 1}}, 2),
    ({"_id": 1}, {"$set": {"_id": 2}}, 66),
    ({"_id": 1}, {"$unset": {"_id": 1}}, 66),
    ({"_id": 1}, {"_id": 2}, 66),
    ({"_id": 1}, [{"$set": {"_id": 2}}], 66),
    ({"a": [1]}, {"$set": {"a.$": 1}}, 2),
    ({"a": [1]}, {"$set": {"$.a": 1}}, 2),
    ({"a": [1]}, {"$set": {"a.$.b.$": 1}}, 2),
    ({"a": [1]}, {"$set": {"a.$[x]": 1}}, 2),
    ({"a": 1}, {"$set": {"a.$[]": 1}}, 2),
    ({}, {"$set": {"a.$[]": 1}}, 2),
    ({"a": [1]}, {"$set": {"a.$[]": 1, "a.0": 2}}, 40),
    ({"a": []}, {"$set": {"a.1500001": 1}}, 146),
    ({"a": 1}, [{"$match": {}}], 72),
    ({"a": 1}, "x", 9),
]


@pytest.mark.parametrize(("before", "update", "number"), ERRORS)
def test_refused_updates(before: Any, update: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_update(update).apply(before, now=NOW)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("document", "filter", "update", "after"),
    [
        ({"a": [1, 5, 9]}, {"a": 5}, {"$set": {"a.$": 0}}, {"a": [1, 0, 9]}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.b": 2}, {"$inc": {"a.$.b": 5}}, {"a": [{"b": 1}, {"b": 7}]}),
        ({"a": [1, 5]}, {"a": {"$gte": 5}}, {"$unset": {"a.$": 1}}, {"a": [1, None]}),
    ],
)
def test_positional(document: Any, filter: Any, update: Any, after: Any) -> None:
    matcher = compile_filter(filter)
    assert compile_update(update).apply(document, position=matcher.position(document), now=NOW) == after


@pytest.mark.parametrize(
    ("document", "update", "filters", "after"),
    [
        ({"a": [1, 5, 9]}, {"$set": {"a.$[x]": 0}}, [{"x": {"$gt": 4}}], {"a": [1, 0, 0]}),
        (
            {"a": [{"b": 1, "c": 1}, {"b": 2}]},
            {"$inc": {"a.$[e].c": 1}},
            [{"e.b": {"$in": [1, 2]}, "e.c": 1}],
            {"a": [{"b": 1, "c": 2}, {"b": 2}]},
        ),
        (
            {"a": [{"b": [1, 2]}, {"b": [3]}]},
            {"$mul": {"a.$[].b.$[n]": 10}},
            [{"$or": [{"n": 1}, {"n": 3}]}],
            {"a": [{"b": [10, 2]}, {"b": [30]}]},
        ),
    ],
)
def test_array_filters(document: Any, update: Any, filters: Any, after: Any) -> None:
    assert compile_update(update, array_filters=filters).apply(document, now=NOW) == after


@pytest.mark.parametrize(
    ("update", "filters", "number"),
    [
        ({"$set": {"a.$[x]": 1}}, [{"y": 1}], 2),
        ({"$set": {"a": 1}}, [{"y": 1}], 9),
        ({"$set": {"a.$[x]": 1}}, [{"x": 1}, {"x": 2}], 9),
        ({"$set": {"a.$[x]": 1}}, [{"x": 1, "y": 2}], 9),
        ({"$set": {"a.$[x]": 1}}, [{}], 9),
        ({"$set": {"a.$[X]": 1}}, [{"X": 1}], 2),
        ({"$set": {"a.$[x]": 1}}, [5], 14),
        ({"b": 1}, [{"x": 1}], 9),
    ],
)
def test_refused_array_filters(update: Any, filters: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_update(update, array_filters=filters)
    assert caught.value.number == number


def test_two_filters_on_one_element_conflict() -> None:
    update = compile_update({"$set": {"a.$[x]": 1, "a.$[y]": 2}}, array_filters=[{"x": 1}, {"y": {"$lt": 5}}])
    with pytest.raises(QueryError) as caught:
        update.apply({"a": [1]}, now=NOW)
    assert caught.value.number == 40


def test_current_date() -> None:
    update = compile_update({"$currentDate": {"a": True, "b": {"$type": "timestamp"}, "c": {"$type": "date"}}})
    after = update.apply({}, now=NOW)
    assert after["a"] == after["c"] == NOW
    assert isinstance(after["b"], Timestamp)
    assert after["b"].time == int(NOW.timestamp())


def test_collation_of_extremes_and_sets() -> None:
    collation = {"locale": "en", "strength": 1}
    assert compile_update({"$addToSet": {"a": "X"}}, collation=collation).apply({"a": ["x"]}, now=NOW) == {"a": ["x"]}
    assert compile_update({"$pull": {"a": "X"}}, collation=collation).apply({"a": ["x"]}, now=NOW) == {"a": []}


@pytest.mark.parametrize(
    ("filter", "document"),
    [
        ({"a": 1, "b.c": 2, "d": {"$gt": 3}}, {"a": 1, "b": {"c": 2}}),
        ({"$and": [{"a": 1}, {"b": {"$eq": 2}}]}, {"a": 1, "b": 2}),
        ({"$or": [{"a": 1}]}, {"a": 1}),
        ({"$or": [{"a": 1}, {"b": 1}]}, {}),
        ({"a": {"$in": [5]}, "b": {"$in": [5, 6]}}, {"a": 5}),
        ({"a": {"$all": [5]}}, {"a": 5}),
        ({"a": Regex("x"), "b": None}, {"b": None}),
        ({"a": {"x": 1}}, {"a": {"x": 1}}),
    ],
)
def test_upsert_base(filter: Any, document: Any) -> None:
    assert document_from_filter(filter) == document


@pytest.mark.parametrize(
    "filter",
    [
        {"a": 1, "a.b": 2},
        {"$and": [{"a": 1}, {"a": 1}]},
        {"a": {"$all": [1, 2]}},
        {"a": {"$eq": 1, "$all": [1]}},
        {"a": {"$eq": 1, "$in": [1]}},
    ],
)
def test_upsert_base_that_is_ambiguous(filter: Any) -> None:
    with pytest.raises(QueryError) as caught:
        document_from_filter(filter)
    assert caught.value.number == 54


def test_upsert() -> None:
    update = compile_update({"$set": {"n": 1}, "$setOnInsert": {"made": True}})
    assert update.apply(document_from_filter({"_id": 4, "k": "v"}), now=NOW, inserting=True) == {
        "_id": 4,
        "k": "v",
        "made": True,
        "n": 1,
    }
    replacement = compile_update({"x": 1})
    assert replacement.apply(document_from_filter({"_id": 4, "k": "v"}), now=NOW, inserting=True) == {"_id": 4, "x": 1}
    assert compile_update({"$set": {"$a.b": 1}}).apply({"_id": 4}, now=NOW, inserting=True) == {
        "_id": 4,
        "$a": {"b": 1},
    }


@pytest.mark.parametrize(
    ("identity", "number"), [([1], 53), (Regex("a"), 53), ({"$b": 1}, 52), ({"a": {"b": [{"$c": 1}]}}, 52)]
)
def test_an_upsert_refuses_what_cannot_be_an_id(identity: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_update({"$set": {"_id": identity}}).apply({}, now=NOW, inserting=True)
    assert caught.value.number == number


@given(DOCUMENTS, VALUES)
def test_set_then_unset_gives_back_the_document(document: Any, value: Any) -> None:
    document = {name: item for name, item in document.items() if name != "fresh"}
    changed = compile_update({"$set": {"fresh": value}}).apply(document, now=NOW)
    assert identical(changed["fresh"], value)
    assert identical(compile_update({"$unset": {"fresh": 1}}).apply(changed, now=NOW), document)
