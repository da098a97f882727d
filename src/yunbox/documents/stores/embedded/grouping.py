"""``$group`` in SQL, where SQL computes exactly what MongoDB does: plain paths of one simple type."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apsw

from yunbox.documents.query.expressions.numbers import add_doubles
from yunbox.documents.query.values import INT64_MAX, INT64_MIN

from . import shape as types
from .catalog import Collection
from .connection import json_path
from .filters import path_parts
from .planner import Query
from .shape import Shape
from .view import Document, Selection, View

_FUNCTIONS = {"$sum": "sum", "$avg": "avg", "$min": "min", "$max": "max"}

HELD_DOCUMENTS = 2_000_000
"""Up to so many documents are gathered by a dictionary: SQLite would sort them, whole, which takes twice the time."""


class Output(NamedTuple):
    """One output of a group: its SQL, and how it is computed of the values of a column. ``operator`` is ``$count`` for
    ``factor`` times the number of documents; ``value`` is the SQL of the column."""

    name: str
    sql: str
    operator: str
    value: str = ""
    factor: int = 1


class Grouping(NamedTuple):
    """The SQL of a group's key, whether that is a boolean, and the outputs."""

    key: str
    boolean: bool
    outputs: list[Output]


def grouping_of(shape: Shape, spec: Document, collated: bool) -> Grouping | None:
    """How SQL computes a ``$group`` specification, or ``None`` when it might differ."""
    key = _key(shape, spec["_id"], collated)
    if key is None:
        return None
    outputs = []
    for name, accumulator in spec.items():
        if name == "_id":
            continue
        output = _accumulated(shape, name, accumulator, collated)
        if output is None:
            return None
        outputs.append(output)
    return Grouping(key[0], key[1], outputs)


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


def _accumulated(shape: Shape, name: str, accumulator: Any, collated: bool) -> Output | None:
    if not isinstance(accumulator, dict) or len(accumulator) != 1:
        return None
    ((operator, operand),) = accumulator.items()
    if operator == "$count" and operand == {}:
        return Output(name, "count(*)", "$count")
    if operator == "$sum" and type(operand) is int and abs(operand) < 2**31:
        return Output(name, f"count(*)*{operand}", "$count", factor=operand)
    function = _FUNCTIONS.get(operator)
    seen = _types_of(shape, operand)
    if function is None or seen is None:
        return None
    value = _value(operand)
    sql = f"{function}({value})"
    numeric = not seen & ~(types.NULL | types.NUMBER)
    if operator in ("$sum", "$avg"):
        sql = f"coalesce({sql},0)" if operator == "$sum" else sql
        return Output(name, sql, operator, value) if numeric else None
    textual = not seen & ~(types.NULL | types.STRING) and not collated
    return Output(name, sql, operator, value) if numeric or textual else None


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
    if grouping.key != "NULL" and collection.count <= HELD_DOCUMENTS:
        return _gathered(view, query, grouping)
    columns = ", ".join([f"{grouping.key} AS grouped", "count(*)", *(output.sql for output in grouping.outputs)])
    by = "HAVING count(*)>0" if grouping.key == "NULL" else "GROUP BY grouped"
    sql = f"SELECT {columns} FROM {query.plan.source} WHERE {query.plan.where} {by}"
    try:
        return list(_documents(view.connection.execute(sql, query.bindings(sql)), grouping))
    except apsw.SQLError as error:
        if "overflow" in str(error):
            return None
        raise


def _documents(rows: Any, grouping: Grouping) -> Iterator[Document]:
    names = [output.name for output in grouping.outputs]
    for key, _, *values in rows:
        yield {"_id": _identity(grouping, key), **dict(zip(names, values, strict=True))}


def _identity(grouping: Grouping, key: Any) -> Any:
    return bool(key) if grouping.boolean and key is not None else key


def _gathered(view: View, query: Query, grouping: Grouping) -> list[Document] | None:
    """The documents of a grouping from the values of each group; ``None`` when a sum leaves 64 bits."""
    columns = list(dict.fromkeys(output.value for output in grouping.outputs if output.value))
    sql = f"SELECT {', '.join([grouping.key, *columns])} FROM {query.plan.source} WHERE {query.plan.where}"
    rows = view.connection.execute(sql, query.bindings(sql))
    counts: Counter[Any] = Counter()
    groups: dict[Any, list[list[Any]]] = {}
    if not columns:
        counts = Counter(key for (key,) in rows)
    elif len(columns) == 1:
        # The commonest form, and rows that are let go of at once: kept ones would keep the garbage collector busy.
        single: defaultdict[Any, list[Any]] = defaultdict(list)
        for key, value in rows:
            single[key].append(value)
        groups = {key: [values] for key, values in single.items()}
    else:
        for key, *values in rows:
            for gathered, value in zip(groups.setdefault(key, [[] for _ in columns]), values, strict=True):
                gathered.append(value)
    for key, lists in groups.items():
        counts[key] = len(lists[0])
    try:
        return [
            _computed(grouping, key, count, dict(zip(columns, groups.get(key, ()), strict=True)))
            for key, count in counts.items()
        ]
    except OverflowError:
        return None


def _computed(grouping: Grouping, key: Any, count: int, values: dict[str, list[Any]]) -> Document:
    document = {"_id": _identity(grouping, key)}
    for output in grouping.outputs:
        if output.operator == "$count":
            document[output.name] = count * output.factor
        else:
            present = [value for value in values[output.value] if value is not None]
            document[output.name] = _COMPUTE[output.operator](present)
    return document


def _sum(values: list[Any]) -> Any:
    """Raises ``OverflowError`` for a sum of whole numbers beyond 64 bits."""
    whole = [value for value in values if type(value) is int]
    total = sum(whole)
    if not INT64_MIN <= total <= INT64_MAX:
        raise OverflowError
    if len(whole) == len(values):
        return total
    return add_doubles([float(total), *(value for value in values if type(value) is float)])


_COMPUTE: dict[str, Callable[[list[Any]], Any]] = {
    "$sum": _sum,
    "$avg": lambda values: float(_sum(values)) / len(values) if values else None,
    "$min": lambda values: min(values, default=None),
    "$max": lambda values: max(values, default=None),
}
