"""Filters through SQL and indexes find exactly what the matcher finds, whatever the documents hold."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, Regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunbox.documents import Collection, open_database
from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.sort import compile_sort
from yunbox.documents.query.values import sort_key
from yunbox.errors import QueryError

EXAMPLES = int(os.environ.get("YUNBOX_EXAMPLES", "150"))

SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2, 1.0, 1.5, -0.0, 1e300, 2**53 + 1, 2**62, float(2**53)),
        *(float("nan"), float("inf"), Int64(1), Decimal128("1"), Decimal128("0.1"), 0.1),
        *("", "a", "ab", "b", "1", "true", "[x", '{"a":1}', "云", "x" * 1100, "x" * 1100 + "y", 'q"\\'),
        *(datetime(2020, 1, 1, tzinfo=UTC), datetime(1960, 5, 5, tzinfo=UTC), ObjectId("5f" * 12), b"\x00a"),
    ]
)
NAMES = st.sampled_from(["a", "b", "c"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "$date"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS = st.lists(st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=12)
PATHS = st.sampled_from(["a", "b", "c", "a.b", "b.a", "a.0", "a.b.a", "_id"])


def conditions() -> st.SearchStrategy[Any]:
    compare = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])
    single = st.builds(lambda name, value: {name: value}, compare, VALUES)
    listed = st.builds(
        lambda name, values: {name: values}, st.sampled_from(["$in", "$nin", "$all"]), st.lists(SCALARS, max_size=3)
    )
    other = st.sampled_from(
        [
            {"$exists": True},
            {"$exists": False},
            {"$type": "number"},
            {"$size": 1},
            {"$regex": "a"},
            {"$regex": "^[x1]"},
            {"$regex": "x+y"},
            {"$mod": [2, 1]},
            {"$gt": 0, "$lt": 2},
            {"$gte": "a", "$lt": "b"},
            {"$elemMatch": {"$gt": 0}},
            {"$elemMatch": {"a": 1}},
        ]
    )
    plain: st.SearchStrategy[Any] = single | listed | other
    return plain | st.builds(lambda inner: {"$not": inner}, plain)


LEAVES = st.builds(lambda path, condition: {path: condition}, PATHS, conditions() | SCALARS)
FILTERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, members: {name: members},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
SORTS = st.lists(st.tuples(PATHS, st.sampled_from([1, -1])), min_size=1, max_size=2, unique_by=lambda pair: pair[0])
WILDCARDS: list[list[tuple[str, int]]] = [[("$**", 1)], [("a.$**", 1)]]
INDEXES = st.lists(
    st.lists(st.tuples(PATHS, st.sampled_from([1, -1])), min_size=1, max_size=2, unique_by=lambda pair: pair[0])
    | st.sampled_from(WILDCARDS),
    max_size=3,
)

differential = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@differential
@given(documents=DOCUMENTS, filters=st.lists(FILTERS, min_size=1, max_size=4), sort=SORTS, indexes=INDEXES)
def test_filters_and_sorts(
    documents: list[dict[str, Any]],
    filters: list[dict[str, Any]],
    sort: list[tuple[str, int]],
    indexes: list[list[tuple[str, int]]],
) -> None:
    stored = [{"_id": number, **document} for number, document in enumerate(documents)]
    with open_database() as database:
        collection = database["c"]
        collection.insert_many([dict(document) for document in stored])
        for limit in (0, 50):
            assert [_comparable(one) for one in collection.find(limit=limit)] == [_comparable(one) for one in stored]
        for keys in indexes:
            _try_index(collection, keys)
        for filter in filters:
            matcher = compile_filter(filter)
            expected = [document["_id"] for document in stored if matcher(document)]
            found = [document["_id"] for document in collection.find(filter)]
            assert sorted(found) == expected, (filter, collection.explain(filter))
            assert collection.count_documents(filter) == len(expected), filter
            ordered = [document["_id"] for document in collection.find(filter, sort=sort, skip=1, limit=2)]
            key = compile_sort(sort)
            chosen = sorted((document for document in stored if matcher(document)), key=key)
            assert [key(stored[id]) for id in ordered] == [key(document) for document in chosen[1:3]], (filter, sort)
        assert database.engine.check() == []


TEXTS = st.sampled_from(
    ["a", "A", "b", "B", "ä", "Ä", "ab", "Ab", "10", "9", "云", "", "é" * 400, "É" * 400, 1, 2.5, None, ["a", "B"]]
)
COLLATIONS = st.sampled_from(
    [
        *({"locale": "en", "strength": strength} for strength in (1, 2, 3)),
        {"locale": "zh"},
        {"locale": "en", "numericOrdering": True},
        None,
    ]
)
COLLATED: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["a", "b", "c.d"]),
    TEXTS
    | st.builds(lambda name, value: {name: value}, st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$ne", "$eq"]), TEXTS)
    | st.builds(lambda name, values: {name: values}, st.sampled_from(["$in", "$nin"]), st.lists(TEXTS, max_size=3)),
    min_size=1,
    max_size=2,
)


@differential
@given(
    documents=st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "c"]), TEXTS | st.builds(lambda value: {"d": value}, TEXTS), max_size=3
        ),
        min_size=1,
        max_size=12,
    ),
    filters=st.lists(COLLATED, min_size=1, max_size=3),
    collation=COLLATIONS,
    others=COLLATIONS,
    sort=st.sampled_from([[("a", 1)], [("a", -1), ("b", -1)], [("c.d", 1)]]),
)
def test_collations(
    documents: list[dict[str, Any]],
    filters: list[dict[str, Any]],
    collation: dict[str, Any] | None,
    others: dict[str, Any] | None,
    sort: list[tuple[str, int]],
) -> None:
    stored = [{"_id": number, **document} for number, document in enumerate(documents)]
    compiled = compile_collation(collation)
    with open_database() as database:
        collection = database["c"]
        collection.insert_many([dict(document) for document in stored])
        for keys, options in (([("a", 1), ("b", 1)], others), ([("b", 1)], collation), ([("c.d", -1)], collation)):
            with contextlib.suppress(QueryError):
                collection.create_index(keys, collation=options)
        for filter in filters:
            matcher = compile_filter(filter, collation=compiled)
            expected = [document["_id"] for document in stored if matcher(document)]
            found = collection.find(filter, collation=collation)
            assert sorted(one["_id"] for one in found) == expected, (filter, collation)
            assert collection.count_documents(filter, collation=collation) == len(expected), (filter, collation)
            key = compile_sort(sort, compiled)
            ordered = [key(one) for one in collection.find(filter, sort=sort, limit=3, collation=collation)]
            assert ordered == sorted(key(stored[id]) for id in expected)[:3], (filter, sort, collation)
        assert database.engine.check() == []


ATOMS = {
    **{text: text for text in ("a", "k", "é", "云", '"', "\n", "/", "]", "%", "_")},
    **{"\\" + text: text for text in (".", "*", "?", "\\", "[")},
    **{".": "*", "[ab]": "a", "[^a]": "b", "\\w": "_", "^": "", "$": "", "(a|b)": "b"},
}
PATTERNS = st.lists(
    st.tuples(st.sampled_from(list(ATOMS)), st.sampled_from(["", "", "", "*", "?", "+", "{2}", "{0,1}"])), max_size=4
)
SEARCHED = st.text(st.sampled_from('akAKKé云.*?[]\\"\n/%_\0'), max_size=4)


@differential
@given(
    values=st.lists(
        st.lists(SEARCHED | st.just(Regex("^a")), max_size=2) | st.sampled_from([1, None, {"a": "b"}, Regex("^a")]),
        max_size=3,
    ),
    patterns=st.lists(st.tuples(SEARCHED, PATTERNS, SEARCHED), min_size=1, max_size=4),
    options=st.sampled_from(["", "", "i", "m", "s", "x"]),
    index=st.sampled_from([None, {}, {"sparse": True}]),
    collation=st.sampled_from([None, {"locale": "en", "strength": 1}]),
)
def test_regular_expressions(
    values: list[Any],
    patterns: list[tuple[str, list[tuple[str, str]], str]],
    options: str,
    index: dict[str, Any] | None,
    collation: dict[str, Any] | None,
) -> None:
    """Among texts that the expressions match, or nearly."""
    likely = [before + "".join(ATOMS[atom] for atom, _ in pattern) + after for before, pattern, after in patterns]
    likely += [text.swapcase() for text in likely] + [text.replace("k", "K") for text in likely]
    stored = [{"_id": number, "a": value} for number, value in enumerate([*likely, *values])]
    with open_database() as database:
        collection = database["c"]
        collection.insert_many([dict(document) for document in stored])
        if index is not None:
            collection.create_index([("a", 1)], collation=collation, **index)
        for _, pattern, _ in patterns:
            text = "".join(map("".join, pattern))
            filter = {"a": {"$regex": text, "$options": options}}
            anchored = {"a": {"$regex": "^" + text, "$options": options}}
            for one in (filter, {"$nor": [filter]}, anchored, {"$nor": [anchored]}):
                try:
                    matcher = compile_filter(one)
                except QueryError:
                    continue
                expected = [document["_id"] for document in stored if matcher(document)]
                assert sorted(found["_id"] for found in collection.find(one)) == expected, one
                # Expressions know of no collation.
                assert collection.count_documents(one, collation=collation) == len(expected), one


NARROW = st.builds(
    lambda a, b, more: {"a": a, "b": b, **more},
    st.integers(0, 3) | st.builds(lambda low: {"$gte": low}, st.integers(0, 3)),
    st.integers(0, 3) | st.builds(lambda values: {"$in": values}, st.lists(st.integers(0, 3), max_size=2)),
    st.sampled_from([{}, {"c": {"$lt": 2}}, {"$or": [{"a": 1}, {"c": 1}]}]),
)
EITHER = st.builds(lambda a, b: {"$or": [{"a": a}, {"b": b}]}, st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=max(EXAMPLES // 10, 5), deadline=None, derandomize=EXAMPLES <= 1000)
@given(
    rows=st.lists(
        st.tuples(*[st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)] * 3), min_size=8, max_size=8
    ),
    filters=st.lists(NARROW | EITHER, min_size=3, max_size=6),
    kinds=st.sampled_from([[("a", 1)], [("a", -1), ("c", 1)], [("$**", 1)]]),
)
def test_several_indexes_together(
    rows: list[tuple[Any, ...]], filters: list[dict[str, Any]], kinds: list[tuple[str, int]]
) -> None:
    """Enough documents that keys are counted; conditions that keep changing how selective they are."""
    stored: list[dict[str, Any]] = []
    for number in range(1200):
        a, b, c = rows[number % 97 % 8]
        stored.append({"_id": number, "a": a, "b": b if number % 50 else 9, "c": c})
    with open_database() as database:
        collection = database["c"]
        collection.insert_many([dict(one) for one in stored])
        for keys in (kinds, [("b", 1)]):
            _try_index(collection, keys)
        for filter in filters:
            matcher = compile_filter(filter)
            expected = [one["_id"] for one in stored if matcher(one)]
            assert sorted(one["_id"] for one in collection.find(filter)) == expected, filter
            assert collection.count_documents(filter) == len(expected), filter
            page = collection.find(filter, sort=[("c", 1), ("_id", 1)], limit=7)
            key = compile_sort([("c", 1), ("_id", 1)])
            chosen = sorted((one for one in stored if matcher(one)), key=key)[:7]
            assert [one["_id"] for one in page] == [one["_id"] for one in chosen], filter


def _comparable(document: dict[str, Any]) -> Any:
    return sort_key(document)


def _try_index(collection: Collection, keys: list[tuple[str, int]]) -> None:
    with contextlib.suppress(QueryError):
        # Parallel arrays, or the same keys twice.
        collection.create_index(keys)


@pytest.mark.parametrize("multi", [False, True])
def test_deletion_agrees(multi: bool) -> None:
    with open_database() as database:
        collection = database["c"]
        collection.insert_many([{"_id": number, "a": [number, "x"]} for number in range(5)])
        done = collection.delete_many({"a": {"$gt": 2}}) if multi else collection.delete_one({"a": {"$gt": 2}})
        assert done.deleted_count == (2 if multi else 1)
