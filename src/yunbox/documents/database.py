"""The embedded engine as a Python library: synchronous, and shaped as pymongo is.

    from yunbox.documents import open_database

    with open_database("shop.sqlite") as db:
        db["orders"].insert_one({"total": 12})
        print(db["orders"].find({"total": {"$gt": 10}}))

Collections appear on their first write; a missing one reads as empty. Dates come back timezone-aware in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from bson import ObjectId

from yunbox.errors import CollectionNotFound, DuplicateKey, YunboxError

from . import commands as c
from . import operations as op
from .encodable import encodable
from .failures import OperationFailure, numbered
from .query.pipeline import NO_COLLECTION
from .results import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult
from .stores import Change, Engine

Document = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Mapping[str, Any] | Sequence[tuple[str, Any]] | str
Hint = str | Mapping[str, Any] | Sequence[tuple[str, Any]]


def open_database(path: str | Path | None = None, *, durability: str = "full") -> Database:
    """Open a database file, which is made when it does not exist; ``None`` gives one that lasts until it is closed.

    ``durability``: ``full`` survives a power cut, ``normal`` may lose the last writes in one, ``off`` more.

    Raises:
        InvalidRequest: when the file is something else.
    """
    return Database(Engine.open(None if path is None else Path(path), durability=durability))


class Database:
    """The collections of one file. Close it, or use it in a ``with`` statement. Safe to share between threads."""

    def __init__(self, engine: Engine, transaction: str | None = None) -> None:
        self.engine = engine
        self._transaction = transaction

    def __getitem__(self, name: str) -> Collection:
        return Collection(self, name)

    def get_collection(self, name: str) -> Collection:
        """The collection ``name``, whether it exists or not."""
        return self[name]

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish and close the file."""
        if self._transaction is None:
            self.engine.close()

    def run(self, command: c.Command) -> Any:
        """The result of a command. Raises `OperationFailure`, which carries MongoDB's ``code`` and ``code_name``."""
        with numbered():
            return self.engine.run_sync(command, transaction=self._transaction)

    def create_collection(self, name: str) -> Collection:
        """Raises `AlreadyExists`."""
        self.run(c.CreateCollection(name))
        return self[name]

    def drop_collection(self, name: str) -> None:
        """Remove a collection; a missing one is no error."""
        try:
            self.run(c.DropCollection(name))
        except CollectionNotFound:
            return

    def list_collection_names(self) -> list[str]:
        """The names of all collections, in order."""
        return [info.name for info in self.run(c.ListCollections())]

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]], **options: Any) -> list[Document]:
        """Run a pipeline that makes its own documents (``$documents``)."""
        return self[NO_COLLECTION].aggregate(pipeline, **options)

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """A database whose reads and writes belong to one transaction of at most 10 s; it is committed at the end of the block,
        or forgotten when the block raises.

        Raises:
            WriteConflict: at the end, when somebody else wrote what was read or written: run the block again.
        """
        name = self.engine.begin_sync()
        try:
            yield Database(self.engine, name)
        except BaseException:
            self.engine.abort_sync(name)
            raise
        with numbered():
            self.engine.commit_sync(name)

    def watch(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``callback`` with every committed change, in order, in the writing thread; the result ends that."""
        return self.engine.subscribe(callback)


class Collection:
    """One collection. Every option may be ``None``, which means its default."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.name = name

    # Reading

    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        *,
        sort: Sort | None = None,
        skip: int | None = None,
        limit: int | None = None,
        hint: Hint | None = None,
        collation: Mapping[str, Any] | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> list[Document]:
        """The documents that match."""
        result: list[Document] = self._run(
            c.Find(
                self.name,
                _document(filter),
                projection=_projection(projection),
                sort=_sort(sort),
                skip=skip or 0,
                limit=limit or 0,
                hint=_hint(hint),
                collation=_collation(collation),
                let=_optional(let),
                max_time_ms=max_time_ms,
                missing_ok=True,
            )
        )
        return result

    def find_one(self, filter: Any = None, projection: Any = None, **options: Any) -> Document | None:
        """The first document that matches; ``filter`` may also be an ``_id``."""
        if filter is not None and not isinstance(filter, Mapping):
            filter = {"_id": filter}
        return next(iter(self.find(filter, projection, **{**options, "limit": 1})), None)

    def count_documents(
        self,
        filter: Filter | None = None,
        *,
        skip: int | None = None,
        limit: int | None = None,
        hint: Hint | None = None,
        collation: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> int:
        """How many documents match."""
        result: int = self._run(
            c.Count(
                self.name,
                _document(filter),
                skip=skip or 0,
                limit=limit or 0,
                hint=_hint(hint),
                collation=_collation(collation),
                max_time_ms=max_time_ms,
                missing_ok=True,
            )
        )
        return result

    def estimated_document_count(self, *, max_time_ms: int | None = None) -> int:
        """How many documents there are."""
        return self.count_documents(max_time_ms=max_time_ms)

    def distinct(
        self,
        key: str,
        filter: Filter | None = None,
        *,
        collation: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> list[Any]:
        """The different values of a path in the documents that match."""
        result: list[Any] = self._run(
            c.Distinct(
                self.name,
                key,
                _document(filter),
                collation=_collation(collation),
                max_time_ms=max_time_ms,
                missing_ok=True,
            )
        )
        return result

    def aggregate(
        self,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        let: Mapping[str, Any] | None = None,
        collation: Mapping[str, Any] | None = None,
        hint: Hint | None = None,
        allow_disk_use: bool | None = None,
        max_time_ms: int | None = None,
    ) -> list[Document]:
        """The results of a pipeline."""
        result: list[Document] = self._run(
            c.Aggregate(
                self.name,
                encodable(pipeline),
                let=_optional(let),
                collation=_collation(collation),
                hint=_hint(hint),
                allow_disk_use=bool(allow_disk_use),
                max_time_ms=max_time_ms,
                missing_ok=True,
            )
        )
        return result

    def explain(
        self, filter: Filter | None = None, *, sort: Sort | None = None, skip: int = 0, limit: int = 0, hint: Any = None
    ) -> Document:
        """How a find would run."""
        find = c.Find(self.name, _document(filter), sort=_sort(sort), skip=skip, limit=limit, hint=_hint(hint))
        result: Document = self._run(c.Explain(find))
        return result

    # Writing

    def insert_one(self, document: Document) -> InsertOneResult:
        """Add a document, which gets an ``_id`` when it has none. Raises `DuplicateKey`."""
        document.setdefault("_id", ObjectId())
        self._run(c.Insert(self.name, [encodable(document)], create=True))
        return InsertOneResult(document["_id"])

    def insert_many(self, documents: Sequence[Document], *, ordered: bool | None = True) -> InsertManyResult:
        """Add documents. Raises `DuplicateKey`; those before it stay (all others, with ``ordered`` false).

        The error's ``data["result"]`` tells what was done.
        """
        for document in documents:
            document.setdefault("_id", ObjectId())
        try:
            result = self._run(c.Insert(self.name, encodable(documents), ordered=ordered is not False, create=True))
        except DuplicateKey as error:
            error.data["result"] = BulkWriteResult(inserted_count=len(error.data.get("inserted", ())))
            raise
        return InsertManyResult(result.ids)

    def update_one(self, filter: Filter, update: Any, **options: Any) -> UpdateResult:
        """Change the first document that matches. Options: upsert, array_filters, collation, hint, let, max_time_ms."""
        _require_operators(update)
        return self._update(filter, update, multi=False, **options)

    def update_many(self, filter: Filter, update: Any, **options: Any) -> UpdateResult:
        """Change all documents that match. Options as `update_one`."""
        _require_operators(update)
        return self._update(filter, update, multi=True, **options)

    def replace_one(self, filter: Filter, replacement: Document, **options: Any) -> UpdateResult:
        """Put another document in the place of the first that matches. Options: upsert, collation, hint, let, max_time_ms."""
        _require_replacement(replacement)
        return self._update(filter, replacement, multi=False, **options)

    def _update(
        self,
        filter: Filter,
        update: Any,
        *,
        multi: bool,
        upsert: bool | None = None,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        collation: Mapping[str, Any] | None = None,
        hint: Hint | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> UpdateResult:
        result: c.UpdateResult = self._run(
            c.Update(
                self.name,
                _document(filter),
                encodable(update),
                multi=multi,
                upsert=bool(upsert),
                array_filters=encodable(array_filters),
                collation=_collation(collation),
                hint=_hint(hint),
                let=_optional(let),
                max_time_ms=max_time_ms,
                create=True,
                missing_ok=True,
            )
        )
        return UpdateResult(result.matched, result.modified, result.upserted_id, result.upserted)

    def delete_one(self, filter: Filter, **options: Any) -> DeleteResult:
        """Remove the first document that matches. Options: collation, hint, let, max_time_ms."""
        return self._delete(filter, multi=False, **options)

    def delete_many(self, filter: Filter, **options: Any) -> DeleteResult:
        """Remove all documents that match. Options as `delete_one`."""
        return self._delete(filter, multi=True, **options)

    def _delete(
        self,
        filter: Filter,
        *,
        multi: bool,
        collation: Mapping[str, Any] | None = None,
        hint: Hint | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> DeleteResult:
        command = c.Delete(
            self.name,
            _document(filter),
            multi=multi,
            collation=_collation(collation),
            hint=_hint(hint),
            let=_optional(let),
            max_time_ms=max_time_ms,
            missing_ok=True,
        )
        return DeleteResult(self._run(command))

    def find_one_and_update(
        self, filter: Filter, update: Any, projection: Any = None, **options: Any
    ) -> Document | None:
        """Change the first document that matches and return it, as it was or with ``return_document=True`` as it is.

        Options: sort, upsert, return_document, array_filters, collation, hint, let, max_time_ms.
        """
        _require_operators(update)
        return self._find_and_modify(filter, projection, update=update, **options)

    def find_one_and_replace(
        self, filter: Filter, replacement: Document, projection: Any = None, **options: Any
    ) -> Document | None:
        """Replace the first document that matches and return it. Options as `find_one_and_update`."""
        _require_replacement(replacement)
        return self._find_and_modify(filter, projection, update=replacement, **options)

    def find_one_and_delete(self, filter: Filter, projection: Any = None, **options: Any) -> Document | None:
        """Remove the first document that matches and return it. Options: sort, collation, hint, let, max_time_ms."""
        return self._find_and_modify(filter, projection, remove=True, **options)

    def _find_and_modify(
        self,
        filter: Filter,
        projection: Any,
        *,
        update: Any = None,
        remove: bool = False,
        sort: Sort | None = None,
        upsert: bool | None = None,
        return_document: bool | None = None,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        collation: Mapping[str, Any] | None = None,
        hint: Hint | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
    ) -> Document | None:
        result: c.FindAndModifyResult = self._run(
            c.FindAndModify(
                self.name,
                _document(filter),
                update=encodable(update),
                remove=remove,
                sort=_sort(sort),
                projection=_projection(projection),
                upsert=bool(upsert),
                return_new=bool(return_document),
                array_filters=encodable(array_filters),
                collation=_collation(collation),
                hint=_hint(hint),
                let=_optional(let),
                max_time_ms=max_time_ms,
                create=True,
                missing_ok=True,
            )
        )
        return result.document

    def bulk_write(
        self,
        operations: Sequence[op.Operation],
        *,
        ordered: bool | None = True,
        let: Mapping[str, Any] | None = None,
    ) -> BulkWriteResult:
        """Carry out operations one by one.

        Raises the first operation's error, with ``data["result"]`` telling what was done and ``data["index"]`` its place;
        with ``ordered`` false the others are carried out all the same.
        """
        result = BulkWriteResult()
        failure: YunboxError | None = None
        for place, operation in enumerate(operations):
            try:
                self._bulk_one(operation, place, result, let)
            except YunboxError as error:
                failure = failure or error
                failure.data.setdefault("errors", []).append((place, error))
                if ordered is not False:
                    break
        if failure is not None:
            failure.data.update(result=result, index=failure.data["errors"][0][0])
            raise failure
        return result

    def _bulk_one(
        self, operation: op.Operation, place: int, result: BulkWriteResult, let: Mapping[str, Any] | None
    ) -> None:
        match operation:
            case op.InsertOne():
                result.inserted_ids[place] = self.insert_one(operation.document).inserted_id
                result.inserted_count += 1
                return
            case op.DeleteOne() | op.DeleteMany():
                remove = self.delete_one if isinstance(operation, op.DeleteOne) else self.delete_many
                options: dict[str, Any] = {"collation": operation.collation, "hint": operation.hint, "let": let}
                result.deleted_count += remove(operation.filter, **options).deleted_count
                return
            case op.ReplaceOne():
                options = {"upsert": operation.upsert, "collation": operation.collation, "let": let}
                updated = self.replace_one(operation.filter, operation.replacement, hint=operation.hint, **options)
            case op.UpdateOne() | op.UpdateMany():
                change = self.update_one if isinstance(operation, op.UpdateOne) else self.update_many
                options = {"upsert": operation.upsert, "collation": operation.collation, "hint": operation.hint}
                options["let"] = let
                updated = change(operation.filter, operation.update, array_filters=operation.array_filters, **options)
        result.matched_count += updated.matched_count
        result.modified_count += updated.modified_count
        if updated.did_upsert:
            result.upserted_count += 1
            result.upserted_ids[place] = updated.upserted_id

    # Indexes and the collection itself

    def create_index(
        self, keys: str | Sequence[tuple[str, Any]] | Mapping[str, Any], name: str | None = None, **options: Any
    ) -> str:
        """Make an index; the result is its name. Options as MongoDB's: unique, sparse, partialFilterExpression,
        expireAfterSeconds, collation, weights, default_language, wildcardProjection.
        """
        pairs = [(keys, 1)] if isinstance(keys, str) else list(keys.items() if isinstance(keys, Mapping) else keys)
        unknown = options.keys() - c.INDEX_OPTIONS.keys() - _IGNORED_INDEX_OPTIONS
        if unknown:
            raise OperationFailure(
                f"unknown index options: {', '.join(sorted(unknown))}",
                number=197,
                name="InvalidIndexSpecificationOption",
            )
        result: str = self._run(c.create_index(self.name, dict(pairs), {**options, "name": name}))
        return result

    def drop_index(self, name: str | Sequence[tuple[str, Any]]) -> None:
        """Remove an index by its name or keys. Raises `QueryError` IndexNotFound."""
        if not isinstance(name, str):
            name = "_".join(f"{path}_{direction}" for path, direction in name)
        self._run(c.DropIndex(self.name, name))

    def list_indexes(self) -> list[Document]:
        """The definitions of the indexes, ``_id_`` first; none when the collection does not exist."""
        try:
            result: list[Document] = self._run(c.ListIndexes(self.name))
            return result
        except CollectionNotFound:
            return []

    def drop(self) -> None:
        """Remove the collection with its documents; a missing one is no error."""
        self.database.drop_collection(self.name)

    def rename(self, new_name: str) -> None:
        """Raises `CollectionNotFound` or `AlreadyExists`."""
        self._run(c.RenameCollection(self.name, new_name))

    def _run(self, command: c.Command) -> Any:
        return self.database.run(command)


_IGNORED_INDEX_OPTIONS = frozenset({"background", "2dsphereIndexVersion", "language_override", "hidden"})


def _document(filter: Filter | None) -> Document:
    if filter is None:
        return {}
    if not isinstance(filter, Mapping):
        raise OperationFailure("a filter must be an object", number=14, name="TypeMismatch")
    return encodable(filter)  # type: ignore[no-any-return]


def _optional(value: Mapping[str, Any] | None) -> Document | None:
    return None if value is None else encodable(value)


def _collation(collation: Mapping[str, Any] | None) -> Document | None:
    return _optional(collation)


def _projection(projection: Mapping[str, Any] | Sequence[str] | None) -> Document | None:
    if projection is None:
        return None
    if isinstance(projection, Mapping):
        return _document(projection)
    return dict.fromkeys(projection, 1)


def _sort(sort: Sort | None) -> Any:
    return [(sort, 1)] if isinstance(sort, str) else sort


def _hint(hint: Hint | None) -> Any:
    return hint if hint is None or isinstance(hint, str | Mapping) else dict(hint)


def _require_operators(update: Any) -> None:
    if isinstance(update, Mapping) and (not update or not next(iter(update)).startswith("$")):
        raise OperationFailure("update only works with $ operators", number=9, name="FailedToParse")


def _require_replacement(replacement: Mapping[str, Any]) -> None:
    if replacement and next(iter(replacement)).startswith("$"):
        raise OperationFailure("replacement can not include $ operators", number=9, name="FailedToParse")
