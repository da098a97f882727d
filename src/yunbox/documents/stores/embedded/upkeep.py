"""Keeping index tables in step with documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from yunbox.documents.query.display import in_shell_form
from yunbox.errors import DuplicateKey

from .catalog import Collection, Index
from .extraction import Row
from .geo_index import document_box, numbered_boxes
from .text_index import document_words, weights_of

Document = dict[str, Any]
Rows = set[Row] | frozenset[Row]
Entry = tuple[Index, Rows]
_NOTHING: frozenset[Row] = frozenset()


def keys_of(collection: Collection, document: Document) -> list[Entry]:
    """The keys of a document in each index. Raises `QueryError` before anything is written."""
    return [(index, _keys(collection, index, document)) for index in collection.indexes]


def changed_keys(collection: Collection, before: Document, after: Document) -> tuple[list[Entry], list[Entry]]:
    """The keys before and after a change, in the indexes that it may have touched: an update keeps what it does not change."""
    indexes = [index for index in collection.indexes if not _is_untouched(index, before, after)]
    old = [(index, _keys(collection, index, before)) for index in indexes]
    return old, [(index, _keys(collection, index, after)) for index in indexes]


def _is_untouched(index: Index, before: Document, after: Document) -> bool:
    for root in index.roots:
        if before.get(root) is not after.get(root):
            return False
    return bool(index.roots)


def numbered_keys(collection: Collection, index: Index, documents: Sequence[Document], first: int) -> Iterable[Row]:
    """The rows of many documents in an index, row id last; the documents' row ids count from ``first``. Raises
    `QueryError`.
    """
    if index.covers is None and index.kind == "geo":
        return numbered_boxes(documents, index.fields[0].parts, first)
    if index.covers is None and index.kind == "ordered":
        numbered = index.keyer.numbered(documents, first)
        if numbered is not None:
            rows, multikey = numbered
            _learn(collection, index, multikey, True)
            return rows  # type: ignore[no-any-return]
    return ((*row, rid) for rid, document in enumerate(documents, first) for row in _keys(collection, index, document))


def add_keys(
    connection: apsw.Connection, collection: Collection, rid: int, document: Document, entries: list[Entry]
) -> None:
    """Enter a new document into every index. Raises `DuplicateKey`."""
    for index, rows in entries:
        _insert(connection, collection, index, rid, document, rows)


def change_keys(
    connection: apsw.Connection,
    collection: Collection,
    rid: int,
    document: Document,
    before: list[Entry],
    after: list[Entry],
) -> None:
    """Move a document in every index. Raises `DuplicateKey`."""
    for (index, old), (_, new) in zip(before, after, strict=True):
        if old != new:
            _delete(connection, index, rid, old - new)
            _insert(connection, collection, index, rid, document, new - old)


def remove_keys(connection: apsw.Connection, collection: Collection, rid: int, document: Document) -> None:
    """Take a document out of every index."""
    for index in collection.indexes:
        _delete(connection, index, rid, _keys(collection, index, document))


def _keys(collection: Collection, index: Index, document: Document) -> Rows:
    if index.covers is not None and not index.covers(document):
        return _NOTHING
    if not index.holds_keys:
        return _special_keys(index, document)
    keys = index.keyer.keys(document)
    _learn(collection, index, keys.multikey, keys.exact)
    return keys.rows  # type: ignore[no-any-return]


def _special_keys(index: Index, document: Document) -> Rows:
    if index.kind == "geo":
        box = document_box(document, index.fields[0].parts)
        return _NOTHING if box is None else frozenset([tuple(box)])
    words = document_words(document, weights_of(index.document))
    return frozenset([(words,)]) if words else _NOTHING


def is_entered(index: Index, document: Document) -> bool:
    """Whether a geo or text index has an entry for a document."""
    covered = index.covers is None or index.covers(document)
    return covered and bool(_special_keys(index, document))


def _learn(collection: Collection, index: Index, multikey: frozenset[int], exact: bool) -> None:
    """Take note of what keys are like."""
    if not (multikey <= index.multikey and (exact or not index.exact)):
        index.multikey |= multikey
        index.exact = index.exact and exact
        collection.flags_changed = True
        collection.changed()


def _insert(
    connection: apsw.Connection, collection: Collection, index: Index, rid: int, document: Document, rows: Rows
) -> None:
    sql = index.insert_sql
    for row in rows:
        try:
            connection.execute(sql, (*row, rid))
        except apsw.ConstraintError:
            raise _duplicate(collection, index, document, row) from None


def fill_index(connection: apsw.Connection, collection: Collection, index: Index, rid: int, document: Document) -> None:
    """Enter a stored document into an index that is being built, whose keys may partly be there. Raises `DuplicateKey`."""
    if not index.holds_keys:
        connection.execute(index.delete_sql, (rid,))
    for row in _keys(collection, index, document):
        try:
            connection.execute(index.insert_sql, (*row, rid))
        except apsw.ConstraintError:
            held = connection.execute(f"SELECT 1 FROM {index.table} WHERE {index.row_is}", (*row, rid)).fetchone()
            if held is None:
                raise _duplicate(collection, index, document, row) from None


def _delete(connection: apsw.Connection, index: Index, rid: int, rows: Rows) -> None:
    sql = index.delete_sql
    for row in rows:
        connection.execute(sql, (*row, rid) if index.holds_keys else (rid,))


def _duplicate(collection: Collection, index: Index, document: Document, row: Row) -> DuplicateKey:
    taken = index.keyer.values(document, row)
    values = {field.path: value for field, value in zip(index.fields, taken, strict=True)}
    return DuplicateKey(
        f"E11000 duplicate key error collection: {collection.name} index: {index.name} dup key: {in_shell_form(values)}",
        index=index.name,
        keyPattern=index.document["key"],
        keyValue=values,
    )
