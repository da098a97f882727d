"""What a pipeline needs from the store that runs it: other collections, writes, statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Document = dict[str, Any]


@dataclass(frozen=True)
class InsertOne:
    """Insert ``document`` (it has an ``_id``); a duplicate key raises `yunbox.errors.DuplicateKey`."""

    collection: str
    document: Document


@dataclass(frozen=True)
class ReplaceOne:
    """Replace the stored document that has the same ``_id`` as ``document``."""

    collection: str
    document: Document


@dataclass(frozen=True)
class ReplaceCollection:
    """Make ``documents`` the whole content of ``collection`` (created if needed), keeping its indexes: ``$out``."""

    collection: str
    documents: Sequence[Document]


Write = InsertOne | ReplaceOne | ReplaceCollection


@dataclass(frozen=True)
class IndexStatistics:
    """One index: ``keys`` maps a path to 1, -1, ``"2dsphere"``, ``"2d"``, ``"text"`` or ``"hashed"``."""

    name: str
    keys: Mapping[str, Any]
    unique: bool = False
    accesses: int = 0
    size: int = 0


@dataclass(frozen=True)
class CollectionStatistics:
    """Figures of one collection; ``size`` in bytes."""

    count: int = 0
    size: int = 0
    indexes: Sequence[IndexStatistics] = field(default_factory=tuple)


class Lookup(Protocol):
    """The store as a running pipeline sees it. A missing collection reads as an empty one."""

    def find(self, collection: str, filter: Document) -> Iterable[Document]:
        """Documents of ``collection`` that match ``filter``, in natural order."""
        ...

    def write(self, write: Write) -> None:
        """Carry out one write of ``$out`` or ``$merge``. Stores that only read raise `QueryError`."""
        ...

    def statistics(self, collection: str) -> CollectionStatistics:
        """Figures for ``$collStats``, ``$indexStats``, ``$merge`` (unique keys) and ``$geoNear`` (geo indexes)."""
        ...
