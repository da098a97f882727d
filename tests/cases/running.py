"""Run one case through the pure query functions."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from yunbox.documents.query.distinct import distinct_values
from yunbox.documents.query.expressions import compile_expression
from yunbox.documents.query.let import bind
from yunbox.documents.query.match import Matcher, compile_filter
from yunbox.documents.query.paging import check_limit, check_skip
from yunbox.documents.query.pipeline import (
    NO_COLLECTION,
    CollectionStatistics,
    IndexStatistics,
    InsertOne,
    ReplaceCollection,
    Write,
    compile_pipeline,
)
from yunbox.documents.query.project import compile_projection
from yunbox.documents.query.sort import compile_sort, natural_direction
from yunbox.documents.query.update import compile_update, document_from_filter
from yunbox.documents.query.values import Document, equal
from yunbox.errors import YunboxError

from .comparing import same, same_list
from .loading import Case, decoded


@dataclass(frozen=True)
class Verdict:
    """Whether a case passed; ``actual`` is the result, or the exception."""

    passed: bool
    actual: Any


def run(case: Case) -> Verdict:
    """The verdict on one case. An error case passes with any of our own errors, and with nothing else."""
    try:
        ready = decoded(case)
        passed, actual = KINDS[case["kind"]](ready)
    except YunboxError as error:
        return Verdict("error" in case, error)
    except Exception as error:
        return Verdict(False, error)
    return Verdict(passed and "error" not in case, actual)


class MemoryLookup:
    """Collections in memory, as a pipeline needs them."""

    def __init__(self, collections: dict[str, list[Document]]) -> None:
        self.collections = collections

    def find(self, collection: str, filter: Document) -> Iterable[Document]:
        matches = compile_filter(filter)
        return [document for document in self.collections.get(collection, []) if matches(document)]

    def write(self, write: Write) -> None:
        if isinstance(write, ReplaceCollection):
            self.collections[write.collection] = list(write.documents)
            return
        documents = self.collections.setdefault(write.collection, [])
        if isinstance(write, InsertOne):
            documents.append(write.document)
            return
        for index, document in enumerate(documents):
            if equal(document["_id"], write.document["_id"]):
                documents[index] = write.document

    def statistics(self, collection: str) -> CollectionStatistics:
        documents = self.collections.get(collection, [])
        return CollectionStatistics(len(documents), 0, (IndexStatistics("_id_", {"_id": 1}, unique=True),))


def _find(case: Case) -> tuple[bool, Any]:
    variables = bind(case.get("let", {}))
    matcher = compile_filter(case["query"], collation=case.get("collation"), variables=variables)
    result = [document for document in case["docs"] if matcher(document)]
    direction = natural_direction(case.get("sort"))
    if direction:
        result = result[::direction]
    elif "sort" in case:
        result = sorted(result, key=compile_sort(case["sort"], case.get("collation")))
    elif matcher.near is not None:
        result = matcher.near.ordered(result)
    skip, limit = check_skip(case.get("skip", 0)), check_limit(case.get("limit", 0))
    result = result[skip : skip + limit if limit else None]
    if "projection" in case:
        project = compile_projection(case["projection"], filter_matcher=matcher, variables=variables)
        result = [project(document) for document in result]
    return _check_found(case, result, "sort" in case or matcher.near is not None), result


def _check_found(case: Case, result: list[Document], ordered: bool) -> bool:
    if "expected_count" in case:
        return len(result) == int(case["expected_count"])
    if "expected_ids" in case:
        return same_list([document.get("_id") for document in result], case["expected_ids"], ordered=ordered)
    if "expected_first" in case:
        return bool(result) and same(result[0], case["expected_first"], ignore_id=case.get("no_id", False))
    expected = case.get("expected", [])
    return same_list(result, expected, ordered=ordered, ignore_id=case.get("no_id", False))


def _count(case: Case) -> tuple[bool, Any]:
    matcher = compile_filter(case["query"], collation=case.get("collation"))
    count = sum(map(matcher, case["docs"])) - check_skip(case.get("skip", 0))
    limit = check_limit(case.get("limit", 0))
    count = max(min(count, limit) if limit else count, 0)
    return count == case.get("expected"), count


def _distinct(case: Case) -> tuple[bool, Any]:
    matcher: Matcher = compile_filter(case["query"], collation=case.get("collation"))
    result = distinct_values(filter(matcher, case["docs"]), case["key"])
    return same_list(result, case.get("expected", []), ordered=False), result


def _match(case: Case) -> tuple[bool, Any]:
    result = compile_filter(case["query"], collation=case.get("collation"))(case["doc"])
    return result is case.get("expected"), result


def _expression(case: Case) -> tuple[bool, Any]:
    """A root that is no document, which only mingo has, is there called ``$$this``."""
    root = case.get("doc", {})
    variables = {} if isinstance(root, dict) else {"this": root}
    evaluate = compile_expression(case["expr"], variables=variables)
    result = evaluate(root if isinstance(root, dict) else {}, {"NOW": datetime.now(UTC), **variables})
    return same(result, case.get("expected")), result


def _update(case: Case) -> tuple[bool, Any]:
    matcher = compile_filter(case["query"])
    update = compile_update(case["update"], array_filters=case.get("arrayFilters"))
    now = datetime.now(UTC)
    documents = [case["doc"]] if case.get("doc") else case.get("docs", [])
    before = copy.deepcopy(documents)
    after = [
        update.apply(document, position=matcher.position(document), now=now) if matcher(document) else document
        for document in documents
    ]
    if before != documents:
        return False, "the update changed its input"
    if (case.get("upsert") or case.get("doc") == {}) and not any(map(matcher, documents)):
        after.append(update.apply(document_from_filter(case["query"]), now=now, inserting=True))
    result = after[0] if len(after) == 1 else after
    expected = case.get("expected")
    ignore_id = case.get("no_id", False) or not (isinstance(expected, dict) and "_id" in expected)
    return same(result, expected, ignore_id=ignore_id), result


def _delete(case: Case) -> tuple[bool, Any]:
    matcher = compile_filter(case["query"])
    rest = [document for document in case["docs"] if not matcher(document)]
    return same_list(rest, case["expected"], ordered=False, ignore_id=case.get("no_id", False)), rest


def is_ordered(pipeline: list[Any]) -> bool:
    """Whether the results of a pipeline have a defined order: sorted, and not grouped afterwards."""
    names = [next(iter(stage), "") for stage in pipeline if isinstance(stage, dict)]
    sorts = [index for index, name in enumerate(names) if name in ("$sort", "$sortByCount", "$bucketAuto")]
    return bool(sorts) and not {"$group", "$bucket"}.intersection(names[sorts[-1] :])


def _aggregate(case: Case) -> tuple[bool, Any]:
    passed, result = _aggregate_in_order(case, case["docs"])
    if passed or "error" in case:
        return passed, result
    return any(_aggregate_in_order(case, order)[0] for order in natural_orders(case)), result


def _aggregate_in_order(case: Case, documents: list[Document]) -> tuple[bool, Any]:
    lookup = MemoryLookup({"main": documents, **case.get("collections", {})})
    pipeline = compile_pipeline(
        case["pipeline"],
        collection=NO_COLLECTION if case.get("collectionless") else "main",
        let=case.get("let"),
        collation=case.get("collation"),
    )
    before = copy.deepcopy(documents)
    result = list(pipeline.run(iter(documents), lookup))
    if "error" not in case and before != documents and not pipeline.writes and "NaN" not in repr(before):
        return False, "the pipeline changed its input"
    return same_results(case, result, ignore_id=case.get("no_id", False)), result


def same_results(case: Case, result: list[Any], *, ignore_id: bool) -> bool:
    """Whether a pipeline's results are the expected ones."""
    pipeline, expected = case["pipeline"], case.get("expected", [])
    ordered, sets = is_ordered(pipeline), any(name in repr(pipeline) for name in UNORDERED_ARRAYS)
    return same_list(result, expected, ordered=ordered, ignore_id=ignore_id) or (
        sets and same_list(result, expected, ordered=ordered, ignore_id=ignore_id, sets=True)
    )


UNORDERED_ARRAYS = ("$addToSet", "$setUnion", "$setIntersection", "$facet", "$graphLookup")
"""What makes arrays whose order MongoDB leaves open."""
ORDER_MATTERS = ("$group", "$bucket", "$setWindowFields", "$facet", "$limit", "$sort")


def natural_orders(case: Case) -> Iterator[list[Document]]:
    """Other orders in which a collection might hold the documents of a case.

    MongoDB specifies neither the order of a collection nor that of documents which tie in a sort, so an answer that
    another one gives is as good: that in which the expected documents stand, the reverse, and for few documents any.
    """
    documents = case["docs"]
    if not any(name in repr(case["pipeline"]) for name in ORDER_MATTERS):
        return
    if len(documents) <= MAX_PERMUTED:
        yield from map(list, itertools.permutations(documents))
        return
    yield documents[::-1]
    places = {repr(document.get("_id")): place for place, document in reversed([*enumerate(case.get("expected", []))])}
    yield sorted(documents, key=lambda document: places.get(repr(document.get("_id")), len(places)))


MAX_PERMUTED = 5


KINDS: dict[str, Callable[[Case], tuple[bool, Any]]] = {
    "find": _find,
    "count": _count,
    "distinct": _distinct,
    "match": _match,
    "expr": _expression,
    "update": _update,
    "delete": _delete,
    "aggregate": _aggregate,
}
