"""Reading the change log back."""

from __future__ import annotations

from typing import Any

from yunbox.documents.query import ejson
from yunbox.errors import LimitExceeded

from .changes import Change
from .store import last_sequence
from .view import View


def logged_changes(view: View, after: int, limit: int) -> list[Change]:
    """Changes above a sequence, oldest first, with the documents as they were left.

    ``id`` is ``None`` for changes that kept no document: of large batches, and of dropped collections.

    Raises:
        LimitExceeded: when entries after ``after`` were already taken out of the log.
    """
    first: int | None = view.connection.execute("SELECT min(seq) FROM log").get
    if after < (first or last_sequence(view.connection) + 1) - 1:
        raise LimitExceeded(f"the change log no longer reaches back to {after}; read the collections again")
    names = {collection.id: name for name, collection in view.catalog.items()}
    rows: Any = view.connection.execute(
        "SELECT seq, ts, coll, op, doc, tx FROM log WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    ).fetchall()
    return [
        _change(names.get(owner, ""), sequence, at, operation, text, transaction)
        for sequence, at, owner, operation, text, transaction in rows
    ]


def _change(name: str, sequence: int, at: int, operation: Any, text: str | None, transaction: int | None) -> Change:
    document = None if text is None else ejson.loads(text)
    id = None if document is None else document["_id"]
    after = None if operation == "delete" else document
    before = document if operation == "delete" else None
    return Change(sequence, at, name, operation, id, before, after, transaction)
