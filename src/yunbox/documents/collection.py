"""One collection as the Python API gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yunbox.errors import CollectionNotFound, YunboxError

from . import arguments as arg
from . import bulk
from . import commands as c
from .arguments import Collation, Document, Filter, Hint, Keys, Projection, Sort
from .cursors import Cursor, Found
from .encodable import encodable
from .failures import OperationFailure, bulk_failure
from .results import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult

if TYPE_CHECKING:
    from .database import Database


class Collection:
    """One collection. Every option may be ``None``, which means its default.

    pymongo's options that change nothing here (``comment``, ``batch_size`` …) are taken, ``maxTimeMS`` is ``max_time_ms``.
    """

    def __init__(self, database: Database, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a collection must be a str, not {type(name).__name__}")
        self.database = database
        self.name = name

    @property
    def full_name(self) -> str:
        """``database.collection``."""
        return f"{self.database.name}.{self.name}"

    def with_options(self, **options: Any) -> Collection:
        """The same collection: codecs and concerns have no meaning here."""
        return self

    def __getitem__(self, name: str) -> Collection:
        return Collection(self.database, f"{self.name}.{name}")

    __iter__ = None
    """Or there would be no end of collections ``shop.0``, ``shop.1`` …"""

    def __getattr__(self, name: str) -> Collection:
        """``database.shop.orders`` is ``database["shop.orders"]``."""
        if name.startswith("_"):
            raise AttributeError(f"{name} is no attribute; for a collection of this name write collection[{name!r}]")
        return self[name]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Raises `TypeError`: a method of this name is unknown."""
        raise TypeError(f"there is no method {self.name.rpartition('.')[2]!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Collection) and (self.database, self.name) == (other.database, other.name)

    def __hash__(self) -> int:
        return hash((self.database, self.name))

    def __repr__(self) -> str:
        return f"Collection({self.database!r}, {self.name!r})"

    # Reading

    def find(
        self,
        filter: Filter | None = None,
        projection: Projection | None = None,
        skip: int | None = None,
        limit: int | None = None,
        *,
        sort: Sort | None = None,
        hint: Hint | None = None,
        collation: Collation | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> Cursor:
        """The documents that match."""
        options: dict[str, Any] = {"sort": sort, "hint": hint, "collation": collation, "let": let}
        limit_ms = arg.time_limit(max_time_ms, others)
        return Cursor(self._run, self._find(filter, projection, skip, limit, max_time_ms=limit_ms, **options))

    def _find(
        self,
        filter: Filter | None,
        projection: Projection | None = None,
        skip: int | None = None,
        limit: int | None = None,
        *,
        sort: Sort | None = None,
        hint: Hint | None = None,
        collation: Collation | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> c.Find:
        return c.Find(
            self.name,
            arg.document(filter),
            projection=arg.projection(projection),
            sort=arg.sort(sort),
            skip=arg.whole("skip", skip),
            limit=abs(arg.whole("limit", limit)),
            hint=arg.hint(hint),
            collation=arg.collation(collation),
            let=arg.optional(let),
            max_time_ms=arg.time_limit(max_time_ms, others),
            missing_ok=True,
        )

    def find_one(
        self, filter: Any = None, projection: Projection | None = None, skip: int | None = None, **options: Any
    ) -> Document | None:
        """The first document that matches; ``filter`` may also be an ``_id``. Options as `find`."""
        if filter is not None and not isinstance(filter, Mapping):
            filter = {"_id": filter}
        found: list[Document] = self._run(self._find(filter, projection, skip, **{**options, "limit": 1}))
        return found[0] if found else None

    def count_documents(
        self,
        filter: Filter | None = None,
        *,
        skip: int | None = None,
        limit: int | None = None,
        hint: Hint | None = None,
        collation: Collation | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> int:
        """How many documents match."""
        result: int = self._run(
            c.Count(
                self.name,
                arg.document(filter),
                skip=arg.whole("skip", skip),
                limit=arg.whole("limit", limit),
                hint=arg.hint(hint),
                collation=arg.collation(collation),
                max_time_ms=arg.time_limit(max_time_ms, others),
                missing_ok=True,
            )
        )
        return result

    def estimated_document_count(self, *, max_time_ms: int | None = None, **others: Any) -> int:
        """How many documents there are."""
        return self.count_documents(max_time_ms=arg.time_limit(max_time_ms, others))

    def distinct(
        self,
        key: str,
        filter: Filter | None = None,
        *,
        collation: Collation | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> list[Any]:
        """The different values of a path in the documents that match."""
        result: list[Any] = self._run(
            c.Distinct(
                self.name,
                arg.text("key", key),
                arg.document(filter),
                collation=arg.collation(collation),
                max_time_ms=arg.time_limit(max_time_ms, others),
                missing_ok=True,
            )
        )
        return result

    def aggregate(
        self,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        let: Mapping[str, Any] | None = None,
        collation: Collation | None = None,
        hint: Hint | None = None,
        allow_disk_use: bool | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> Found:
        """The results of a pipeline."""
        spill = others.pop("allowDiskUse", None) if allow_disk_use is None else allow_disk_use
        return Found(
            self._run(
                c.Aggregate(
                    self.name,
                    encodable(arg.many("pipeline", pipeline)),
                    let=arg.optional(let),
                    collation=arg.collation(collation),
                    hint=arg.hint(hint),
                    allow_disk_use=bool(spill),
                    max_time_ms=arg.time_limit(max_time_ms, others),
                    missing_ok=True,
                )
            )
        )

    def explain(
        self,
        filter: Filter | None = None,
        *,
        sort: Sort | None = None,
        skip: int | None = None,
        limit: int | None = None,
        hint: Hint | None = None,
    ) -> Document:
        """How a find would run."""
        result: Document = self._run(c.Explain(self._find(filter, None, skip, limit, sort=sort, hint=hint)))
        return result

    # Writing

    def insert_one(self, document: Document, **others: Any) -> InsertOneResult:
        """Add a document, which gets an ``_id`` when it has none. Raises `DuplicateKey`."""
        arg.time_limit(None, others)
        command = bulk.insert(self.name, [document])
        self._run(command)
        return InsertOneResult(command.documents[0]["_id"])

    def insert_many(
        self, documents: Iterable[Document], ordered: bool | None = True, **others: Any
    ) -> InsertManyResult:
        """Add documents. Those before one that fails stay (all others, with ``ordered`` false).

        Raises:
            BulkWriteError: its ``data["result"]`` tells what was done; a `DuplicateKey`, too, when that was the reason.
        """
        arg.time_limit(None, others)
        command = bulk.insert(self.name, arg.many("documents", documents), ordered=ordered is not False)
        try:
            result: c.InsertResult = self._run(command)
        except YunboxError as error:
            if "failures" not in error.data:
                raise
            places = [(failure.data["index"], failure) for failure in error.data["failures"]]
            done = BulkWriteResult(inserted_count=len(error.data["inserted"]))
            raise bulk_failure(places, done) from error
        return InsertManyResult(result.ids)

    def update_one(self, filter: Filter, update: Any, upsert: bool | None = None, **options: Any) -> UpdateResult:
        """Change the first document that matches. Options: upsert, array_filters, collation, hint, let, max_time_ms."""
        return self._changed(bulk.update(self.name, filter, arg.operators(update), upsert=upsert, **options))

    def update_many(self, filter: Filter, update: Any, upsert: bool | None = None, **options: Any) -> UpdateResult:
        """Change all documents that match. Options as `update_one`."""
        change = arg.operators(update)
        return self._changed(bulk.update(self.name, filter, change, upsert=upsert, multi=True, **options))

    def replace_one(
        self, filter: Filter, replacement: Document, upsert: bool | None = None, **options: Any
    ) -> UpdateResult:
        """Put another document in the place of the first that matches. Options: upsert, collation, hint, let, max_time_ms."""
        return self._changed(bulk.update(self.name, filter, arg.replacement(replacement), upsert=upsert, **options))

    def _changed(self, command: c.Update) -> UpdateResult:
        result: c.UpdateResult = self._run(command)
        return UpdateResult(result.matched, result.modified, result.upserted_id, result.upserted)

    def delete_one(self, filter: Filter, **options: Any) -> DeleteResult:
        """Remove the first document that matches. Options: collation, hint, let, max_time_ms."""
        return DeleteResult(self._run(bulk.delete(self.name, filter, **options)))

    def delete_many(self, filter: Filter, **options: Any) -> DeleteResult:
        """Remove all documents that match. Options as `delete_one`."""
        return DeleteResult(self._run(bulk.delete(self.name, filter, multi=True, **options)))

    def find_one_and_update(
        self,
        filter: Filter,
        update: Any,
        projection: Projection | None = None,
        sort: Sort | None = None,
        upsert: bool | None = None,
        return_document: bool | None = None,
        **options: Any,
    ) -> Document | None:
        """Change the first document that matches and return it, as it was or with ``return_document=True`` as it is.

        Options: sort, upsert, return_document, array_filters, collation, hint, let, max_time_ms.
        """
        change = arg.operators(update)
        return self._find_and_modify(
            filter, projection, sort, update=change, upsert=upsert, return_document=return_document, **options
        )

    def find_one_and_replace(
        self,
        filter: Filter,
        replacement: Document,
        projection: Projection | None = None,
        sort: Sort | None = None,
        upsert: bool | None = None,
        return_document: bool | None = None,
        **options: Any,
    ) -> Document | None:
        """Replace the first document that matches and return it. Options as `find_one_and_update`."""
        new = arg.replacement(replacement)
        return self._find_and_modify(
            filter, projection, sort, update=new, upsert=upsert, return_document=return_document, **options
        )

    def find_one_and_delete(
        self, filter: Filter, projection: Projection | None = None, sort: Sort | None = None, **options: Any
    ) -> Document | None:
        """Remove the first document that matches and return it. Options: sort, collation, hint, let, max_time_ms."""
        return self._find_and_modify(filter, projection, sort, remove=True, **options)

    def _find_and_modify(
        self,
        filter: Filter,
        projection: Projection | None,
        sort: Sort | None,
        *,
        update: Any = None,
        remove: bool = False,
        upsert: bool | None = None,
        return_document: bool | None = None,
        array_filters: Sequence[Mapping[str, Any]] | None = None,
        collation: Collation | None = None,
        hint: Hint | None = None,
        let: Mapping[str, Any] | None = None,
        max_time_ms: int | None = None,
        **others: Any,
    ) -> Document | None:
        result: c.FindAndModifyResult = self._run(
            c.FindAndModify(
                self.name,
                arg.document(filter),
                update=update,
                remove=remove,
                sort=arg.sort(sort),
                projection=arg.projection(projection),
                upsert=bool(upsert),
                return_new=bool(return_document),
                array_filters=arg.filters(array_filters),
                collation=arg.collation(collation),
                hint=arg.hint(hint),
                let=arg.optional(let),
                max_time_ms=arg.time_limit(max_time_ms, others),
                create=True,
                missing_ok=True,
            )
        )
        return result.document

    def bulk_write(
        self,
        requests: Sequence[Any],
        ordered: bool | None = True,
        *,
        let: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> BulkWriteResult:
        """Carry out operations one by one: pymongo's, or those of ``yunbox.documents.operations``.

        Raises:
            BulkWriteError: for the first operation that fails (with ``ordered`` false the others are carried out all the
                same); ``data["result"]`` tells what was done and ``data["index"]`` its place.
        """
        arg.time_limit(None, others)
        return bulk.write(self._run, self.name, requests, ordered=ordered is not False, let=let)

    # Indexes and the collection itself

    def create_index(self, keys: Keys, name: str | None = None, **options: Any) -> str:
        """Make an index; the result is its name. Options as MongoDB's: unique, sparse, partialFilterExpression,
        expireAfterSeconds, collation, weights, default_language, wildcardProjection.
        """
        given = {key: value for key, value in options.items() if key not in _SAYING_NOTHING}
        unknown = given.keys() - c.INDEX_OPTIONS.keys() - _IGNORED_INDEX_OPTIONS
        if unknown:
            raise OperationFailure(
                f"unknown index options: {', '.join(sorted(unknown))}",
                number=197,
                name="InvalidIndexSpecificationOption",
            )
        given["collation"] = arg.collation(given.get("collation"))
        given["name"] = None if name is None else arg.text("name", name)
        result: str = self._run(c.create_index(self.name, dict(arg.pairs(keys)), encodable(given)))
        return result

    def create_indexes(self, indexes: Iterable[arg.Described], **others: Any) -> list[str]:
        """Make the indexes that pymongo's ``IndexModel`` describes; the result are their names."""
        arg.time_limit(None, others)
        made = []
        for index in indexes:
            options = {name: value for name, value in index.document.items() if name != "key"}
            made.append(self.create_index(index.document["key"], **options))
        return made

    def drop_index(self, name: Keys, **others: Any) -> None:
        """Remove an index by its name or keys. Raises `QueryError` IndexNotFound."""
        arg.time_limit(None, others)
        if not isinstance(name, str):
            name = "_".join(f"{path}_{direction}" for path, direction in arg.pairs(name))
        self._run(c.DropIndex(self.name, name))

    def drop_indexes(self, **others: Any) -> None:
        """Remove all indexes but that of ``_id``."""
        for index in self.list_indexes():
            if index["name"] != "_id_":
                self.drop_index(index["name"], **others)

    def list_indexes(self) -> Found:
        """The definitions of the indexes, ``_id_`` first; none when the collection does not exist."""
        try:
            return Found(self._run(c.ListIndexes(self.name)))
        except CollectionNotFound:
            return Found()

    def index_information(self) -> dict[str, Document]:
        """The definitions of the indexes by name, each with its ``key`` as a list of pairs."""
        return {index.pop("name"): {**index, "key": list(index["key"].items())} for index in self.list_indexes()}

    def drop(self, **others: Any) -> None:
        """Remove the collection with its documents; a missing one is no error."""
        self.database.drop_collection(self.name, **others)

    def rename(self, new_name: str, **options: Any) -> None:
        """Raises `CollectionNotFound` or `AlreadyExists`. Option: ``dropTarget``, which removes the other one first."""
        if options.pop("dropTarget", None) and self.name != new_name:
            self.database.drop_collection(new_name)
        arg.time_limit(None, options)
        self._run(c.RenameCollection(self.name, arg.text("new_name", new_name)))

    def _run(self, command: c.Command) -> Any:
        return self.database.run(command)


_IGNORED_INDEX_OPTIONS = frozenset(
    [
        "background",
        "2dsphereIndexVersion",
        "textIndexVersion",
        "language_override",
        "hidden",
        "dropDups",
        "bits",
        "min",
        "max",
        "storageEngine",
    ]
)
_SAYING_NOTHING = frozenset({"session", "comment", "maxTimeMS", "v"})
