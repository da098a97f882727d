"""Reading documents through one connection: what reads, writes and pipelines share."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from typing import Any, NamedTuple

import apsw
import msgspec
from bson import ObjectId

from yunbox.documents.query import ejson
from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.ejson import is_encodable
from yunbox.documents.query.geo import Near
from yunbox.documents.query.let import bind, with_variables
from yunbox.documents.query.match import Matcher
from yunbox.documents.query.paging import check_limit, check_skip
from yunbox.documents.query.sort import compile_sort, meta_fields, normalize_sort
from yunbox.documents.query.sphere import EARTH_RADIUS_METERS
from yunbox.documents.query.text import TextSearch
from yunbox.errors import CollectionNotFound, QueryError
from yunbox.tools.clock import MACHINE, Clock

from .catalog import Collection
from .connection import Deadline, json_array, json_path
from .encoding import decode, decode_all
from .geo_index import FIRST_RADIUS
from .keys import Key, key_of
from .planner import Query, last_slot, plan_query
from .special import is_special, near_access

Document = dict[str, Any]

FETCH_SIZE = 500
FEW_ROWS = 100
TEXT = "CAST(json(t.d) AS BLOB)"
"""The column of a document's text."""
PLAIN_IDS = frozenset({str, int, ObjectId})
"""Types of ``_id`` that are looked up without a plan."""


class Found(NamedTuple):
    """A stored document; ``rid`` is ``None`` for one that only a transaction has."""

    rid: int | None
    document: Document


class Selection(NamedTuple):
    """Which documents of a collection, and in which order."""

    filter: Mapping[str, Any]
    sort: Any = None
    skip: int = 0
    limit: int = 0
    hint: Any = None
    collation: Any = None
    """A compiled collation, or ``None``."""


class View:
    """A connection with the catalog as it was when work on it began."""

    def __init__(
        self,
        space: str,
        connection: apsw.Connection,
        catalog: Mapping[str, Collection],
        deadline: Deadline | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self.space = space
        self.connection = connection
        self.catalog = catalog
        self.deadline = deadline
        self.clock = clock
        self._planned: list[tuple[Collection, tuple[int, int]]] = []
        self._last: tuple[Collection, Selection, bool, Query] | None = None
        self._revisions: dict[int, int] = {}

    def collection(self, name: str) -> Collection:
        """Raises `CollectionNotFound`."""
        found = self.catalog.get(name)
        if found is None:
            raise CollectionNotFound(self.space, name)
        return found

    def stale(self) -> bool:
        """Whether a plan may have missed documents that were committed while it was made: then read again."""
        return any(collection.version != version for collection, version in self._planned)

    def forget_plans(self) -> None:
        """Begin anew, for another command."""
        self._planned.clear()
        self._last = None

    def remember_revisions(self) -> None:
        """Note which indexes there are, before the snapshot is taken."""
        self._revisions = {collection.id: collection.revision for collection in self.catalog.values()}

    def outdated(self) -> bool:
        """Whether an index that a plan relied on came or went after this view was made: then read again.

        On a snapshot taken after the view was made, only that can be wrong: shapes are known before the documents are.
        """
        return any(collection.revision != self._revisions.get(collection.id) for collection, _ in self._planned)

    def overlaid(self, collection: Collection) -> bool:
        """Whether something else than the stored documents is read."""
        return False

    def check(self) -> None:
        """Raises `QueryError` when the time is over."""
        if self.deadline is not None:
            self.deadline.check()

    def query(self, collection: Collection, selection: Selection, *, counting: bool = False) -> Query:
        """Plan a selection. The same one again, when its plan was only looked at, is not planned again."""
        last = self._last
        if last is not None and last[0] is collection and last[1] is selection and last[2] is counting:
            query = last[3]
            if query.plan.version == collection.version:
                return query
        query = plan_query(
            collection,
            selection.filter,
            sort=selection.sort,
            hint=selection.hint,
            collation=selection.collation,
            limited=bool(selection.limit),
            counting=counting,
            probe=self._probe,
            clock=self.clock,
        )
        self._planned.append((collection, query.plan.version))
        for index in query.plan.indexes:
            index.accesses += 1
        self._last = (collection, selection, counting, query)
        return query

    def _probe(self, sql: str, operands: Any) -> int:
        found: int = self.connection.execute(sql, operands[: last_slot(sql)]).get
        return found

    def get(self, collection: Collection, key: Key, columns: str = "json(d), sp") -> Any:
        """The row of a document by its key, or ``None``."""
        return self.connection.execute(f"SELECT {columns} FROM {collection.table} WHERE kt=? AND k=?", key).fetchone()

    def planned_rows(
        self, collection: Collection, query: Query, selection: Selection, columns: str
    ) -> Iterable[tuple[Any, ...]]:
        """Rows of ``columns`` (over ``t``) in the order of a selection that SQL can sort: few of them as a list."""
        sql, window = statement(collection, query, selection, columns)
        cursor = self.connection.execute(sql, query.bindings(sql, *window))
        return cursor.fetchall() if 0 < selection.limit <= FEW_ROWS else cursor

    def found(self, collection: Collection, selection: Selection) -> Iterator[Found]:
        """The documents of a selection, with their row ids."""
        if is_point(selection):
            one = self.by_id(collection, selection.filter["_id"])
            if one is not None:
                yield one
            return
        query = self.query(collection, selection)
        special = self.special(query)
        if special is not None and special.near is not None:
            yield from self._nearest(collection, query, selection, special.near)
        elif query.plan.sorted and special is None:
            yield from self._decoded_rows(collection, query, selection)
        else:
            candidates = self._decoded_rows(collection, query, selection._replace(sort=None, skip=0, limit=0))
            yield from ordered(candidates, selection, special)

    def _decoded_rows(self, collection: Collection, query: Query, selection: Selection) -> Iterator[Found]:
        for rid, text, wrapped in self.planned_rows(collection, query, selection, "t.rid, json(t.d), t.sp"):
            yield Found(rid, decode(text, wrapped))

    def _nearest(self, collection: Collection, query: Query, selection: Selection, near: Near) -> list[Found]:
        """Documents by distance, looked for in growing boxes when there is an index."""
        whole = selection._replace(sort=None, skip=0, limit=0)
        wanted = selection.skip + selection.limit if selection.limit and not selection.sort else None
        unit = EARTH_RADIUS_METERS if near.spherical and not near.radians else 1.0
        end = min(near.maximum, math.pi * unit) if near.spherical else near.maximum
        radius = end if wanted is None or math.isinf(end) else min(end, FIRST_RADIUS * unit)
        while True:
            self.check()
            access = None if math.isinf(radius) else near_access(collection, near, radius)
            narrowed = query if access is None else query.through(collection, access)
            measured = [
                (distance, found)
                for found in self._decoded_rows(collection, narrowed, whole)
                if (distance := near.distance(found.document)) is not None
            ]
            sure = [pair for pair in measured if pair[0] <= radius]
            if access is None or radius >= end or (wanted is not None and len(sure) >= wanted):
                break
            radius = min(end, radius * 4)
        measured.sort(key=lambda pair: pair[0])
        return ordered((found for _, found in measured), selection)

    def special(self, query: Query) -> Matcher | None:
        """The matcher of a filter whose results have an order of their own (by distance or score), else ``None``."""
        if query.plan.residual and is_special(query.filter):
            matcher = query.matcher
            if matcher.near is not None or matcher.text is not None:
                return matcher
        return None

    def documents(self, collection: Collection, selection: Selection) -> Iterable[Document]:
        """The documents of a selection."""
        if not (self.overlaid(collection) or is_point(selection)):
            query = self.query(collection, selection)
            if query.plan.sorted and self.special(query) is None:
                rows = self.planned_rows(collection, query, selection, f"{TEXT}, t.sp")
                return decode_all(rows) if isinstance(rows, list) else starmap(decode, rows)
        return (found.document for found in self.found(collection, selection))

    def pruned(self, collection: Collection, selection: Selection, names: Sequence[str]) -> Iterator[Document] | None:
        """The documents of a selection with some of their fields; ``None`` when whole documents are needed to sort."""
        query = self.query(collection, selection)
        if not query.plan.sorted or self.special(query) is not None or self.overlaid(collection):
            return None
        columns = ", ".join(f"t.d->{json_path((name,))}" for name in names)
        rows = self.planned_rows(collection, query, selection, columns)
        return (
            {name: ejson.loads(text) for name, text in zip(names, row, strict=True) if text is not None} for row in rows
        )

    def row_ids(self, collection: Collection, selection: Selection) -> list[int]:
        """The row ids of a selection, in its order."""
        query = self.query(collection, selection)
        by_index = query.plan.ids_only
        if by_index is not None and not (selection.sort or selection.skip or selection.limit):
            return [row[0] for row in self.connection.execute(by_index, query.bindings(by_index))]
        if query.plan.sorted and self.special(query) is None:
            return [row[0] for row in self.planned_rows(collection, query, selection, "t.rid")]
        return [found.rid for found in self.found(collection, selection) if found.rid is not None]

    def matching(self, collection: Collection, selection: Selection) -> Iterator[Found]:
        """The documents of a selection, which may be written while they are walked."""
        return self.by_row_ids(collection, self.row_ids(collection, selection))

    def by_row_ids(self, collection: Collection, row_ids: list[int]) -> Iterator[Found]:
        """Documents by row id, in the given order, fetched in portions."""
        sql = f"SELECT t.rid, json(t.d), t.sp FROM json_each(?) j CROSS JOIN {collection.table} t ON t.rid=j.value"
        for start in range(0, len(row_ids), FETCH_SIZE):
            portion = row_ids[start : start + FETCH_SIZE]
            rows: list[Any] = self.connection.execute(sql, (json_array(portion),)).fetchall()
            for rid, text, wrapped in rows:
                yield Found(rid, decode(text, wrapped))

    def count(self, collection: Collection, selection: Selection) -> int:
        """How many documents a selection has."""
        if not selection.filter and not selection.skip and not selection.limit and selection.hint is None:
            total: int = self.connection.execute("SELECT n FROM coll WHERE id=?", (collection.id,)).get
            return total
        query = self.query(collection, selection._replace(sort=None) if selection.sort else selection, counting=True)
        plan = query.plan
        if selection.skip or selection.limit:
            inner = f"SELECT 1 FROM {plan.source} WHERE {plan.where} LIMIT {query.slot(0)} OFFSET {query.slot(1)}"
            sql, more = f"SELECT count(*) FROM ({inner})", (selection.limit or -1, selection.skip)
            counted: int = self.connection.execute(sql, query.bindings(sql, *more)).get
            return counted
        sql = plan.index_only or f"SELECT count(*) FROM {plan.source} WHERE {plan.where}"
        counted = self.connection.execute(sql, query.bindings(sql)).get
        return counted

    def by_id(self, collection: Collection, value: Any) -> Found | None:
        """The document with an ``_id``."""
        row = self.get(collection, key_of(value), "rid, json(d), sp")
        return None if row is None else self.decoded(row)

    def decoded(self, row: tuple[int, str, str | None]) -> Found:
        """A row of (rid, text, sp) as a document."""
        return Found(row[0], decode(row[1], row[2]))


def statement(collection: Collection, query: Query, selection: Selection, columns: str) -> tuple[str, tuple[int, ...]]:
    """The statement that delivers ``columns`` in order, and its further parameters.

    Columns are read only for the rows that are kept.
    """
    plan = query.plan
    # Without a limit SQLite leaves out the order of an inner statement.
    windowed = bool(selection.limit or selection.skip or (plan.order and not plan.in_index_order))
    sql = plan.statements.get((columns, windowed))
    if sql is None:
        sql = plan.statements[columns, windowed] = _statement(collection, query, columns, windowed)
    return sql, (selection.limit or -1, selection.skip) if windowed else ()


def _statement(collection: Collection, query: Query, columns: str, windowed: bool) -> str:
    plan = query.plan
    cut = f" LIMIT {query.slot(0)} OFFSET {query.slot(1)}" if windowed else ""
    if plan.order and not plan.in_index_order:
        chosen = f"SELECT t.rid AS rid FROM {plan.source} WHERE {plan.where} ORDER BY {plan.order}{cut}"
        return f"SELECT {columns} FROM ({chosen}) s CROSS JOIN {collection.table} t ON t.rid=s.rid"
    sql = f"SELECT {columns} FROM {plan.source} WHERE {plan.where}"
    if plan.order:
        sql += f" ORDER BY {plan.order}"
    return sql + cut


def ordered(candidates: Iterable[Found], selection: Selection, special: Matcher | None = None) -> list[Found]:
    """Sort and cut in Python: for orders that SQL does not know."""
    end = selection.skip + selection.limit if selection.limit else None
    if not selection.sort:
        return list(candidates)[selection.skip : end]
    search = special.text if special is not None else None
    key = _sort_key(selection, search)
    if end is not None:
        chosen = heapq.nsmallest(end, candidates, key=lambda found: key(found.document))
    else:
        chosen = sorted(candidates, key=lambda found: key(found.document))
    return chosen[selection.skip : end]


def _sort_key(selection: Selection, search: TextSearch | None) -> Callable[[Document], Any]:
    meta = meta_fields(selection.sort)
    if not meta:
        return compile_sort(selection.sort, selection.collation)
    if search is None:
        raise QueryError(
            "query requires text score metadata, but it is not available", number=40218, name="Location40218"
        )
    keys: list[Callable[[Document], Any]] = []
    for path, direction in normalize_sort(selection.sort):
        if path in meta:
            keys.append(lambda document: -search.score(document))
        else:
            keys.append(compile_sort([(path, direction)], selection.collation))
    return lambda document: tuple([key(document) for key in keys])


def is_point(selection: Any) -> bool:
    """Whether a selection, or a find, is of one document, by its ``_id``, with nothing that could be refused."""
    filter = selection.filter
    if (
        type(filter) is not dict
        or type(selection.limit) is not int
        or len(filter) != 1
        or type(filter.get("_id")) not in PLAIN_IDS
    ):
        return False
    if type(filter["_id"]) is str and not is_encodable(filter["_id"]):
        return False
    return not (selection.sort or selection.skip or selection.hint is not None or selection.collation is not None)


def with_let(command: Any) -> Any:
    """The command with the values of its variables for ``let``, and a filter that has them in itself. Raises `QueryError`."""
    if not command.let:
        return command
    values = bind(command.let, compile_collation(command.collation))
    return msgspec.structs.replace(command, filter=with_variables(command.filter or {}, values), let=values)


def selection_of(command: Any) -> Selection:
    """The selection that a command describes. Raises `QueryError` for a skip, limit or collation that cannot be."""
    skip, limit = getattr(command, "skip", 0), getattr(command, "limit", 0)
    return Selection(
        {} if command.filter is None else command.filter,
        getattr(command, "sort", None) or None,
        check_skip(skip) if skip else 0,
        check_limit(limit) if limit else 0,
        getattr(command, "hint", None),
        compile_collation(command.collation) if command.collation else None,
    )


@lru_cache(maxsize=256)
def visible(column: str, hidden: tuple[str, ...]) -> str:
    """The SQL for a JSONB column without some top-level fields."""
    if not hidden:
        return column
    return f"jsonb_remove({column},{','.join(json_path((name,)) for name in hidden)})"
