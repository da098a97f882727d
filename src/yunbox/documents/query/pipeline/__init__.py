"""Aggregation pipelines: compiled once, run as streaming generators over any source of documents."""

from .lookup import (
    CollectionStatistics,
    IndexStatistics,
    InsertOne,
    Lookup,
    ReplaceCollection,
    ReplaceOne,
    Write,
)
from .pipeline import NO_COLLECTION, Pipeline, compile_pipeline

__all__ = [
    "NO_COLLECTION",
    "CollectionStatistics",
    "IndexStatistics",
    "InsertOne",
    "Lookup",
    "Pipeline",
    "ReplaceCollection",
    "ReplaceOne",
    "Write",
    "compile_pipeline",
]
