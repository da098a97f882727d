"""Operations for `Collection.bulk_write`, named and called as pymongo's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class InsertOne:
    document: Document


@dataclass(frozen=True, slots=True)
class UpdateOne:
    filter: Mapping[str, Any]
    update: Any
    upsert: bool = False
    collation: Mapping[str, Any] | None = None
    array_filters: Sequence[Mapping[str, Any]] | None = None
    hint: Any = None


@dataclass(frozen=True, slots=True)
class UpdateMany:
    filter: Mapping[str, Any]
    update: Any
    upsert: bool = False
    collation: Mapping[str, Any] | None = None
    array_filters: Sequence[Mapping[str, Any]] | None = None
    hint: Any = None


@dataclass(frozen=True, slots=True)
class ReplaceOne:
    filter: Mapping[str, Any]
    replacement: Document
    upsert: bool = False
    collation: Mapping[str, Any] | None = None
    hint: Any = None


@dataclass(frozen=True, slots=True)
class DeleteOne:
    filter: Mapping[str, Any]
    collation: Mapping[str, Any] | None = None
    hint: Any = None


@dataclass(frozen=True, slots=True)
class DeleteMany:
    filter: Mapping[str, Any]
    collation: Mapping[str, Any] | None = None
    hint: Any = None


Operation = InsertOne | UpdateOne | UpdateMany | ReplaceOne | DeleteOne | DeleteMany
