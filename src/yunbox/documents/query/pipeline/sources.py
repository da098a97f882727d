"""Stages that make their own documents: $documents $collStats $indexStats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bson import Int64

from ..expressions import compile_in
from ..expressions.failures import failure
from ..values import type_name
from .lookup import Document
from .stage import Environment, Run, Stage, stage


@stage("$documents")
def build_documents(spec: Any, environment: Environment) -> Stage:
    """The documents of an array."""
    scope = environment.scope()
    evaluate = compile_in(spec, scope)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        documents = evaluate({}, run.variables)
        if not isinstance(documents, list):
            raise failure(5858203, f"an array is expected in $documents, found {type_name(documents)}")
        for document in documents:
            if not isinstance(document, dict):
                raise failure(40228, f"an element of $documents must be an object, found {type_name(document)}")
            yield document

    return Stage("$documents", run, scope, closes=True, generates=True)


@stage("$collStats")
def build_collection_statistics(spec: Any, environment: Environment) -> Stage:
    """One document of figures about the collection."""
    if not isinstance(spec, Mapping):
        raise failure(40167, "$collStats must take a nested object")
    for key in spec:
        if key not in ("latencyStats", "storageStats", "count", "queryExecStats"):
            raise failure(40167, f"unrecognized option to $collStats: {key}")

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        figures = run.lookup.statistics(environment.collection)
        document: Document = {"ns": environment.collection}
        if "count" in spec:
            document["count"] = figures.count
        if "storageStats" in spec:
            document["storageStats"] = _storage(figures.count, figures.size, figures.indexes)
        yield document

    return Stage("$collStats", run, environment.scope(), closes=True, generates=True)


def _storage(count: int, size: int, indexes: Any) -> Document:
    return {
        "size": Int64(size),
        "count": count,
        "avgObjSize": size // count if count else 0,
        "storageSize": Int64(size),
        "nindexes": len(indexes),
        "indexSizes": {index.name: Int64(index.size) for index in indexes},
        "totalIndexSize": Int64(sum(index.size for index in indexes)),
    }


@stage("$indexStats")
def build_index_statistics(spec: Any, environment: Environment) -> Stage:
    """One document for each index of the collection."""
    if spec != {}:
        raise failure(28803, "The $indexStats stage specification must be an empty object")

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        for index in run.lookup.statistics(environment.collection).indexes:
            keys = dict(index.keys)
            definition: Document = {"v": 2, "key": keys, "name": index.name}
            if index.unique:
                definition["unique"] = True
            yield {"name": index.name, "key": keys, "accesses": {"ops": Int64(index.accesses)}, "spec": definition}

    return Stage("$indexStats", run, environment.scope(), closes=True, generates=True)
