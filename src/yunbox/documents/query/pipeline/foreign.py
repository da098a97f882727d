"""Another collection as joins see it: documents by equality of a field, through an index or a table built once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bson import Regex

from ..paths import split, walk
from ..values import MISSING, UNDEFINED, sort_key
from .lookup import Document
from .sizes import Meter
from .stage import Run

Table = dict[Any, list[tuple[int, Document]]]


class Foreign:
    """Documents of ``collection`` whose ``path`` equals given values, with the rules of a filter ``{path: value}``."""

    def __init__(
        self,
        run: Run,
        collection: str,
        path: str,
        collation: Any,
        restriction: Document | None = None,
        table: Table | None = None,
    ) -> None:
        self._run = run
        self._collection = collection
        self._path = path
        self._collation = collation
        self._restriction = restriction
        self._table = table
        self._table_fits = table is not None or collation is not None or not self._indexed()

    @classmethod
    def of(cls, run: Run, collection: str, path: str, collation: Any, restriction: Document | None = None) -> Foreign:
        """The one of ``run``: a stage nested in another runs many times, but builds its table once."""
        key = (collection, path, id(collation), id(restriction))
        found: Foreign | None = run.cache.get(key)
        if found is None:
            found = run.cache[key] = cls(run, collection, path, collation, restriction)
        return found

    def _indexed(self) -> bool:
        if self._path == "_id":
            return True
        indexes = self._run.lookup.statistics(self._collection).indexes
        return any(next(iter(index.keys), None) == self._path for index in indexes)

    def equal(self, values: Iterable[Any]) -> list[Document]:
        """The documents that match any of ``values``, each once, in natural order."""
        table = self._whole_table()
        if table is None:
            return list(self._find(values))
        found: dict[int, Document] = {}
        for value in values:
            found.update(table.get(_key(value, self._collation), ()))
        return [found[place] for place in sorted(found)]

    def restricted_to(self, values: Iterable[Any]) -> Foreign:
        """The same documents, with those that match any of ``values`` fetched at once."""
        if self._whole_table() is not None:
            return self
        distinct = {_key(value, self._collation): value for value in values}
        table = self._tabulate(self._find(distinct.values()), None)
        return Foreign(self._run, self._collection, self._path, self._collation, self._restriction, table)

    def _find(self, values: Iterable[Any]) -> Iterator[Document]:
        wanted = list(values)
        if not wanted:
            return iter(())
        clauses: list[Document] = [{self._path: {"$in": [value for value in wanted if not isinstance(value, Regex)]}}]
        clauses += [{self._path: {"$eq": value}} for value in wanted if isinstance(value, Regex)]
        condition = clauses[0] if len(clauses) == 1 else {"$or": clauses}
        restricted = {"$and": [condition, self._restriction]} if self._restriction else condition
        return iter(self._run.lookup.find(self._collection, restricted))

    def _whole_table(self) -> Table | None:
        if not self._table_fits:
            return None
        if self._table is None:
            self._table = self._build()
            self._table_fits = self._table is not None
        return self._table

    def _build(self) -> Table | None:
        documents = self._run.lookup.find(self._collection, self._restriction or {})
        # With a collation a filter on the store cannot stand in for the table, so its size is not limited.
        return self._tabulate(documents, self._run.max_memory_bytes if self._collation is None else None)

    def _tabulate(self, documents: Iterable[Document], limit: int | None) -> Table | None:
        table: Table = {}
        meter = Meter(2**63 if limit is None else limit)
        for place, document in enumerate(self._run.checked(iter(documents))):
            if not meter.hold(document):
                return None
            for key in {_key(value, self._collation) for value in values_at(document, self._path)}:
                table.setdefault(key, []).append((place, document))
        return table


def values_at(document: Document, path: str) -> list[Any]:
    """The values that a filter on ``path`` compares: array elements, the array itself, null for nothing."""
    return [None if value is MISSING else value for value, _ in walk(document, split(path))]


def join_values(document: Document, path: str) -> list[Any]:
    """The values of a local field to join by: each element of an array, null for nothing."""
    found: list[Any] = []
    for value, _ in walk(document, split(path), expand=False):
        found.extend(value if isinstance(value, list) else [value])
    values = [None if value is MISSING or value is UNDEFINED else value for value in found]
    return values or [None]


def _key(value: Any, collation: Any) -> Any:
    return sort_key(None if value is MISSING or value is UNDEFINED else value, collation)
