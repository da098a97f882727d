"""``$group`` in SQL, where SQL computes exactly what MongoDB does: plain paths of one simple type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from . import shape as types
from .catalog import Collection
from .connection import json_path
from .filters import path_parts
from .shape import Shape
from .view import Document, Selection, View

_FUNCTIONS = {"$sum": "sum", "$avg": "avg", "$min": "min", "$max": "max"}


class Grouping(NamedTuple):
    """The columns of a grouping: the key first, then one for each output; ``names`` are the outputs' names."""

    key: str
    boolean: bool
    columns: list[str]
    names: list[str]


def grouping_of(shape: Shape, spec: Document, collated: bool) -> Grouping | None:
    """The SQL columns of a ``$group`` specification, or ``None`` when SQL might differ."""
    key = _key(shape, spec["_id"], collated)
    if key is None:
        return None
    columns, names = [], []
    for name, accumulator in spec.items():
        if name == "_id":
            continue
        column = _accumulated(shape, accumulator, collated)
        if column is None:
            return None
        columns.append(column)
        names.append(name)
    return Grouping(key[0], key[1], columns, names)


def _key(shape: Shape, identity: Any, collated: bool) -> tuple[str, bool] | None:
    if identity is None:
        return "NULL", False
    seen = _types_of(shape, identity)
    if seen is None or collated:
        return None
    if not seen & ~(types.NULL | types.STRING):
        return _value(identity), False
    if not seen & ~(types.NULL | types.BOOLEAN):
        return _value(identity), True
    return None


def _accumulated(shape: Shape, accumulator: Any, collated: bool) -> str | None:
    if not isinstance(accumulator, dict) or len(accumulator) != 1:
        return None
    ((operator, operand),) = accumulator.items()
    if operator == "$count" and operand == {}:
        return "count(*)"
    if operator == "$sum" and type(operand) is int and abs(operand) < 2**31:
        return f"count(*)*{operand}"
    function = _FUNCTIONS.get(operator)
    seen = _types_of(shape, operand)
    if function is None or seen is None:
        return None
    numeric = not seen & ~(types.NULL | types.NUMBER)
    if operator in ("$sum", "$avg"):
        value = f"{function}({_value(operand)})"
        return (f"coalesce({value},0)" if operator == "$sum" else value) if numeric else None
    textual = not seen & ~(types.NULL | types.STRING) and not collated
    return f"{function}({_value(operand)})" if numeric or textual else None


def _types_of(shape: Shape, expression: Any) -> int | None:
    """The types seen at ``"$path"``; ``None`` for any other expression and for paths through arrays."""
    if not isinstance(expression, str) or not expression.startswith("$") or expression.startswith("$$"):
        return None
    parts = path_parts(expression[1:])
    if parts is None or shape.arrays_before(parts):
        return None
    return shape.types_at(parts)


def _value(expression: str) -> str:
    return f"t.d->>{json_path(tuple(expression[1:].split('.')))}"


def run_grouping(view: View, collection: Collection, selection: Selection, spec: Document) -> list[Document] | None:
    """The documents of a ``$group`` over a selection, or ``None`` when it has to be computed document by document."""
    query = view.query(collection, selection)
    grouping = grouping_of(collection.shape, spec, selection.collation is not None)
    if grouping is None or selection.sort or selection.limit or view.overlaid(collection):
        return None
    columns = ", ".join([f"{grouping.key} AS grouped", "count(*)", *grouping.columns])
    by = "HAVING count(*)>0" if grouping.key == "NULL" else "GROUP BY grouped"
    sql = f"SELECT {columns} FROM {query.plan.source} WHERE {query.plan.where} {by}"
    try:
        return list(_documents(view.connection.execute(sql, query.bindings(sql)), grouping))
    except apsw.SQLError as error:
        if "overflow" in str(error):
            return None
        raise


def _documents(rows: Any, grouping: Grouping) -> Iterator[Document]:
    for key, _, *values in rows:
        identity = bool(key) if grouping.boolean and key is not None else key
        yield {"_id": identity, **dict(zip(grouping.names, values, strict=True))}
