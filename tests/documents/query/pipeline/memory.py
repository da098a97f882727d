"""Collections in memory, as pipelines under test see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.pipeline import (
    CollectionStatistics,
    IndexStatistics,
    InsertOne,
    ReplaceCollection,
    Write,
    compile_pipeline,
)

Document = dict[str, Any]


class Memory:
    """A `Lookup` over lists; ``finds`` records every filter asked for."""

    def __init__(self, collections: dict[str, list[Document]], indexes: Iterable[IndexStatistics] = ()) -> None:
        self.collections = collections
        self.indexes = tuple(indexes)
        self.finds: list[tuple[str, Document]] = []

    def find(self, collection: str, filter: Document) -> Iterable[Document]:
        self.finds.append((collection, filter))
        matches = compile_filter(filter)
        return [document for document in self.collections.get(collection, []) if matches(document)]

    def write(self, write: Write) -> None:
        documents = self.collections.setdefault(write.collection, [])
        if isinstance(write, ReplaceCollection):
            documents[:] = write.documents
        elif isinstance(write, InsertOne):
            documents.append(write.document)
        else:
            places = [place for place, document in enumerate(documents) if document["_id"] == write.document["_id"]]
            documents[places[0]] = write.document

    def statistics(self, collection: str) -> CollectionStatistics:
        return CollectionStatistics(len(self.collections.get(collection, [])), 1000, self.indexes)


def aggregate(
    pipeline: list[Document], documents: Iterable[Document] = (), memory: Memory | None = None, **options: Any
) -> list[Document]:
    """The result of a pipeline over ``documents``."""
    compiled = compile_pipeline(pipeline, collection="main", **options)
    return list(compiled.run(iter(documents), memory or Memory({})))
