"""Where mongomock is reliable (numbers, strings, dates and flat arrays), it and the engine agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import mongomock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunbox.documents import open_database

VALUES = st.sampled_from([-1, 0, 1, 2.5, 7, "", "a", "ab", "云", datetime(2020, 1, 1, tzinfo=UTC)])
FIELDS = VALUES | st.lists(st.sampled_from([1, 2, "a", "b"]), max_size=3)
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"a": FIELDS, "b": FIELDS, "o": st.fixed_dictionaries({}, optional={"x": FIELDS})}
    ),
    min_size=1,
    max_size=10,
)
PATHS = st.sampled_from(["a", "b", "o.x"])
NUMBERS = st.sampled_from([-1, 0, 1, 2.5])
CONDITIONS: st.SearchStrategy[Any] = st.one_of(
    VALUES,
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS),
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne"]), VALUES),
    st.builds(
        lambda name, values: {name: values}, st.sampled_from(["$in", "$nin"]), st.lists(VALUES, min_size=1, max_size=3)
    ),
    st.builds(lambda there: {"$exists": there}, st.booleans()),
    st.builds(lambda pattern: {"$regex": pattern}, st.sampled_from(["a", "^a", "b$"])),
)
LEAVES = st.builds(lambda path, condition: {path: condition}, PATHS, CONDITIONS)
FILTERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, members: {name: members},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=3,
)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(documents=DOCUMENTS, filters=st.lists(FILTERS, min_size=1, max_size=5))
def test_mongomock_agrees(documents: list[dict[str, Any]], filters: list[dict[str, Any]]) -> None:
    stored = [{"_id": number, **document} for number, document in enumerate(documents)]
    other: Any = mongomock.MongoClient().db.c
    other.insert_many([dict(document) for document in stored])
    with open_database() as database:
        collection = database["c"]
        collection.insert_many(stored)
        collection.create_index("a")
        for filter in filters:
            expected = sorted(document["_id"] for document in other.find(filter))
            assert sorted(document["_id"] for document in collection.find(filter)) == expected, filter
