from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from hypothesis import given
from hypothesis import strategies as st

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.values import UNDEFINED, equal
from yunbox.errors import QueryError

from .samples import DOCUMENTS, VALUES

DATE = datetime(2020, 1, 1, tzinfo=UTC)

MATCHES: list[tuple[Any, Any]] = [
    ({"a": 1}, {}),
    ({"a": 1}, {"a": 1.0}),
    ({"a": Decimal128("1.0")}, {"a": 1}),
    ({"a": 2**53 + 1}, {"a": {"$gt": float(2**53)}}),
    ({"a": [1, 2]}, {"a": 2}),
    ({"a": [1, 2]}, {"a": [1, 2]}),
    ({"a": [[1, 2]]}, {"a": [1, 2]}),
    ({"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a.b.c": 2}),
    ({"a": [{"b": 1}, {"b": 2}]}, {"a.1.b": 2}),
    ({"a": [{"b": [5, 6]}]}, {"a.b.1": 6}),
    ({"a": {"0": "x"}}, {"a.0": "x"}),
    ({"a": [{"0": "x"}]}, {"a.0": "x"}),
    ({}, {"a": None}),
    ({"a": None}, {"a": None}),
    ({"a": UNDEFINED}, {"a": None}),
    ({"a": [{}]}, {"a.b": None}),
    ({"a": 5}, {"a.b": None}),
    ({"a": [1, None]}, {"a": None}),
    ({}, {"a": {"$ne": 1}}),
    ({}, {"a": {"$nin": [1, 2]}}),
    ({"a": 5}, {"a": {"$gt": 4, "$lt": 6}}),
    ({"a": [1, 10]}, {"a": {"$gt": 4, "$lt": 6}}),
    ({"a": None}, {"a": {"$gte": None}}),
    ({"a": math.nan}, {"a": {"$gte": math.nan}}),
    ({"a": True}, {"a": {"$gt": False}}),
    ({"a": "b"}, {"a": {"$gt": "a"}}),
    ({"a": DATE}, {"a": {"$lte": DATE}}),
    ({"a": {"b": 2}}, {"a": {"$gt": {"b": 1}}}),
    ({"a": [2]}, {"a": {"$gt": [1]}}),
    ({"a": 1}, {"a": {"$lt": MaxKey()}}),
    ({}, {"a": {"$gt": MinKey()}}),
    ({"a": 3}, {"a": {"$in": [1, "x", 3.0]}}),
    ({"a": "xyz"}, {"a": {"$in": [Regex("^x")]}}),
    ({"a": "xyz"}, {"a": {"$in": [{"$regex": "^X", "$options": "i"}]}}),
    ({}, {"a": {"$in": [None]}}),
    ({"a": None}, {"a": {"$exists": True}}),
    ({}, {"a": {"$exists": 0}}),
    ({"a": [1]}, {"a": {"$type": "array"}}),
    ({"a": ["x", 1]}, {"a": {"$type": ["string", 10]}}),
    ({"a": Int64(1)}, {"a": {"$type": "long"}}),
    ({"a": 1.5}, {"a": {"$type": "number"}}),
    ({"a": -7}, {"a": {"$mod": [3, -1]}}),
    ({"a": 7.9}, {"a": {"$mod": [3.2, 1]}}),
    ({"a": "Hello"}, {"a": Regex("^hell", "i")}),
    ({"a": ["x", "Hello"]}, {"a": {"$regex": "ell"}}),
    ({"a": "a\nb"}, {"a": {"$regex": "^b", "$options": "gm"}}),
    ({"a": Regex("x")}, {"a": Regex("x")}),
    ({"a": [1, 2, 3]}, {"a": {"$all": [3, 1]}}),
    ({"a": 1}, {"a": {"$all": [1]}}),
    (
        {"a": [{"x": 1, "y": 1}, {"x": 2}]},
        {"a": {"$all": [{"$elemMatch": {"x": 1, "y": 1}}, {"$elemMatch": {"x": 2}}]}},
    ),
    ({"a": [1, 5]}, {"a": {"$elemMatch": {"$gt": 4, "$lt": 6}}}),
    ({"a": [{"b": 1, "c": 2}]}, {"a": {"$elemMatch": {"b": 1, "c": 2}}}),
    ({"a": [[1, 2], [3]]}, {"a": {"$elemMatch": {"$elemMatch": {"$gt": 2}}}}),
    ({"a": [[7, 8]]}, {"a": {"$elemMatch": {"0": 7}}}),
    ({"a": [{"b": 1}]}, {"a": {"$elemMatch": {"$or": [{"b": 1}, {"b": 2}]}}}),
    ({"a": []}, {"a": {"$size": 0}}),
    ({"a": [[1, 2]]}, {"a": {"$size": 1}}),
    ({"a": 5}, {"a": {"$not": {"$gt": 6}}}),
    ({}, {"a": {"$not": {"$gt": 6}}}),
    ({"a": "x"}, {"a": {"$not": Regex("y")}}),
    ({"a": 20}, {"a": {"$bitsAllSet": [2, 4]}}),
    ({"a": 20}, {"a": {"$bitsAnyClear": 21}}),
    ({"a": -1}, {"a": {"$bitsAllSet": [100, 2**31 - 1]}}),
    ({"a": b"\x05"}, {"a": {"$bitsAllSet": 5}}),
    ({"a": 1, "b": 2}, {"$and": [{"a": 1}, {"$or": [{"b": 3}, {"b": 2}]}], "$comment": "x"}),
    ({"a": 1}, {"$nor": [{"a": 2}, {"b": 1}]}),
    ({"a": 5, "b": 4}, {"$expr": {"$gt": ["$a", "$b"]}}),
    ({"a": {"$ref": "c", "$id": 1}}, {"a": {"$ref": "c", "$id": 1}}),
    ({"": 1}, {"": 1}),
    ({"a": {"": 1}}, {"a.": 1}),
    ({"a": 85}, {"a": {"$or": [{"$gt": 80}, {"$lt": 20}]}}),
    ({"a": {"$b": 1}}, {"$or": [{"a": {"$eq": 2}}, {"a": {"$eq": {"$b": 1}}}]}),
]

MISSES: list[tuple[Any, Any]] = [
    ({"a": True}, {"a": 1}),
    ({"a": 1}, {"a": True}),
    ({"a": "1"}, {"a": 1}),
    ({"a": 2**53 + 1}, {"a": float(2**53)}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}),
    ({"a": {"c": 2, "b": 1}}, {"a": {"b": 1, "c": 2}}),
    ({"a": [1, 2, 3]}, {"a": [1, 2]}),
    ({"a": []}, {"a.b": None}),
    ({"a": [1, 2]}, {"a.b": None}),
    ({"a": [[1, 2]]}, {"a": 1}),
    ({"a": [[{"b": 1}]]}, {"a.b": 1}),
    ({"a": [1, 2]}, {"a": {"$ne": 2}}),
    ({"a": None}, {"a": {"$gt": None}}),
    ({"a": math.nan}, {"a": {"$lt": 5}}),
    ({"a": math.nan}, {"a": {"$gt": 5}}),
    ({"a": DATE}, {"a": {"$gt": 5}}),
    ({"a": False}, {"a": {"$gte": 0}}),
    ({"a": 1}, {"a": {"$gt": MaxKey()}}),
    ({"a": None}, {"a": {"$exists": False}}),
    ({"a": 5}, {"a": {"$size": 1}}),
    ({"a": [1, 10]}, {"a": {"$elemMatch": {"$gt": 4, "$lt": 6}}}),
    ({"a": [[5]]}, {"a": {"$elemMatch": {"$gt": 4}}}),
    ({"a": [{"b": 1}, {"c": 2}]}, {"a": {"$elemMatch": {"b": 1, "c": 2}}}),
    ({"a": [1]}, {"a": {"$all": []}}),
    ({"a": 5}, {"a": {"$not": {"$gt": 4}}}),
    ({"a": 1.5}, {"a": {"$bitsAllSet": 1}}),
    ({"a": 2.0**70}, {"a": {"$mod": [2, 0]}}),
    ({"a": "中文"}, {"a": Regex(r"^\w+$")}),
    ({"a": 1}, {"$alwaysFalse": 1}),
    ({"a": {"b": 1}}, {"a": {"b": {"$gt": 0}}}),
]

ERRORS: list[tuple[Any, int]] = [
    ({"a": {"$foo": 1}}, 2),
    ({"$foo": 1}, 2),
    ({"a": {"$gt": 1, "b": 2}}, 2),
    ({"a": {"$in": 1}}, 2),
    ({"a": {"$in": [{"$gt": 1}]}}, 2),
    ({"a": {"$nin": {}}}, 2),
    ({"a": {"$ne": Regex("x")}}, 2),
    ({"a": {"$gt": Regex("x")}}, 2),
    ({"a": UNDEFINED}, 2),
    ({"a": {"$not": 5}}, 2),
    ({"a": {"$not": {}}}, 2),
    ({"a": {"$mod": [0, 1]}}, 2),
    ({"a": {"$mod": [1]}}, 2),
    ({"a": {"$mod": [1, 2, 3]}}, 2),
    ({"a": {"$mod": [math.nan, 1]}}, 2),
    ({"a": {"$size": -1}}, 2),
    ({"a": {"$size": "1"}}, 2),
    ({"a": {"$all": 1}}, 2),
    ({"a": {"$all": [{"$elemMatch": {}}, 1]}}, 2),
    ({"a": {"$elemMatch": 1}}, 2),
    ({"a": {"$type": "nothing"}}, 2),
    ({"a": {"$type": []}}, 9),
    ({"a": {"$type": None}}, 14),
    ({"a": {"$options": "i"}}, 2),
    ({"a": {"$regex": 1}}, 2),
    ({"a": {"$regex": "("}}, 51091),
    ({"a": {"$regex": "a", "$options": "z"}}, 51108),
    ({"a": {"$regex": Regex("a", "i"), "$options": "m"}}, 51075),
    ({"a": {"$bitsAllSet": -1}}, 2),
    ({"a": {"$bitsAllSet": [-1]}}, 2),
    ({"$and": {}}, 2),
    ({"$or": []}, 2),
    ({"$nor": [1]}, 2),
    ({"$where": "1"}, 2),
    ({"a": {"$elemMatch": {"$expr": 1}}}, 2),
    ({"$expr": {"$nothing": 1}}, 168),
    ({"$text": {}}, 4),
    ({"a": {"$type": Code("string")}}, 14),
    ({"a": {"$regex": Code("a")}}, 2),
    ([], 14),
]


@pytest.mark.parametrize(("document", "filter"), MATCHES)
def test_matches(document: Any, filter: Any) -> None:
    assert compile_filter(filter)(document)


@pytest.mark.parametrize(("document", "filter"), MISSES)
def test_misses(document: Any, filter: Any) -> None:
    assert not compile_filter(filter)(document)


@pytest.mark.parametrize(("filter", "number"), ERRORS)
def test_refused_filters(filter: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_filter(filter)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("document", "filter", "position"),
    [
        ({"a": [1, 2, 3]}, {"a": 2}, 1),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.b": 2}, 1),
        ({"a": [{"b": [9, 8]}]}, {"a.b": 8}, 0),
        ({"a": {"b": [9, 8]}}, {"a.b": 8}, 1),
        ({"a": [1, 5, 9]}, {"a": {"$elemMatch": {"$gt": 4}}}, 1),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": {"$elemMatch": {"b": 2}}}, 1),
        ({"a": [1, 2], "b": [4, 5, 6]}, {"a": 2, "b": 6}, 2),
        ({"a": [1, 2], "b": [4, 5, 6]}, {"$or": [{"b": 6}, {"a": 2}]}, None),
        ({"a": [1, 2], "b": [4, 5, 6]}, {"$or": [{"a": 2}]}, 1),
        ({"a": [1, 2, 3]}, {"$or": [{"a": 3}, {"a": {"$eq": 2}}, {"a": {"$in": [9]}}]}, 1),
        ({"a": [1, 2, 3]}, {"$or": [{"a": 3}, {"a": {"$gt": 1}}]}, None),
        ({"a": [0, 1]}, {"a.1": 1}, None),
        ({"a": [{"b": [0, 7]}]}, {"a.0.b": 7}, 1),
        ({"a": [1, 2]}, {"a": {"$not": {"$gt": 5}}}, None),
        ({"a": 1}, {"a": 1}, None),
    ],
)
def test_positions(document: Any, filter: Any, position: int | None) -> None:
    matcher = compile_filter(filter)
    assert matcher(document)
    assert matcher.position(document) == position


def test_variables_are_read_when_matching() -> None:
    variables = {"limit": 5}
    matcher = compile_filter({"$expr": {"$gt": ["$a", "$$limit"]}}, variables=variables)
    assert not matcher({"a": 5})
    variables["limit"] = 4
    assert matcher({"a": 5})


def test_deep_filters_are_refused() -> None:
    filter: dict[str, Any] = {"a": 1}
    for _ in range(150):
        filter = {"$and": [filter]}
    with pytest.raises(QueryError, match="depth"):
        compile_filter(filter)


OPERANDS = VALUES.filter(lambda value: value is not UNDEFINED and not isinstance(value, (Regex, dict)))
PATHS = st.sampled_from(["a", "b", "a.b", "a.0", "a.b.c", "c.0.a"])


@given(DOCUMENTS, PATHS, OPERANDS)
def test_laws_of_comparison(document: Any, path: str, operand: Any) -> None:
    def matches(condition: Any) -> bool:
        return compile_filter({path: condition})(document)

    assert matches({"$eq": operand}) == matches({"$in": [operand]}) == (not matches({"$ne": operand}))
    assert matches({"$nin": [operand]}) != matches({"$in": [operand]})
    assert matches({"$not": {"$gt": operand}}) != matches({"$gt": operand})
    if matches({"$eq": operand}):
        assert matches({"$gte": operand})
        assert matches({"$lte": operand})
    assert matches({"$exists": True}) != matches({"$exists": False})


@given(DOCUMENTS)
def test_a_document_matches_its_own_fields(document: Any) -> None:
    for name, value in document.items():
        hidden = isinstance(value, Regex) or value is UNDEFINED or "." in name or name.startswith("$")
        if not hidden:
            assert compile_filter({name: {"$eq": value}})(document)


def test_ids_are_values_like_others() -> None:
    identity = ObjectId()
    assert compile_filter({"_id": identity})({"_id": identity})
    assert not compile_filter({"_id": str(identity)})({"_id": identity})
    assert equal(identity, ObjectId(str(identity)))
