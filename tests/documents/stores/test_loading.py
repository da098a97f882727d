"""Many documents inserted at once leave in every table what the same documents leave one by one."""

from __future__ import annotations

import os
from datetime import UTC
from json import loads
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from yunbox.documents import commands as c
from yunbox.documents.query.ejson import dumps, dumps_many
from yunbox.documents.stores import Engine
from yunbox.documents.stores.embedded import store
from yunbox.errors import DuplicateKey, QueryError

from .test_differential import VALUES

EXAMPLES = int(os.environ.get("YUNBOX_EXAMPLES", "150"))

DATES = st.datetimes(timezones=st.just(UTC))
PLAIN = {
    "text": st.sampled_from(["", "a", "云", "b" * 1024, "b" * 1100, "$x", '"$y', "null"]),
    "number": st.sampled_from([0, 1, 1.0, -0.5, 2**63 - 1, -(2**63), 1e308]),
    "list": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4),
    "numbers": st.lists(st.sampled_from([1, 2, 2**60, "1"]), min_size=1, max_size=3),
    "holder": st.fixed_dictionaries(
        {}, optional={"at": DATES, "text": st.sampled_from(["x", None, "y"]), "deep": st.just({"n": 1})}
    ),
    "inner": st.builds(lambda at, n: {"o": {"at": at}, "n": n}, DATES, st.sampled_from([1, 1.5, None, float("nan")])),
    "at": DATES,
    "place": st.builds(
        lambda x, y: {"type": "Point", "coordinates": [x, y]},
        st.sampled_from([0.0, -180.0, 12.5, 180.0]),
        st.sampled_from([0.0, 89.9, -90.0]),
    ),
}
"""Fields as loaded documents mostly have them; now and then one holds something else."""
ODD = st.one_of(st.just({}), st.just({}), st.dictionaries(st.sampled_from(list(PLAIN)), VALUES, max_size=1))
DOCUMENTS = st.sets(st.sampled_from(list(PLAIN)), min_size=1).flatmap(
    lambda names: st.lists(
        st.tuples(st.fixed_dictionaries({name: PLAIN[name] for name in sorted(names)}), ODD), min_size=1, max_size=9
    )
)
INDEXES: list[c.CreateIndex] = [
    c.CreateIndex("c", [("text", 1)]),
    c.CreateIndex("c", [("text", 1), ("number", -1)]),
    c.CreateIndex("c", [("list", 1)]),
    c.CreateIndex("c", [("numbers", -1)]),
    c.CreateIndex("c", [("holder.text", 1), ("text", 1)]),
    c.CreateIndex("c", [("holder.deep.n", 1)]),
    c.CreateIndex("c", [("number", 1)], sparse=True, name="sparse"),
    c.CreateIndex("c", [("number", 1)], partial={"text": "a"}, name="partial"),
    c.CreateIndex("c", [("number", 1), ("_id", 1)], unique=True, name="unique"),
    c.CreateIndex("c", [("text", 1)], collation={"locale": "en", "strength": 1}, name="collated"),
    c.CreateIndex("c", [("place", "2dsphere")]),
    c.CreateIndex("c", [("$**", 1)]),
]


def opened(indexes: list[c.CreateIndex]) -> Engine:
    engine = Engine.open(None)
    engine.run_sync(c.CreateCollection("c"))
    for index in indexes:
        engine.create_index(index)
    return engine


def outcome(engine: Engine, command: c.Insert) -> Any:
    try:
        return engine.run_sync(command)
    except QueryError as error:
        return error.number, str(error)


def contents(engine: Engine) -> dict[str, list[Any]]:
    connection = engine._writer._connection
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB '[dgx][0-9]*'")]
    found = {
        table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables if "_" not in table
    }
    flags = list(connection.execute("SELECT name, flags FROM idx"))
    shapes = [loads(row[0])["paths"] for row in connection.execute("SELECT shape FROM coll WHERE shape NOTNULL")]
    return {**found, "flags": flags, "shapes": shapes}


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(documents=[({"inner": {"n": n}}, {}) for n in (float("nan"), 1.5, 1.5)], indexes=[])
@given(documents=DOCUMENTS, indexes=st.lists(st.sampled_from(INDEXES), max_size=3, unique_by=lambda one: str(one.keys)))
def test_at_once_and_one_by_one(documents: list[tuple[Any, Any]], indexes: list[c.CreateIndex]) -> None:
    stored = [{"_id": number, **plain, **odd} for number, (plain, odd) in enumerate(documents)]
    together, single = opened(indexes), opened(indexes)
    with patch.object(store, "PORTION", 2), patch.object(store, "STRETCH", 6):
        mine = outcome(together, c.Insert("c", [dict(one) for one in stored]))
    theirs: Any = None
    for one in stored:
        theirs = outcome(single, c.Insert("c", [one]))
        if isinstance(theirs, tuple):
            break
    assert isinstance(mine, tuple) == isinstance(theirs, tuple)
    left, expected = contents(together), contents(single)
    if isinstance(mine, tuple):
        assert mine == theirs
        # A document that was refused may have been taken note of: the summary may say too much, not too little.
        del left["shapes"], expected["shapes"]
    assert left == expected
    assert together.check() == []
    for engine in (together, single):
        engine.close()


@pytest.mark.parametrize("place", [0, 700, 1199])
def test_a_unique_key_that_is_taken_stops_a_load_there(place: int) -> None:
    engine = opened([c.CreateIndex("c", [("k", 1)], unique=True)])
    documents = [{"_id": n, "k": f"k{n}"} for n in range(1200)]
    engine.run_sync(c.Insert("c", [{"_id": "first", "k": f"k{place}"}]))
    with pytest.raises(DuplicateKey) as caught:
        engine.run_sync(c.Insert("c", documents))
    assert (caught.value.data["index"], len(caught.value.data["inserted"])) == (place, place)
    assert engine.run_sync(c.Count("c")) == place + 1
    with pytest.raises(DuplicateKey):
        engine.run_sync(c.Insert("c", [{**one, "_id": f"again{one['_id']}"} for one in documents], ordered=False))
    assert engine.run_sync(c.Count("c")) == 1200
    assert engine.check() == []
    engine.close()


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 1000)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "$date", "null", "x\0"]), VALUES, max_size=2), max_size=4))
def test_texts_of_many(values: list[Any]) -> None:
    try:
        expected = [dumps(value) for value in values]
    except QueryError:
        with pytest.raises(QueryError):
            dumps_many(values)
        return
    assert dumps_many(values) == expected
