"""The reading commands: find, count, distinct, aggregate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from yunbox.documents import commands as c
from yunbox.documents.query import ejson
from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.distinct import distinct_values
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.paging import check_limit, check_skip
from yunbox.documents.query.pipeline import Pipeline, compile_pipeline
from yunbox.documents.query.pipeline.sizes import gathered
from yunbox.documents.query.project import compile_projection
from yunbox.documents.query.sort import natural_direction
from yunbox.errors import CollectionNotFound
from yunbox.tools.clock import Clock

from .catalog import Collection
from .filters import path_parts
from .grouping import run_grouping
from .lookups import StoredLookup
from .view import TEXT, Document, Selection, View, selection_of, visible, with_let

MAX_RESULT_BYTES = 128 * 2**20
_GROUPING = frozenset({"$group", "$sortByCount", "$bucket", "$bucketAuto"})


def find(view: View, command: c.Find) -> list[Any]:
    """The documents of a find, or with ``raw`` their stored texts."""
    return list(stream(view, command))


def stream(view: View, command: c.Find) -> Iterator[Any]:
    """The documents of a find one by one, or with ``raw`` their stored texts."""
    command = with_let(command)
    collection = _collection(view, command)
    if collection is None:
        return iter(())
    direction = natural_direction(command.sort)
    if direction:
        return _in_natural_order(view, command, direction)
    return iter(_selected(view, collection, command, selection_of(command)))


def find_selected(view: View, collection: Collection, command: c.Find, selection: Selection) -> list[Any]:
    """The documents of a find whose selection is at hand, has no variables and no order of its own."""
    found = _selected(view, collection, command, selection)
    return found if isinstance(found, list) else list(found)


def _selected(view: View, collection: Collection, command: c.Find, selection: Selection) -> Iterable[Any]:
    if command.raw and not command.projection and not view.overlaid(collection):
        texts = _raw(view, collection, command, selection)
        if texts is not None:
            return texts
    documents: Iterable[Document] = view.documents(collection, selection)
    if command.projection:
        project = _projection(command)
        documents = map(project, documents)
    if command.hide:
        documents = (without(document, command.hide) for document in documents)
    return map(ejson.dumps, documents) if command.raw else documents


def _in_natural_order(view: View, command: c.Find, direction: int) -> Iterator[Any]:
    """A find sorted by ``$natural``: in the order of the collection, or against it."""
    natural = replace(command, sort=None, hint={"$natural": 1})
    if direction > 0:
        return stream(view, natural)
    skip, limit = check_skip(command.skip), check_limit(command.limit)
    found = stream(view, replace(natural, skip=0, limit=0))
    last = deque(found, maxlen=skip + limit if limit else None)
    last.reverse()
    return islice(last, skip, None)


def _collection(view: View, command: Any) -> Any:
    try:
        return view.collection(command.collection)
    except CollectionNotFound:
        if not command.missing_ok:
            raise
        # A filter that cannot be is an error on nothing, too.
        compile_filter(getattr(command, "filter", {}), collation=command.collation)
        return None


def _projection(command: Any) -> Callable[[Document], Document]:
    projection = command.projection
    needed = any(path.endswith(".$") or isinstance(value, dict) for path, value in projection.items())
    matcher = compile_filter(command.filter, collation=command.collation) if needed else None
    return compile_projection(projection, filter_matcher=matcher, variables=command.let, collation=command.collation)


def _raw(view: View, collection: Collection, command: c.Find, selection: Selection) -> Iterator[bytes] | None:
    """Texts as they are stored; ``None`` when SQL cannot sort as asked."""
    query = view.query(collection, selection)
    if not query.plan.sorted or view.special(query) is not None:
        return None
    column = f"CAST(json({visible('t.d', command.hide)}) AS BLOB)" if command.hide else TEXT
    return map(itemgetter(0), view.planned_rows(collection, query, selection, column))


def without(document: Document, hidden: tuple[str, ...]) -> Document:
    """The document without some of its top-level fields."""
    return {name: value for name, value in document.items() if name not in hidden}


def count(view: View, command: c.Count) -> int:
    """How many documents match."""
    collection = _collection(view, command)
    return 0 if collection is None else view.count(collection, selection_of(command))


def count_selected(view: View, collection: Collection, command: c.Count, selection: Selection) -> int:
    """How many documents match, when the selection is at hand."""
    return view.count(collection, selection)


def distinct(view: View, command: c.Distinct) -> list[Any]:
    """The different values of a path."""
    collection = _collection(view, command)
    return [] if collection is None else distinct_selected(view, collection, command, selection_of(command))


def distinct_selected(view: View, collection: Collection, command: c.Distinct, selection: Selection) -> list[Any]:
    """The different values of a path, when the selection is at hand."""
    documents = view.documents(collection, selection)
    return distinct_values(documents, command.key, collation=compile_collation(command.collation))


def aggregate(view: View, command: c.Aggregate) -> list[Document]:
    """The results of a pipeline that writes nothing."""
    return collected(run_pipeline(view, command, compile_command(command, view.clock), StoredLookup(view)))


def collected(documents: Iterable[Document]) -> list[Document]:
    """The results of a pipeline as a list: there are no cursors.

    Raises:
        QueryError: 16389 when they take more than 128 MB.
    """
    return gathered(documents, MAX_RESULT_BYTES, 16389)


def compile_command(command: c.Aggregate, clock: Clock) -> Pipeline:
    """The pipeline of a command. Raises `QueryError`."""
    return compile_pipeline(
        list(command.pipeline),
        collection=command.collection,
        let=command.let,
        collation=compile_collation(command.collation),
        allow_disk_use=bool(command.allow_disk_use),
        now=clock.now(),
    )


def run_pipeline(view: View, command: c.Aggregate, pipeline: Pipeline, lookup: StoredLookup) -> Iterator[Document]:
    """Stream a pipeline over its collection, what can be done by SQL done by SQL."""
    if pipeline.generates and not command.prefilter:
        return pipeline.run(iter(()), lookup, check=view.check)
    collection = _collection(view, command)
    if collection is None:
        return pipeline.run(iter(()), lookup, check=view.check)
    source, rest = pushed_down(view, collection, command, pipeline)
    return rest.run(source, lookup, check=view.check)


def pushed_down(
    view: View, collection: Any, command: c.Aggregate, pipeline: Pipeline
) -> tuple[Iterator[Document], Pipeline]:
    """The documents that the store delivers, and the pipeline that remains for them."""
    selection, rest = leading_selection(command, pipeline)
    group = rest.leading_group()
    if group is not None:
        grouped = run_grouping(view, collection, selection, group)
        if grouped is not None:
            return iter(grouped), rest.without_leading_group()
    names = _fields_needed(rest)
    if names is not None:
        documents = view.pruned(collection, selection, names)
        if documents is not None:
            return documents, rest
    return iter(view.documents(collection, selection)), rest


def _fields_needed(pipeline: Pipeline) -> list[str] | None:
    """The top-level fields that a pipeline reads, when it groups them right away, so that nothing else can show."""
    paths = pipeline.dependencies() if pipeline.stages and pipeline.stages[0].name in _GROUPING else None
    if not paths or any(path_parts(path) is None for path in paths):
        return None
    return sorted({path.split(".", 1)[0] for path in paths})


def leading_selection(command: c.Aggregate, pipeline: Pipeline) -> tuple[Selection, Pipeline]:
    """The selection made of the pipeline's first stages, and the stages after them."""
    match = pipeline.leading_match()
    if match is not None:
        pipeline = pipeline.without_leading_match()
    filters = [part for part in (command.prefilter, match) if part]
    filter: Document = filters[0] if len(filters) == 1 else {"$and": filters} if filters else {}
    sort = pipeline.leading_sort()
    if sort is not None:
        pipeline = pipeline.without_leading_sort()
    selection = Selection(
        filter=filter,
        sort=sort,
        limit=pipeline.leading_limit() or 0,
        hint=command.hint,
        collation=compile_collation(command.collation),
    )
    return selection, pipeline
