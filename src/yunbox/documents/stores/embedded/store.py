"""The writing connection at work on one batch: documents, their index keys, the log and the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import apsw
from bson import ObjectId

from yunbox.documents.query import ejson
from yunbox.documents.query.display import in_shell_form
from yunbox.documents.query.update import check_identity
from yunbox.errors import AlreadyExists, DuplicateKey, QueryError
from yunbox.tools.clock import Clock

from . import log, schema
from .catalog import Collection, Index
from .changes import Change, Hub, Operation
from .encoding import decode, encode, encode_many
from .extraction import Row
from .keys import Key, key_of
from .log import Several, Written
from .upkeep import Entry, add_keys, change_keys, changed_keys, keys_of, numbered_keys, remove_keys
from .view import PLAIN_IDS, Document, Found, View

MAX_KEPT = 256
"""So many documents inserted or updated at once are kept in the log as well, and no more: an import would be written twice."""
PORTION = 100
"""So many documents of a large insert are encoded at a time: what is done to them finds them in the processor's cache."""
STRETCH = 10_000
"""So many documents are entered into one index before the next: SQLite then finds the index in the processor's cache."""
MAX_KEPT_BYTES = 16 * 2**20
"""So much text of other changes is kept in the log for each batch."""


_NOTHING_TO_UNDO = nullcontext()


@dataclass(slots=True)
class Batch:
    """What the requests of one commit did so far."""

    catalog: dict[str, Collection]
    written: list[Written | Several] = field(default_factory=list)
    changes: int = 0
    """How many changes ``written`` stands for."""
    counts: dict[int, int] = field(default_factory=dict)
    touched: dict[int, Collection] = field(default_factory=dict)
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    kept: int = 0

    def copy(self) -> Batch:
        return Batch(
            dict(self.catalog),
            list(self.written),
            self.changes,
            dict(self.counts),
            dict(self.touched),
            list(self.after_commit),
            self.kept,
        )


class Store(View):
    """A `View` that also writes. Used by one thread at a time, inside the writer's transaction."""

    def __init__(self, space: str, connection: apsw.Connection, hub: Hub, clock: Clock) -> None:
        super().__init__(space, connection, {}, clock=clock)
        self.batch = Batch({})
        self.shared = False
        """Whether the unit of work is committed together with those of others."""
        self.waiting: Callable[[], bool] = lambda: False
        self._transaction: int | None = None
        self._hub = hub
        self._sequence = log.last_sequence(connection)

    def others_wait(self) -> bool:
        """Whether somebody else wants to write: then a long unit of work should end soon."""
        return self.shared or self.waiting()

    def start(self, batch: Batch) -> None:
        """Begin to work on a batch."""
        self.batch = batch
        self.catalog = batch.catalog
        self._transaction = None
        self.forget_plans()

    # Collections

    def create_collection(self, name: str) -> Collection:
        """Raises `AlreadyExists` or, for a name that cannot be, `QueryError`."""
        if name in self.batch.catalog:
            raise AlreadyExists(f"collection `{name}` already exists", collection=name)
        check_collection_name(name)
        collection = schema.insert_collection(self.connection, name)
        self.batch.catalog[name] = collection
        return collection

    def drop_collection(self, name: str) -> None:
        """Raises `CollectionNotFound`."""
        collection = self.collection(name)
        del self.batch.catalog[name]
        schema.delete_collection(self.connection, collection)
        self.batch.touched.pop(collection.id, None)
        self._log(collection, "drop", (0, 0), None, None, None)

    def rename_collection(self, name: str, new_name: str) -> None:
        """Raises `CollectionNotFound` or `AlreadyExists`."""
        collection = self.collection(name)
        if new_name in self.batch.catalog:
            raise AlreadyExists(f"collection `{new_name}` already exists", collection=new_name)
        check_collection_name(new_name)
        self.connection.execute("UPDATE coll SET name=? WHERE id=?", (new_name, collection.id))
        renamed = schema.renamed(collection, new_name)
        del self.batch.catalog[name]
        self.batch.catalog[new_name] = renamed
        if collection.id in self.batch.touched:
            self.batch.touched[collection.id] = renamed

    def for_writing(self, name: str, create: bool) -> Collection:
        """A collection to write to, made when it is missing and ``create`` is set. Raises `CollectionNotFound`."""
        found = self.batch.catalog.get(name)
        if found is None and create:
            return self.create_collection(name)
        return found or self.collection(name)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something once the batch is durable."""
        self.batch.after_commit.append(action)

    # Documents

    def insert(self, collection: Collection, document: Document) -> Any:
        """Store a new document, giving it an ``_id`` when it has none, and return that.

        Raises:
            DuplicateKey, QueryError.
        """
        document = with_id(document)
        key = key_of(document["_id"])
        text = encode(document).decode()
        wrapped = collection.shape.observe(document)
        entries = keys_of(collection, document)
        with self._whole(entries):
            try:
                self.connection.execute(collection.insert_sql, (*key, text, wrapped))
            except apsw.ConstraintError:
                raise duplicate_id(collection.name, document["_id"]) from None
            add_keys(self.connection, collection, self.connection.last_insert_rowid(), document, entries)
        self._counted(collection, 1)
        self._log(collection, "insert", key, None, document, text)
        return document["_id"]

    def insert_many(self, collection: Collection, documents: Sequence[Document]) -> list[Any] | None:
        """Store many new documents at once; ``None``, and nothing stored, when one of them has to be refused."""
        first: int = self.connection.execute(f"SELECT coalesce(max(rid), 0) + 1 FROM {collection.table}").get
        texts: list[str] | None = [] if len(documents) <= MAX_KEPT else None
        try:
            stored = list(map(with_id, documents))
            keys = [key_of(document["_id"]) for document in stored]
            with self.connection:
                for start in range(0, len(stored), STRETCH):
                    end = start + STRETCH
                    self._insert_stretch(collection, stored[start:end], keys[start:end], first + start, texts)
        except (apsw.ConstraintError, QueryError):
            return None
        self._counted(collection, len(stored))
        self._log_inserts(collection, keys, stored, texts)
        return [document["_id"] for document in stored]

    def _insert_stretch(
        self, collection: Collection, documents: list[Document], keys: list[Key], first: int, kept: list[str] | None
    ) -> None:
        """Store documents, their row ids counting from ``first``, and append the texts of them to ``kept``."""
        gathered: list[tuple[Index, list[Row]]] = [(index, []) for index in collection.indexes]
        for start in range(0, len(documents), PORTION):
            portion = documents[start : start + PORTION]
            texts, shapes = encode_many(portion), collection.shape.observe_many(portion)
            if kept is not None:
                kept += texts
            rows = zip(count(first + start), keys[start : start + PORTION], texts, shapes, strict=False)
            self.connection.executemany(collection.bulk_sql, ((rid, *key, text, sp) for rid, key, text, sp in rows))
            for index, into in gathered:
                into += numbered_keys(collection, index, portion, first + start)
        for index, rows_of_index in gathered:
            self.connection.executemany(index.insert_sql, rows_of_index)

    def replace(self, collection: Collection, found: Found, document: Document, whole: bool = False) -> None:
        """Store another document in the place of one; ``whole`` when that is how it was asked for.

        Raises:
            DuplicateKey, QueryError: ImmutableField (66) when the ``_id`` differs.
        """
        key = key_of(found.document["_id"])
        check_same_id(found.document, document)
        text = encode(document).decode()
        wrapped = collection.shape.observe(document)
        assert found.rid is not None
        before, after = changed_keys(collection, found.document, document)
        with self._whole(after):
            self.connection.execute(collection.replace_sql, (text, wrapped, found.rid))
            change_keys(self.connection, collection, found.rid, document, before, after)
        self._counted(collection, 0)
        self._log(collection, "replace" if whole else "update", key, found.document, document, text)

    @property
    def may_prune(self) -> bool:
        """Whether many documents may be changed without being read as a whole: nobody wants to be told of them."""
        return not self._hub.active

    def change_fields(
        self, collection: Collection, changes: Sequence[tuple[str, Sequence[tuple[Any, ...]]]], keys: list[Key]
    ) -> None:
        """Run statements, each with many parameters, that change documents of these keys and no index."""
        if not keys:
            return
        for sql, values in changes:
            self.connection.executemany(sql, values)
        self._counted(collection, 0)
        self._wrote(Several(collection, keys, "update", None, self._transaction), len(keys))

    def remove(self, collection: Collection, found: Found) -> None:
        """Delete a stored document."""
        assert found.rid is not None
        self.connection.execute(f"DELETE FROM {collection.table} WHERE rid=?", (found.rid,))
        remove_keys(self.connection, collection, found.rid, found.document)
        self._counted(collection, -1)
        text = encode(found.document).decode()
        self._log(collection, "delete", key_of(found.document["_id"]), found.document, None, text)

    def _whole(self, entries: list[Entry]) -> AbstractContextManager[None]:
        """Undo a document's writes when one of its keys is refused."""
        for index, _ in entries:
            if index.unique:
                return self._undone()
        return _NOTHING_TO_UNDO

    @contextmanager
    def _undone(self) -> Iterator[None]:
        self.connection.execute("SAVEPOINT document")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO document; RELEASE document")
            raise
        self.connection.execute("RELEASE document")

    def _counted(self, collection: Collection, more: int) -> None:
        counts = self.batch.counts
        counts[collection.id] = counts.get(collection.id, collection.count) + more
        self.batch.touched[collection.id] = collection

    def _log(
        self,
        collection: Collection,
        operation: Operation,
        key: Key,
        before: Document | None,
        after: Document | None,
        text: str | None,
    ) -> None:
        document = before if after is None else after
        id = None if document is None else document["_id"]
        if self.batch.kept > MAX_KEPT_BYTES:
            text = None
            if not self._hub.active:
                before = after = None
        elif text is not None:
            self.batch.kept += len(text)
        self._wrote(Written(collection, key, operation, id, before, after, text, self._transaction), 1)

    def _log_inserts(
        self, collection: Collection, keys: list[Key], documents: list[Document], texts: list[str] | None
    ) -> None:
        """Log documents: with their texts if they are few."""
        transaction = self._transaction
        if texts is None or self.batch.changes + len(keys) > MAX_KEPT:
            kept = documents if self._hub.active else None
            self._wrote(Several(collection, keys, "insert", kept, transaction), len(keys))
            return
        for key, text, document in zip(keys, texts, documents, strict=True):
            self._wrote(Written(collection, key, "insert", document["_id"], None, document, text, transaction), 1)

    def _wrote(self, what: Written | Several, changes: int) -> None:
        self.batch.written.append(what)
        self.batch.changes += changes

    def in_one_transaction(self) -> None:
        """Mark the changes to come as one transaction's."""
        self._transaction = self.batch.changes

    def save(self) -> None:
        """Write down the log, counts and shapes; the last thing before the commit."""
        if self.batch.written:
            log.save(self.connection, self.clock.now_ms(), self._sequence + 1, self.batch.written)
        for id, collection in self.batch.touched.items():
            schema.save_collection(self.connection, collection, self.batch.counts[id])

    def publish(self) -> None:
        """Make counts known to readers, and changes to subscribers; the first thing after the commit."""
        for id, collection in self.batch.touched.items():
            collection.count = self.batch.counts[id]
            collection.saved_shape = collection.shape.version
            collection.flags_changed = False
        for action in self.batch.after_commit:
            action()
        first = self._sequence + 1
        self._sequence += self.batch.changes
        if self._hub.active:
            self._hub.publish(list(self._changes(first)))

    def _changes(self, first: int) -> Iterator[Change]:
        at, sequence = self.clock.now_ms(), first
        for one in self.batch.written:
            tx = None if one.transaction is None else first + one.transaction
            for operation, id, before, after in self._told(one):
                yield Change(sequence, at, one.collection.name, operation, id, before, after, tx)
                sequence += 1

    def _told(self, one: Written | Several) -> Iterator[tuple[Operation, Any, Document | None, Document | None]]:
        """(operation, ``_id``, before, after) of changes; documents are read again when nobody listened as they were
        written.
        """
        if isinstance(one, Written):
            after = one.after
            if after is None and one.operation not in ("delete", "drop"):
                after = self._stored(one.collection, one.key)
            yield one.operation, one.id, one.before, after
            return
        left = one.documents or (self._stored(one.collection, key) for key in one.keys)
        for document in left:
            yield one.operation, None if document is None else document["_id"], None, document

    def _stored(self, collection: Collection, key: Key) -> Document | None:
        if all(other.id != collection.id for other in self.batch.catalog.values()):
            return None
        row = self.get(collection, key)
        return None if row is None else decode(*row)


def check_collection_name(name: str) -> None:
    """Raises `QueryError` InvalidNamespace (73)."""
    if (
        not name
        or "$" in name
        or "\0" in name
        or len(name) > 200
        or name.startswith(("system.", "."))
        or not ejson.is_encodable(name)
    ):
        raise QueryError(f"Invalid collection name: {name!r}", number=73, name="InvalidNamespace")


def with_id(document: Document) -> Document:
    """The document with its ``_id`` first, a new ObjectId when it has none. Raises `QueryError` InvalidIdField (53)."""
    if "_id" not in document:
        return {"_id": ObjectId(), **document}
    if type(document["_id"]) not in PLAIN_IDS:
        check_identity(document)
    if next(iter(document)) == "_id":
        return document
    return {"_id": document["_id"], **document}


def check_same_id(before: Document, after: Document) -> None:
    """Raises `QueryError` ImmutableField (66) when an update changed the ``_id``."""
    if "_id" not in after or key_of(after["_id"]) != key_of(before["_id"]):
        raise QueryError(
            "Performing an update on the path '_id' would modify the immutable field '_id'",
            number=66,
            name="ImmutableField",
        )


def duplicate_id(collection: str, id: Any) -> DuplicateKey:
    """The error for an ``_id`` that is taken."""
    return DuplicateKey(
        f"E11000 duplicate key error collection: {collection} index: _id_ dup key: {in_shell_form({'_id': id})}",
        index="_id_",
        keyPattern={"_id": 1},
        keyValue={"_id": id},
    )
