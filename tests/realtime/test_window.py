from __future__ import annotations

import random
from typing import Any

import pytest

from yunbox.documents.changes import Change
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.sort import compile_sort
from yunbox.errors import LimitExceeded
from yunbox.realtime.window import MAX_DOCUMENTS, SPARE, Document, Event, Window, compare

ORDER = [("n", 1), ("_id", -1)]


def window(limit: int = 0) -> Window:
    return Window(compile_filter({"n": {"$gte": 0}}), compile_sort(ORDER), limit)


def change(before: Document | None, after: Document | None, replaced: bool = False) -> Change:
    operation: Any = "insert" if before is None else "delete" if after is None else "replace" if replaced else "update"
    document = after or before
    assert document is not None
    return Change(1, 0, "c", operation, document["_id"], before, after)


def kinds(events: list[Event]) -> list[tuple[str, str, Any]]:
    return [(event.data_type, event.queue_type, event.id) for event in events]


def test_pairs_of_a_query_without_limit() -> None:
    watched = window()
    watched.fill([])
    a, a2, out = {"_id": "a", "n": 1}, {"_id": "a", "n": 2, "o": {"p": 1}}, {"_id": "a", "n": -1}
    assert kinds(watched.apply(change(None, a))) == [("add", "enqueue", "a")]
    [updated] = watched.apply(change(a, a2))
    assert (updated.data_type, updated.queue_type, updated.document) == ("update", "update", a2)
    assert (updated.updated, updated.removed) == ({"n": 2, "o": {"p": 1}}, ())
    assert watched.apply(change(a2, dict(a2))) == []
    assert kinds(watched.apply(change(a2, out))) == [("update", "dequeue", "a")]
    assert kinds(watched.apply(change(out, a))) == [("update", "enqueue", "a")]
    assert kinds(watched.apply(change(a, {"_id": "a", "n": 9}, True))) == [("replace", "update", "a")]
    assert kinds(watched.apply(change({"_id": "a", "n": 9}, None))) == [("remove", "dequeue", "a")]
    assert watched.apply(change(None, {"_id": "x", "n": -5})) == []


def test_what_leaves_the_query_is_not_shown_any_more() -> None:
    watched = window()
    watched.fill([{"_id": "a", "n": 1}])
    [event] = watched.apply(change({"_id": "a", "n": 1}, {"_id": "a", "n": -1, "secret": True}))
    assert (event.document, event.updated) == (None, None)


def test_a_limit_moves_documents_in_and_out() -> None:
    watched = window(2)
    watched.fill([{"_id": str(n), "n": n} for n in (1, 2, 3)])
    assert kinds(watched.apply(change({"_id": "1", "n": 1}, None))) == [
        ("remove", "dequeue", "1"),
        ("limit", "enqueue", "3"),
    ]
    assert kinds(watched.apply(change(None, {"_id": "0", "n": 0}))) == [
        ("limit", "dequeue", "3"),
        ("add", "enqueue", "0"),
    ]
    assert kinds(watched.apply(change({"_id": "0", "n": 0}, {"_id": "0", "n": 9}))) == [
        ("update", "dequeue", "0"),
        ("limit", "enqueue", "3"),
    ]
    assert watched.apply(change(None, {"_id": "8", "n": 8})) == []
    assert kinds(watched.apply(Change(1, 0, "c", "drop", None))) == [
        ("remove", "dequeue", "2"),
        ("remove", "dequeue", "3"),
    ]


def test_too_many_documents() -> None:
    with pytest.raises(LimitExceeded):
        window().fill({"_id": str(n), "n": n} for n in range(MAX_DOCUMENTS + 1))
    full = window()
    full.fill({"_id": f"{n:05}", "n": n} for n in range(MAX_DOCUMENTS))
    with pytest.raises(LimitExceeded):
        full.apply(change(None, {"_id": "more", "n": 1}))


@pytest.mark.parametrize("limit", [0, 1, 3, 10])
def test_a_client_that_follows_events_sees_what_the_store_holds(limit: int) -> None:
    """Random writes: applying the events as a client does gives what a fresh read gives, refills included."""
    chance = random.Random(limit)
    stored: dict[str, Document] = {}
    watched = window(limit)
    watched.fill([])
    client: dict[str, Document] = {}
    for _ in range(2500):
        name = str(chance.randint(0, 400))
        before = stored.get(name)
        after = (
            None
            if before and chance.random() < 0.3
            else {"_id": name, "n": chance.randint(-10, 30), "v": chance.random()}
        )
        if after is None:
            del stored[name]
        else:
            stored[name] = after
        follow(client, watched.apply(change(before, after, chance.random() < 0.5)))
        if watched.is_short:
            follow(client, watched.refill(read(stored)[: watched.reads]))
        expected = read(stored)[:limit] if limit else read(stored)
        assert client == {one["_id"]: one for one in expected}
        assert watched.visible == expected


def read(stored: dict[str, Document]) -> list[Document]:
    return sorted((one for one in stored.values() if one["n"] >= 0), key=compile_sort(ORDER))


def follow(client: dict[str, Document], events: list[Event]) -> None:
    for event in events:
        if event.queue_type == "dequeue":
            del client[event.id]
        else:
            assert (event.id in client) is (event.queue_type == "update")
            assert event.document is not None
            client[event.id] = event.document


def test_a_limited_window_runs_short_and_is_filled_again() -> None:
    watched = window(1)
    watched.fill([{"_id": f"{n:05}", "n": n} for n in range(watched.reads)])
    assert len(watched.visible) == 1
    for n in range(SPARE + 1):
        assert not watched.is_short
        watched.apply(change({"_id": f"{n:05}", "n": n}, None))
    assert watched.is_short


def test_ids_of_other_types() -> None:
    watched = window()
    watched.fill([{"_id": "1", "n": 1}, {"_id": 1, "n": 1}])
    assert kinds(watched.apply(change({"_id": 1, "n": 1}, {"_id": 1, "n": 2}))) == [("update", "update", 1)]
    assert kinds(watched.apply(change({"_id": "1", "n": 1}, None))) == [("remove", "dequeue", "1")]


@pytest.mark.parametrize(
    ("old", "new", "updated", "removed"),
    [
        ({"a": 1}, {"a": 1}, {}, []),
        ({"a": 1}, {"a": 2, "b": None}, {"a": 2, "b": None}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a.c": 3}, []),
        ({"a": {"b": 1}}, {"a": {}}, {}, ["a.b"]),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": 1, "b": 2}, {"b": 2}, {}, ["a"]),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}, []),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}, []),
        ({"a": None}, {}, {}, ["a"]),
    ],
)
def test_differences(old: Document, new: Document, updated: Document, removed: list[str]) -> None:
    found: dict[str, Any] = {}
    gone: list[str] = []
    compare(old, new, "", found, gone)
    assert (found, gone) == (updated, removed)
