"""The change log: one row for each change, or one for up to `PACKED` changes of a kind whose documents it does not keep.

A row is numbered by its last change (``seq``), so that the greatest number in the table is always the last one given out. A
packed row has the operation's plural in ``op``, the number of its changes in ``k``, and their keys in ``doc``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import apsw
import msgspec
from bson import ObjectId

from yunbox.documents.query import ejson
from yunbox.documents.query.values import NUMBER, OBJECT_ID, STRING
from yunbox.errors import LimitExceeded

from .catalog import Collection
from .changes import Change, Operation
from .encoding import decode
from .keys import Key
from .view import Document, View

PACKED = 1000
_PLURALS: Final[dict[Operation, str]] = {"insert": "inserts", "update": "updates", "delete": "deletes"}
_SINGULARS: Final[dict[str, Operation]] = {plural: operation for operation, plural in _PLURALS.items()}
_IS_PACKED: Final = "op IN ('inserts', 'updates', 'deletes')"
_NO_BRACKET: Final = -1
"""In the place of a key's bracket: no document's key is taken for that of a packed row."""


class Written(NamedTuple):
    """One change of a batch. ``transaction`` is the place in the batch of the first change of its transaction."""

    collection: Collection
    key: Key
    operation: Operation
    id: Any
    before: Document | None
    after: Document | None
    text: str | None
    transaction: int | None

    @property
    def keys(self) -> list[Key]:
        """The keys of the documents that changed."""
        return [self.key]


class Several(NamedTuple):
    """Changes of one kind to many documents that the log does not keep. ``documents`` are what they left, when somebody
    listens.
    """

    collection: Collection
    keys: list[Key]
    operation: Operation
    documents: Sequence[Document] | None
    transaction: int | None


def save(connection: apsw.Connection, at: int, first: int, written: Sequence[Written | Several]) -> None:
    """Enter the changes of a batch, which are numbered from ``first``."""
    connection.executemany(
        "INSERT INTO log(seq, ts, coll, op, kt, k, doc, tx) VALUES(?, ?, ?, ?, ?, ?, ?, ?)", _rows(at, first, written)
    )


def _rows(at: int, first: int, written: Sequence[Written | Several]) -> Iterator[tuple[Any, ...]]:
    sequence = first
    for one in written:
        tx = None if one.transaction is None else first + one.transaction
        if isinstance(one, Written):
            yield (sequence, at, one.collection.id, one.operation, *one.key, one.text, tx)
            sequence += 1
            continue
        for start in range(0, len(one.keys), PACKED):
            keys = one.keys[start : start + PACKED]
            sequence += len(keys)
            packed = msgspec.msgpack.encode(keys)
            operation = _PLURALS[one.operation]
            yield (sequence - 1, at, one.collection.id, operation, _NO_BRACKET, len(keys), packed, tx)


def last_sequence(connection: apsw.Connection) -> int:
    """The number of the last change a connection can see; 0 before the first. The newest entry is never trimmed."""
    last: int | None = connection.execute("SELECT max(seq) FROM log").get
    return last or 0


def first_sequence(connection: apsw.Connection) -> int | None:
    """The number of the oldest change that the log still has; ``None`` when it is empty."""
    sql = f"SELECT CASE WHEN {_IS_PACKED} THEN seq - k + 1 ELSE seq END FROM log ORDER BY seq LIMIT 1"
    first: int | None = connection.execute(sql).get
    return first


def written_since(connection: apsw.Connection, sequence: int) -> Iterator[tuple[int, Key]]:
    """Collection id and key of every document that was written after a change, which ended its commit."""
    sql = f"SELECT coll, kt, k, CASE WHEN {_IS_PACKED} THEN doc END FROM log WHERE seq > ?"
    for owner, place, native, packed in connection.execute(sql, (sequence,)):
        if packed is None:
            yield owner, (place, native)
        else:
            yield from ((owner, key) for key in _unpacked(packed))


def was_written(connection: apsw.Connection, sequence: int, owner: int, key: Key) -> bool:
    """Whether a document was written after a change, which ended its commit."""
    sql = "SELECT 1 FROM log WHERE seq>? AND coll=? AND kt=? AND k=? LIMIT 1"
    if connection.execute(sql, (sequence, owner, *key)).fetchone() is not None:
        return True
    packed = connection.execute(f"SELECT doc FROM log WHERE seq>? AND coll=? AND {_IS_PACKED}", (sequence, owner))
    return any(key in _unpacked(row[0]) for row in packed)


def _unpacked(packed: bytes) -> list[Key]:
    return msgspec.msgpack.decode(packed, type=list[tuple[int | float, Any]])


def logged_changes(view: View, after: int, limit: int) -> list[Change]:
    """Changes above a sequence, oldest first, with the documents as they were left.

    The log does not keep the documents of a large batch: ``after`` is then the document as it is now, ``None`` when it is
    gone. ``id`` is ``None`` for dropped collections, and where neither the log nor the collection has the document any more
    and its key does not tell.

    Raises:
        LimitExceeded: when entries after ``after`` were already taken out of the log.
    """
    first = first_sequence(view.connection)
    if after < (first or last_sequence(view.connection) + 1) - 1:
        raise LimitExceeded(f"the change log no longer reaches back to {after}; read the collections again")
    collections = {collection.id: collection for collection in view.catalog.values()}
    rows: Any = view.connection.execute(
        "SELECT seq, ts, coll, op, kt, k, doc, tx FROM log WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    ).fetchall()
    changes: list[Change] = []
    for sequence, at, owner, operation, place, native, kept, transaction in rows:
        if len(changes) >= limit:
            break
        reading = _Reading(view, collections.get(owner), at, transaction)
        if operation in _SINGULARS:
            keys = list(enumerate(_unpacked(kept), sequence - native + 1))
            start = max(0, after + 1 - keys[0][0])
            for number, key in keys[start : start + limit - len(changes)]:
                changes.append(reading.change(number, _SINGULARS[operation], key, None))
        else:
            changes.append(reading.change(sequence, operation, (place, native), kept))
    return changes


class _Reading(NamedTuple):
    """What the changes of one row have in common."""

    view: View
    collection: Collection | None
    at: int
    transaction: int | None

    def change(self, sequence: int, operation: Operation, key: Key, text: str | None) -> Change:
        document = None if text is None else ejson.loads(text)
        if document is None and self.collection is not None and operation != "drop":
            row = self.view.get(self.collection, key)
            document = None if row is None else decode(*row)
        id = _id_of(*key) if document is None else document["_id"]
        before, after = (document, None) if operation == "delete" else (None, document)
        name = "" if self.collection is None else self.collection.name
        return Change(sequence, self.at, name, operation, id, before, after, self.transaction)


def _id_of(place: float, native: Any) -> Any:
    """The ``_id`` that a key was made of, where that is plain to see."""
    if place == OBJECT_ID:
        return ObjectId(native)
    return native if place in (STRING, NUMBER) and not isinstance(native, bytes) else None
