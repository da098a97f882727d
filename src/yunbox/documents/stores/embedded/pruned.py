"""Updates of many documents that read and write only the top-level fields they touch.

The update is applied to a document that has just those fields, by the same code as to a whole one: its operators look at
nothing else. What that code would refuse, and what could become too large, is left to the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any

import apsw
from bson import ObjectId

from yunbox.documents.query.ejson import dumps_scalar, loads
from yunbox.documents.query.update import Operators, Update, identical
from yunbox.documents.query.values import MISSING
from yunbox.errors import QueryError, YunboxError

from .catalog import Collection
from .connection import json_array, json_path
from .encoding import MAX_DOCUMENT_BYTES, merged_wrapping
from .keys import Key
from .planner import exact_condition, plan_condition
from .store import Store
from .view import Document, Selection

MAX_FIELDS = 8
GROWTH = 16
"""BSON takes at most so many times what the stored form takes: an empty string in an array 14 bytes for one."""

Long = Callable[[int], bool]
"""The long way: changes a document by its row id and says whether anything changed."""


_Form = tuple[tuple[str, ...], tuple[str, ...]]
"""What the changes of some documents have in common: the fields they set and those they remove."""

_STEADY = frozenset({str, int, bool, type(None), datetime, ObjectId})
"""Types whose values are all stored in the same manner."""


class PrunedUpdate:
    """An update by its operators, ready for a collection as it is now."""

    def __init__(self, collection: Collection, operators: Operators, now: datetime) -> None:
        self._collection = collection
        self._members = operators.tree.members
        self._application = operators.application(now)
        self._names = tuple(self._members)
        self._columns = ", ".join(f"t.d->{json_path((name,))}" for name in self._names)

    @classmethod
    def of(cls, collection: Collection, update: Update, now: datetime) -> PrunedUpdate | None:
        """``None`` when whole documents are needed: for their index keys, or because anything may change."""
        if update.operators is None:
            return None
        roots = update.operators.tree.members.keys()
        if not roots or len(roots) > MAX_FIELDS or not all(map(_is_plain, roots)):
            return None
        if any(not index.roots or not roots.isdisjoint(index.roots) for index in collection.indexes):
            return None
        return cls(collection, update.operators, now)

    def run(self, store: Store, row_ids: Sequence[int], selection: Selection | None, long: Long) -> Iterator[bool]:
        """Change documents, of those that still match when there is a ``selection``; each tells whether it changed.

        Raises:
            QueryError: of the long way, for the document after the last one that was told.
        """
        done: list[bool] = []
        changes: dict[_Form, list[tuple[Any, ...]]] = {}
        keys: list[Key] = []
        failure: YunboxError | None = None
        for row in self._rows(store, row_ids, selection):
            change = self._change(row)
            if change:
                form, values = change
                changes.setdefault(form, []).append(values)
                keys.append((row[1], row[2]))
            elif change is None:
                try:
                    done.append(long(row[0]))
                except YunboxError as error:
                    failure = error
                    break
                continue
            done.append(bool(change))
        table = self._collection.table
        store.change_fields(self._collection, [(_sql(form, table), values) for form, values in changes.items()], keys)
        yield from done
        if failure is not None:
            raise failure

    def _rows(self, store: Store, row_ids: Sequence[int], selection: Selection | None) -> list[Any]:
        """(rid, kt, k, sp, bytes, the text of each field) of documents."""
        select = f"SELECT t.rid, t.kt, t.k, t.sp, length(t.d), {self._columns}"
        table = f"CROSS JOIN {self._collection.table} t ON t.rid=j.value"
        listed = json_array(list(row_ids))
        if selection is None:
            return store.connection.execute(f"{select} FROM json_each(?) j {table}", (listed,)).fetchall()
        query = store.query(self._collection, selection)
        conditions = exact_condition(plan_condition(self._collection, query), query.plan.matcher_slot)
        sql = f"{select} FROM json_each({query.slot(0)}) j {table} WHERE {' AND '.join(conditions) or '1'}"
        return store.connection.execute(sql, (*query.operands, apsw.pyobject(query.matcher), listed)).fetchall()

    def _change(self, row: Any) -> tuple[_Form, tuple[Any, ...]] | tuple[()] | None:
        """How a row changes: nothing when it does not, ``None`` when the long way has to be gone."""
        before: Document = {}
        for name, text in zip(self._names, row[5:], strict=True):
            if text is not None:
                before[name] = loads(text)
        try:
            return self._applied(row, before)
        except (QueryError, RecursionError):
            return None

    def _applied(self, row: Any, before: Document) -> tuple[_Form, tuple[Any, ...]] | tuple[()] | None:
        application, apply = self._application, self._application.apply
        application.context.document = before
        changed: Document = {}
        values: list[str] = []
        removed: list[str] = []
        differs = new_kind = False
        for name, node in self._members.items():
            old = before.get(name, MISSING)
            value = apply(node, old, name)
            if value is old:
                continue
            differs = differs or not identical(old, value)
            if value is MISSING:
                removed.append(name)
                continue
            changed[name] = value
            values.append(dumps_scalar(value).decode())
            new_kind = new_kind or _is_new_kind(old, value)
        if not differs:
            return ()
        if GROWTH * (row[4] + sum(map(len, values))) > MAX_DOCUMENT_BYTES:
            return None
        wrapped = row[3]
        if new_kind or removed:
            after = {name: value for name, value in {**before, **changed}.items() if name not in removed}
            wrapped = merged_wrapping(wrapped, self._collection.shape.observe(after), self._names)
        return (tuple(changed), tuple(removed)), (*values, wrapped, row[0])


def _is_new_kind(before: Any, after: Any) -> bool:
    """Whether a value may be of a kind that the summary of the collection's shape has not seen in its place."""
    kind = type(after)
    return type(before) is not kind or (kind not in _STEADY and not (kind is float and isfinite(before + after)))


def _sql(form: _Form, table: str) -> str:
    assigned, removed = form
    value = "d"
    if assigned:
        value = f"jsonb_set(d, {', '.join(f'{json_path((name,))}, jsonb(?)' for name in assigned)})"
    if removed:
        value = f"jsonb_remove({value}, {', '.join(json_path((name,)) for name in removed)})"
    return f"UPDATE {table} SET d={value}, sp=? WHERE rid=?"


@lru_cache(maxsize=1024)
def _is_plain(name: str) -> bool:
    """Whether SQL writes a new field's name just as it stands in a whole document."""
    return name != "_id" and name[:1] != "$" and name.isprintable() and not set(name) & {'"', "\\"}
