"""The store as a running pipeline sees it."""

from __future__ import annotations

from collections.abc import Iterable

from yunbox.documents.query.pipeline import CollectionStatistics, IndexStatistics, Write
from yunbox.errors import CollectionNotFound, QueryError

from .catalog import Collection
from .view import Document, Selection, View


class StoredLookup:
    """Other collections, read through the same connection as the pipeline's own."""

    def __init__(self, view: View) -> None:
        self._view = view

    def find(self, collection: str, filter: Document) -> Iterable[Document]:
        """Documents of ``collection`` that match; none when it does not exist."""
        try:
            found = self._view.collection(collection)
        except CollectionNotFound:
            return ()
        return self._view.documents(found, Selection(filter))

    def write(self, write: Write) -> None:
        """Raises `QueryError`: a pipeline that writes runs in the writer."""
        raise QueryError("a pipeline may not write here", number=20, name="IllegalOperation")

    def statistics(self, collection: str) -> CollectionStatistics:
        """Count, size and indexes of a collection."""
        try:
            found = self._view.collection(collection)
        except CollectionNotFound:
            return CollectionStatistics()
        own_index = IndexStatistics("_id_", {"_id": 1}, unique=True)
        others = [
            IndexStatistics(index.name, index.document["key"], unique=index.unique, accesses=index.accesses)
            for index in found.indexes
        ]
        return CollectionStatistics(found.count, size_of(self._view, found), (own_index, *others))


def size_of(view: View, collection: Collection) -> int:
    """Bytes of a collection's stored documents."""
    size: int | None = view.connection.execute(f"SELECT sum(length(d)) FROM {collection.table}").get
    return size or 0
