"""What the write methods of `documents.database` return, shaped as pymongo's results are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class InsertOneResult:
    inserted_id: Any
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class InsertManyResult:
    inserted_ids: list[Any]
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """``upserted_id`` is ``None`` unless a document was inserted."""

    matched_count: int
    modified_count: int
    upserted_id: Any = None
    did_upsert: bool = False
    acknowledged: bool = True

    @property
    def upserted_count(self) -> int:
        return int(self.did_upsert)


@dataclass(frozen=True, slots=True)
class DeleteResult:
    deleted_count: int
    acknowledged: bool = True


@dataclass(slots=True)
class BulkWriteResult:
    """``upserted_ids`` and ``inserted_ids`` map the place of an operation to an ``_id``."""

    inserted_count: int = 0
    matched_count: int = 0
    modified_count: int = 0
    deleted_count: int = 0
    upserted_count: int = 0
    upserted_ids: dict[int, Any] = field(default_factory=dict)
    inserted_ids: dict[int, Any] = field(default_factory=dict)
    acknowledged: bool = True
