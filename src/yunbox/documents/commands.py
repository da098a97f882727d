"""What can be asked of an engine: neutral commands and their results.

``filter``, ``update``, ``pipeline`` and the rest are decoded values in MongoDB's form (see ``documents.query.values``).
A missing collection raises ``CollectionNotFound`` unless ``missing_ok`` (reads, and writes that match nothing) says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

Document = dict[str, Any]
Sort = Mapping[str, Any] | Sequence[tuple[str, Any]]


class Command(msgspec.Struct, frozen=True):
    """Base of all commands. ``msgspec.structs.replace`` makes a changed copy."""


class CreateCollection(Command, frozen=True):
    """Make an empty collection. Raises ``AlreadyExists``. Result: ``None``."""

    name: str


class DropCollection(Command, frozen=True):
    """Remove a collection with its documents and indexes. Result: ``None``."""

    name: str


class RenameCollection(Command, frozen=True):
    """Rename a collection. Raises ``AlreadyExists`` when the new name is taken. Result: ``None``."""

    name: str
    new_name: str


class ListCollections(Command, frozen=True):
    """Result: a list of :class:`CollectionInfo`, by name."""


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """``size`` is in bytes of stored documents; ``indexes`` counts those beside ``_id``."""

    name: str
    count: int
    size: int
    indexes: int


class Insert(Command, frozen=True):
    """Add documents. Result: :class:`InsertResult`. Raises ``DuplicateKey``; with ``ordered`` what came before stays."""

    collection: str
    documents: Sequence[Document]
    ordered: bool = True
    create: bool = False


@dataclass(frozen=True, slots=True)
class InsertResult:
    ids: list[Any]


class Find(Command, frozen=True):
    """Result: a list of documents, or with ``raw`` of ``bytes``: each the stored relaxed-EJSON text.

    ``limit`` 0 means all. ``hide`` names top-level fields that are left out. ``let``, here and in the writing commands,
    holds expressions for the variables that ``$expr``, the projection and an update's pipeline may read.
    """

    collection: str
    filter: Document = msgspec.field(default_factory=dict)
    projection: Document | None = None
    sort: Sort | None = None
    skip: int = 0
    limit: int = 0
    hint: Any = None
    let: Document | None = None
    collation: Document | None = None
    max_time_ms: int | None = None
    raw: bool = False
    hide: tuple[str, ...] = ()
    missing_ok: bool = False


class Count(Command, frozen=True):
    """Result: an ``int``."""

    collection: str
    filter: Document = msgspec.field(default_factory=dict)
    skip: int = 0
    limit: int = 0
    hint: Any = None
    collation: Document | None = None
    max_time_ms: int | None = None
    missing_ok: bool = False


class Distinct(Command, frozen=True):
    """Result: a list of values."""

    collection: str
    key: str
    filter: Document = msgspec.field(default_factory=dict)
    collation: Document | None = None
    max_time_ms: int | None = None
    missing_ok: bool = False


class Aggregate(Command, frozen=True):
    """Result: a list of documents. ``prefilter`` (a rule) is applied before the first stage, and to nothing else."""

    collection: str
    pipeline: Sequence[Document]
    let: Document | None = None
    collation: Document | None = None
    hint: Any = None
    allow_disk_use: bool = False
    max_time_ms: int | None = None
    prefilter: Document | None = None
    missing_ok: bool = False


class Update(Command, frozen=True):
    """Change documents. ``update`` holds operators, is a replacement document, or a pipeline (a list).

    ``on_insert`` is stamped on an upserted document; ``new_id`` makes its ``_id`` when the filter gives none.
    Result: :class:`UpdateResult`.
    """

    collection: str
    filter: Document
    update: Any
    multi: bool = False
    upsert: bool = False
    array_filters: Sequence[Document] | None = None
    let: Document | None = None
    collation: Document | None = None
    hint: Any = None
    max_time_ms: int | None = None
    on_insert: Document | None = None
    new_id: Callable[[], Any] | None = None
    create: bool = False
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class UpdateResult:
    matched: int
    modified: int
    upserted_id: Any = None
    upserted: bool = False


class Delete(Command, frozen=True):
    """Remove documents; without ``multi`` the first in ``sort`` order. Result: how many."""

    collection: str
    filter: Document
    multi: bool = False
    sort: Sort | None = None
    let: Document | None = None
    collation: Document | None = None
    hint: Any = None
    max_time_ms: int | None = None
    missing_ok: bool = False


class FindAndModify(Command, frozen=True):
    """Change or remove one document and return it. Result: :class:`FindAndModifyResult`."""

    collection: str
    filter: Document
    update: Any = None
    remove: bool = False
    sort: Sort | None = None
    projection: Document | None = None
    upsert: bool = False
    return_new: bool = False
    array_filters: Sequence[Document] | None = None
    let: Document | None = None
    collation: Document | None = None
    hint: Any = None
    max_time_ms: int | None = None
    on_insert: Document | None = None
    new_id: Callable[[], Any] | None = None
    create: bool = False
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class FindAndModifyResult:
    document: Document | None
    updated_existing: bool = False
    upserted_id: Any = None
    count: int = 0


class Bulk(Command, frozen=True):
    """Run writing commands one after the other and commit them together.

    Result: a list of their results; in place of one that failed, its error, with which ``ordered`` ends the list.
    """

    commands: Sequence[Command]
    ordered: bool = True


class CreateIndex(Command, frozen=True):
    """Make an index. ``keys`` are (path, direction or kind). Result: its name."""

    collection: str
    keys: Sequence[tuple[str, Any]]
    name: str | None = None
    unique: bool = False
    sparse: bool = False
    partial: Document | None = None
    expire_after_seconds: int | None = None
    collation: Document | None = None
    weights: Document | None = None
    default_language: str | None = None
    wildcard_projection: Document | None = None


INDEX_OPTIONS = {
    "name": "name",
    "unique": "unique",
    "sparse": "sparse",
    "partialFilterExpression": "partial",
    "expireAfterSeconds": "expire_after_seconds",
    "collation": "collation",
    "weights": "weights",
    "default_language": "default_language",
    "wildcardProjection": "wildcard_projection",
}
"""MongoDB's names of index options and ours."""


def create_index(collection: str, keys: Document, options: Document) -> CreateIndex:
    """The command for an index as MongoDB describes it; options that are not known are left out."""
    given = {ours: options[name] for name, ours in INDEX_OPTIONS.items() if options.get(name) is not None}
    return CreateIndex(collection, list(keys.items()), **given)


class DropIndex(Command, frozen=True):
    """Remove an index. Result: ``None``."""

    collection: str
    name: str


class ListIndexes(Command, frozen=True):
    """Result: a list of index documents in MongoDB's form, ``_id_`` first."""

    collection: str


class Explain(Command, frozen=True):
    """How ``command`` would run. Result: a document with ``queryPlanner`` and ``executionStats``."""

    command: Command


class Backup(Command, frozen=True):
    """Write a consistent copy of the space's documents to ``path``. Result: ``None``."""

    path: str
