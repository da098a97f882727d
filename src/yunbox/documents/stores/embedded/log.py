"""Reading the change log back."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from yunbox.documents.query import ejson
from yunbox.documents.query.values import NUMBER, OBJECT_ID, STRING
from yunbox.errors import LimitExceeded

from .changes import Change
from .encoding import decode
from .store import last_sequence
from .view import View


def logged_changes(view: View, after: int, limit: int) -> list[Change]:
    """Changes above a sequence, oldest first, with the documents as they were left.

    The log does not keep the documents of a large batch: ``after`` is then the document as it is now, ``None`` when it is
    gone. ``id`` is ``None`` for dropped collections, and where neither the log nor the collection has the document any more
    and its key does not tell.

    Raises:
        LimitExceeded: when entries after ``after`` were already taken out of the log.
    """
    first: int | None = view.connection.execute("SELECT min(seq) FROM log").get
    if after < (first or last_sequence(view.connection) + 1) - 1:
        raise LimitExceeded(f"the change log no longer reaches back to {after}; read the collections again")
    collections = {collection.id: collection for collection in view.catalog.values()}
    rows: Any = view.connection.execute(
        "SELECT seq, ts, coll, op, kt, k, doc, tx FROM log WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    ).fetchall()
    changes = []
    for sequence, at, owner, operation, place, native, text, transaction in rows:
        collection = collections.get(owner)
        name = "" if collection is None else collection.name
        document = None if text is None else ejson.loads(text)
        if document is None and collection is not None and operation != "drop":
            row = view.get(collection, (place, native))
            document = None if row is None else decode(*row)
        id = _id_of(place, native) if document is None else document["_id"]
        before, after_it = (document, None) if operation == "delete" else (None, document)
        changes.append(Change(sequence, at, name, operation, id, before, after_it, transaction))
    return changes


def _id_of(place: float, native: Any) -> Any:
    """The ``_id`` that a key was made of, where that is plain to see."""
    if place == OBJECT_ID:
        return ObjectId(native)
    return native if place in (STRING, NUMBER) and not isinstance(native, bytes) else None
