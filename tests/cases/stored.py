"""Run cases through the embedded engine instead of the pure functions, and scripts of operations, which need one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yunbox.documents import Collection, Database, open_database
from yunbox.errors import YunboxError

from .comparing import same, same_list
from .loading import Case, decoded
from .running import Verdict, natural_orders, same_results
from .scripts import LibraryActor, is_meant, play


def run_stored(case: Case) -> Verdict:
    """The verdict on one case when the engine answers."""
    try:
        ready = decoded(case)
        passed, actual = _decide(ready)
        if not passed and case["kind"] == "aggregate" and "error" not in case:
            passed = any(_decide({**ready, "docs": order})[0] for order in natural_orders(ready))
    except YunboxError as error:
        return Verdict("error" in case, error)
    except Exception as error:
        return Verdict(False, error)
    return Verdict(passed and "error" not in case, actual)


def _decide(case: Case) -> tuple[bool, Any]:
    with open_database(None) as database:
        return STORED_KINDS[case["kind"]](case, database)


def _load(database: Database, collections: Mapping[str, Any]) -> None:
    for name, documents in collections.items():
        if documents:
            database[name].insert_many([dict(document) for document in documents])


def _main(case: Case, database: Database) -> Collection:
    documents = case["docs"] if "docs" in case else [case["doc"]] if case.get("doc") else []
    _load(database, {"main": documents, **case.get("collections", {})})
    return database["main"]


def _ignores_id(case: Case) -> bool:
    return bool(case.get("no_id")) or not all(
        "_id" in document for document in case.get("docs", [case.get("doc")]) if document
    )


def _find(case: Case, database: Database) -> tuple[bool, Any]:
    found = (
        _main(case, database)
        .find(
            case["query"],
            case.get("projection"),
            sort=case.get("sort"),
            skip=case.get("skip"),
            limit=case.get("limit"),
            collation=case.get("collation"),
            let=case.get("let"),
        )
        .to_list()
    )
    if "expected_count" in case:
        return len(found) == case["expected_count"], found
    ordered = "sort" in case
    if "expected_ids" in case:
        return same_list([document.get("_id") for document in found], case["expected_ids"], ordered=ordered), found
    if "expected_first" in case:
        return bool(found) and same(found[0], case["expected_first"], ignore_id=_ignores_id(case)), found
    return same_list(found, case.get("expected", []), ordered=ordered, ignore_id=_ignores_id(case)), found


def _count(case: Case, database: Database) -> tuple[bool, Any]:
    count = _main(case, database).count_documents(case["query"], skip=case.get("skip"), limit=case.get("limit"))
    return count == case.get("expected"), count


def _distinct(case: Case, database: Database) -> tuple[bool, Any]:
    found = _main(case, database).distinct(case["key"], case["query"])
    return same_list(found, case.get("expected", []), ordered=False), found


def _match(case: Case, database: Database) -> tuple[bool, Any]:
    _load(database, {"main": [case["doc"]]})
    count = database["main"].count_documents(case["query"])
    return (count == 1) is case.get("expected"), count


def _update(case: Case, database: Database) -> tuple[bool, Any]:
    collection = _main(case, database)
    update = case["update"]
    replaces = isinstance(update, dict) and not next(iter(update), "").startswith("$")
    options: dict[str, Any] = {"upsert": case.get("upsert") or case.get("doc") == {}}
    if replaces:
        result = collection.replace_one(case["query"], update, **options)
    else:
        result = collection.update_many(case["query"], update, array_filters=case.get("arrayFilters"), **options)
    found = list(collection.find())
    if case.get("noop") and result.modified_count:
        return False, found
    expected = case.get("expected")
    ignore_id = _ignores_id(case) or not (isinstance(expected, dict) and "_id" in expected)
    return len(found) == 1 and same(found[0], expected, ignore_id=ignore_id), found


def _delete(case: Case, database: Database) -> tuple[bool, Any]:
    collection = _main(case, database)
    collection.delete_many(case["query"])
    rest = list(collection.find())
    return same_list(rest, case["expected"], ordered=False, ignore_id=_ignores_id(case)), rest


def _aggregate(case: Case, database: Database) -> tuple[bool, Any]:
    collection = _main(case, database)
    options = {"let": case.get("let"), "collation": case.get("collation")}
    runner = database if case.get("collectionless") else collection
    found = runner.aggregate(case["pipeline"], **options)
    return same_results(case, found, ignore_id=_ignores_id(case)), found


def _operations(case: Case, database: Database) -> tuple[bool, Any]:
    _load(database, case.get("collections", {}))
    if not is_meant(case):
        return True, "meant for other versions of MongoDB"
    return play(case, LibraryActor(database))


STORED_KINDS: dict[str, Callable[[Case, Database], tuple[bool, Any]]] = {
    "find": _find,
    "count": _count,
    "distinct": _distinct,
    "match": _match,
    "update": _update,
    "delete": _delete,
    "aggregate": _aggregate,
    "ops": _operations,
}
