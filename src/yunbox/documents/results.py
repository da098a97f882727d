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

    @property
    def raw_result(self) -> dict[str, Any]:
        """The counts as a server would send them."""
        raw = {"n": self.matched_count + self.upserted_count, "nModified": self.modified_count, "ok": 1.0}
        raw["updatedExisting"] = self.matched_count > 0
        return {**raw, "upserted": self.upserted_id} if self.did_upsert else raw


@dataclass(frozen=True, slots=True)
class DeleteResult:
    deleted_count: int
    acknowledged: bool = True

    @property
    def raw_result(self) -> dict[str, Any]:
        """The count as a server would send it."""
        return {"n": self.deleted_count, "ok": 1.0}


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

    @property
    def bulk_api_result(self) -> dict[str, Any]:
        """The counts as a server would send them."""
        return {
            "writeErrors": [],
            "writeConcernErrors": [],
            "nInserted": self.inserted_count,
            "nUpserted": self.upserted_count,
            "nMatched": self.matched_count,
            "nModified": self.modified_count,
            "nRemoved": self.deleted_count,
            "upserted": [{"index": place, "_id": id} for place, id in self.upserted_ids.items()],
        }
