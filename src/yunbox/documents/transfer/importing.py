"""Records into a collection, in large transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.query.values import sort_key
from yunbox.documents.stores import Engine
from yunbox.errors import DuplicateKey, YunboxError

from .formats import Record

Mode = Literal["insert", "upsert", "skip"]
"""What a record with a known ``_id`` is: an error, a replacement, or nothing."""

MODES: tuple[str, ...] = get_args(Mode)
BATCH = 10_000
"""Most records of one transaction."""
BATCH_BYTES = 32 * 2**20
MAX_ERRORS = 100

Document = dict[str, Any]


@dataclass(slots=True)
class Report:
    """What became of an import; ``errors`` holds the first hundred, ``stopped`` says that one ended it early."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    stopped: bool = False
    dry_run: bool = False
    errors: list[dict[str, Any]] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    """Indexes that an archive asked for and that are there now."""
    index_errors: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> int:
        """Records that are in the collection now, as they are in the file or as they were."""
        return self.inserted + self.updated + self.skipped

    def fail(self, line: int, message: str) -> None:
        self.failed += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append({"line": line, "message": message})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Progress = Callable[[Report], None]


@dataclass(frozen=True, slots=True)
class Import:
    """How to import: into which collection (made when ``create``), what conflicts mean, whether the first error ends it,
    whether anything is written at all. ``new_id`` makes the ``_id`` of a record that has none. ``source`` is the collection's
    name in an archive of mongodump, by default the only one there or the one of the same name."""

    collection: str
    mode: Mode = "insert"
    stop_on_error: bool = False
    dry_run: bool = False
    create: bool = False
    new_id: Callable[[], Any] = TCB.new_id
    source: str = ""


def import_records(
    engine: Engine, records: Iterator[Record], wanted: Import, progress: Progress | None = None
) -> Report:
    """Write records; a batch is one transaction, and its records before an error stay. ``progress`` is called after each.

    Raises:
        CollectionNotFound: when the collection is missing and not to be made.
        QueryError: when its name cannot be.
    """
    if not engine.has_collection(wanted.collection):
        if wanted.create and not wanted.dry_run:
            engine.run_sync(c.CreateCollection(wanted.collection))
        elif not wanted.create:
            engine.run_sync(c.Count(wanted.collection))
    return _Importer(engine, wanted).run(records, progress)


@dataclass(slots=True)
class _Batch:
    """``problem`` is the unusable record that ended the batch, where errors stop an import."""

    lines: list[int] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    size: int = 0
    problem: tuple[int, str] | None = None

    @property
    def full(self) -> bool:
        return len(self.documents) >= BATCH or self.size >= BATCH_BYTES


class _Importer:
    def __init__(self, engine: Engine, wanted: Import) -> None:
        self._engine = engine
        self._wanted = wanted
        self._report = Report(dry_run=wanted.dry_run)
        self._seen: set[Any] = set()

    def run(self, records: Iterator[Record], progress: Progress | None) -> Report:
        report = self._report
        ended = False
        while not ended and not report.stopped:
            batch, ended = self._take(records)
            if batch.documents:
                self._write(batch)
            if batch.problem is not None and not report.stopped:
                report.fail(*batch.problem)
                report.stopped = True
            if progress is not None:
                progress(report)
        return report

    def _take(self, records: Iterator[Record]) -> tuple[_Batch, bool]:
        """The next batch, and whether it is the last."""
        batch = _Batch()
        for line, content, size in records:
            if isinstance(content, str):
                if self._wanted.stop_on_error:
                    batch.problem = line, content
                    return batch, True
                self._report.fail(line, content)
                continue
            if "_id" not in content:
                content = {"_id": self._wanted.new_id(), **content}
            batch.lines.append(line)
            batch.documents.append(content)
            batch.size += size
            if batch.full:
                return batch, False
        return batch, True

    def _write(self, batch: _Batch) -> None:
        """Write a batch and count the outcome of each record."""
        outcomes = self._upserted(batch) if self._wanted.mode == "upsert" else self._inserted(batch)
        for line, document, outcome in zip(batch.lines, batch.documents, outcomes, strict=False):
            failed = isinstance(outcome, YunboxError)
            known = self._wanted.dry_run and not failed and self._is_repeated(document["_id"])
            self._count(line, outcome, document, known)
            if self._report.stopped:
                return

    def _count(self, line: int, outcome: Any, document: Document, known: bool) -> None:
        report, mode = self._report, self._wanted.mode
        duplicate = _is_known_id(outcome)
        if mode == "skip" and (duplicate or known):
            report.skipped += 1
        elif isinstance(outcome, YunboxError) or (known and mode == "insert"):
            message = f"duplicate _id {document['_id']!r} / _id 重复"
            report.fail(line, message if duplicate or known else getattr(outcome, "message", message))
            report.stopped = self._wanted.stop_on_error
        elif known or (isinstance(outcome, c.UpdateResult) and not outcome.upserted):
            report.updated += 1
        else:
            report.inserted += 1

    def _is_repeated(self, id: Any) -> bool:
        """Whether an earlier batch had this ``_id``: a rehearsal has left no trace of it."""
        before = len(self._seen)
        self._seen.add(sort_key(id))
        return len(self._seen) == before

    def _inserted(self, batch: _Batch) -> list[Any]:
        """For each document its error, or ``None``; what follows an error that stops the import is not written."""
        outcomes: list[Any] = [None] * len(batch.documents)
        start = 0
        while start < len(batch.documents):
            failures = self._insert(batch.documents[start:])
            for failure in failures:
                outcomes[start + failure.data["index"]] = failure
            if not (
                self._wanted.stop_on_error and failures and self._wanted.mode == "skip" and _is_known_id(failures[0])
            ):
                break
            start += failures[0].data["index"] + 1
        return outcomes

    def _insert(self, documents: list[Document]) -> list[YunboxError]:
        """What failed of an insert, by its ``index``."""
        name, ordered = self._wanted.collection, self._wanted.stop_on_error
        try:
            self._do(c.Insert(name, documents, ordered=ordered, create=self._wanted.create))
        except YunboxError as error:
            if "failures" not in error.data:
                raise
            return list(error.data["failures"])
        return []

    def _upserted(self, batch: _Batch) -> list[Any]:
        """For each document what became of it."""
        name, create = self._wanted.collection, self._wanted.create
        writes = [
            c.Update(name, {"_id": document["_id"]}, document, upsert=True, create=create)
            for document in batch.documents
        ]
        outcomes: list[Any] = self._do(c.Bulk(writes, ordered=self._wanted.stop_on_error))
        return outcomes

    def _do(self, command: c.Command) -> Any:
        return self._engine.rehearse(command) if self._wanted.dry_run else self._engine.run_sync(command)


def _is_known_id(outcome: Any) -> bool:
    """Whether a write failed because its ``_id`` is taken."""
    return isinstance(outcome, DuplicateKey) and outcome.data.get("keyPattern") == {"_id": 1}
