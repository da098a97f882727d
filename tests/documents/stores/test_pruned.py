"""An update of many documents that reads only the fields it touches leaves what the same update of whole ones leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clocks import StoppedClock
from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.documents.stores.embedded import encoding, pruned, turns
from yunbox.errors import YunboxError

from .test_differential import DOCUMENTS, FILTERS, VALUES

EXAMPLES = int(os.environ.get("YUNBOX_EXAMPLES", "150"))

NAMES = ["a", "b", "c", "d", "云", "x y", "z'", 'q"', "back\\slash", "tab\t", "$bad", "", "*", "0", "%s", "?1"]
PATHS = st.sampled_from(
    [*NAMES, "a.a", "a.b", "b.a.b", "a.0", "b.1", "d.e.f", "c.$[]", "a.$[x]", "b.a.$[x]", "_id", "a.b.$"]
)
NUMBERS = st.sampled_from(
    [
        *(0, 1, -1, 5, 2**31 - 1, 2**31, -(2**31), 2**62, 2**63 - 1, Int64(3)),
        *(0.5, -0.0, 1e308, float("nan"), float("inf"), Decimal128("0.1")),
    ]
)
OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "$set": VALUES,
    "$setOnInsert": VALUES,
    "$unset": st.just(""),
    "$inc": NUMBERS,
    "$mul": NUMBERS,
    "$min": VALUES,
    "$max": VALUES,
    "$currentDate": st.just(True),
    "$bit": st.sampled_from([{"and": 5}, {"xor": Int64(2**40)}]),
    "$push": VALUES | st.builds(lambda many: {"$each": many, "$slice": -2}, st.lists(VALUES, max_size=3)),
    "$addToSet": VALUES,
    "$pop": st.sampled_from([1, -1]),
    "$pull": VALUES,
    "$rename": st.sampled_from([*NAMES, "a.b", "d.e"]),
}
OPERATORS = st.sampled_from(list(OPERANDS)).flatmap(
    lambda name: st.tuples(st.just(name), st.dictionaries(PATHS, OPERANDS[name], min_size=1, max_size=2))
)
UPDATES = st.lists(OPERATORS, min_size=1, max_size=3).map(dict)
INDEXES = st.lists(st.sampled_from(["a", "b", "d", "d.e", "other"]), max_size=1)


@contextmanager
def collection(documents: list[dict[str, Any]], indexes: list[str], prune: bool, portion: int) -> Iterator[Engine]:
    """An engine whose writes to many documents end a turn after each portion."""
    engine = Engine.open(None, clock=StoppedClock(1.7e9))
    engine.run_sync(c.CreateCollection("c"))
    for path in indexes:
        engine.run_sync(c.CreateIndex("c", [(path, "2dsphere" if path == "place" else 1)]))
    for number, document in enumerate(documents):
        engine.run_sync(c.Insert("c", [{"_id": number, **document}]))
    engine._writer._store.waiting = lambda: True
    if not prune:
        # Who listens wants whole documents.
        engine.subscribe(lambda change: None)
    with patch.object(turns, "MAX_KEPT", -1), patch.object(turns, "PORTION", portion):
        yield engine
        assert engine.check() == []
    engine.close()


def outcome(engine: Engine, command: c.Update) -> Any:
    try:
        return engine.run_sync(command)
    except YunboxError as error:
        return type(error), str(error), getattr(error, "number", None), error.data


def stored(engine: Engine) -> list[Any]:
    return list(engine._writer._connection.execute("SELECT rid, kt, k, json(d) FROM d1 ORDER BY rid"))


def wrapped(engine: Engine) -> list[list[str]]:
    rows = engine._writer._connection.execute("SELECT coalesce(sp, '') FROM d1 ORDER BY rid")
    return [sorted(row[0].split("\n")) for row in rows]


def told(engine: Engine) -> list[Any]:
    return [(one.sequence, one.operation, one.id) for one in engine.changes(0)]


@settings(
    max_examples=2 * EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@example(documents=[{}], filter={}, update={"$mul": {"a": -0.0, "b": float("nan")}}, indexes=[], portion=1)
@given(
    documents=DOCUMENTS,
    filter=st.just({}) | FILTERS,
    update=UPDATES,
    indexes=INDEXES,
    portion=st.sampled_from([1, 3, 100]),
)
def test_both_ways_leave_the_same(
    documents: list[dict[str, Any]], filter: dict[str, Any], update: dict[str, Any], indexes: list[str], portion: int
) -> None:
    filters = [{"x": {"$gt": 0}}] if any("$[x]" in path for fields in update.values() for path in fields) else None
    command = c.Update("c", filter, update, multi=True, array_filters=filters)
    with (
        collection(documents, indexes, True, portion) as one,
        collection(documents, indexes, False, portion) as other,
    ):
        for _ in range(2):
            assert outcome(one, command) == outcome(other, command)
            assert stored(one) == stored(other)
            for mine, theirs in zip(wrapped(one), wrapped(other), strict=True):
                assert mine in (theirs, ["*"]), "`*` is always right, and kept when the reason for it goes"
        assert told(one) == told(other)


@pytest.mark.parametrize(
    ("update", "field"),
    [
        ({"$inc": {"n": 1}}, True),
        ({"$set": {"o.deep": 5}, "$unset": {"gone": 1}, "$currentDate": {"at": True}}, True),
        ({"$set": {"new": ObjectId("5f" * 12), "made.here": datetime(2020, 1, 1, tzinfo=UTC)}}, True),
        ({"$set": {"100 %": 1, "%s": 2, "?1": 3, "a[0]": 4, "z'": 5}}, True),
        ({"$set": {"indexed": 1}}, False),
        ({"$unset": {"place.coordinates": 1}}, False),
        ([{"$set": {"n": 1}}], False),
        ({"$set": {"list.$": 1}}, False),
    ],
)
def test_which_updates_read_only_their_fields(update: Any, field: bool) -> None:
    documents = [{"n": 1, "o": {}, "gone": 1, "indexed": n, "list": [1], "more": "x" * 100} for n in range(20)]
    ran: list[int] = []
    run = pruned.PrunedUpdate.run

    def counted(self: Any, store: Any, row_ids: Any, *rest: Any) -> Any:
        ran.extend(row_ids)
        return run(self, store, row_ids, *rest)

    with (
        collection(documents, ["indexed", "place"], True, 100) as engine,
        patch.object(pruned.PrunedUpdate, "run", counted),
    ):
        result = engine.run_sync(c.Update("c", {"list": 1}, update, multi=True))
        assert (result.matched, bool(ran)) == (20, field)


def test_what_becomes_too_large_is_refused() -> None:
    documents = [{"s": "x"}, {"s": "x" * (16 * 2**20 - 1000)}, {"s": "x"}]
    with collection(documents, [], True, 100) as engine:
        with pytest.raises(YunboxError) as caught:
            engine.run_sync(c.Update("c", {}, {"$set": {"more": "y" * 2000}}, multi=True))
        assert (getattr(caught.value, "number", 0), caught.value.data) == (10334, {"matched": 1, "modified": 1})
        assert engine.run_sync(c.Count("c", {"more": {"$exists": True}})) == 1


def test_what_is_much_larger_as_bson_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_DOCUMENT_BYTES", 2**17)
    monkeypatch.setattr(encoding, "_NEVER_TOO_LARGE", 0)
    monkeypatch.setattr(pruned, "MAX_DOCUMENT_BYTES", 2**17)
    with collection([{"empty": [{}] * 11_000}], [], True, 100) as engine:
        with pytest.raises(YunboxError, match="too large"):
            engine.run_sync(c.Update("c", {}, {"$set": {"more": "x" * 10_200}}, multi=True))
        engine.run_sync(c.Update("c", {}, {"$set": {"more": "x" * 9_000}}, multi=True))


def test_a_filter_that_its_owner_changes_is_planned_again() -> None:
    with collection([{"a": 1}, {"a": 2}], [], True, 100) as engine:
        filter = {"a": 1}
        for value in (1, 2, 1):
            filter["a"] = value
            engine.run_sync(c.Update("c", filter, {"$inc": {"n": 1}}, multi=True))
        found = engine.run_sync(c.Find("c", {}, sort=[("_id", 1)]))
        assert [document["n"] for document in found] == [2, 1]
