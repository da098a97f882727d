"""Pipelines that end in ``$out`` or ``$merge``: they run in the writer."""

from __future__ import annotations

from yunbox.documents import commands as c
from yunbox.documents.query.pipeline import InsertOne, Pipeline, ReplaceOne, Write

from .lookups import StoredLookup
from .reads import collected, run_pipeline
from .store import Store
from .view import Document, Selection


class WritingLookup(StoredLookup):
    """A lookup that carries out a pipeline's writes within the writer's transaction."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._store = store

    def write(self, write: Write) -> None:
        """Carry out one write. Raises `DuplicateKey`, `QueryError`."""
        collection = self._store.for_writing(write.collection, True)
        if isinstance(write, InsertOne):
            self._store.insert(collection, write.document)
        elif isinstance(write, ReplaceOne):
            found = self._store.by_id(collection, write.document["_id"])
            if found is not None:
                self._store.replace(collection, found, write.document)
        else:
            for found in self._store.matching(collection, Selection({})):
                self._store.remove(collection, found)
            for document in write.documents:
                self._store.insert(collection, document)


def aggregate_and_write(store: Store, command: c.Aggregate, pipeline: Pipeline) -> list[Document]:
    """Run a pipeline that writes; its reads see the state before its first write of each document."""
    return collected(run_pipeline(store, command, pipeline, WritingLookup(store)))
