"""SQL for a filter tree, as two conditions around the truth: MUST ⊆ truth ⊆ MAY.

A SQL condition here counts as false when it is NULL; negation makes that explicit. Where MAY and MUST are the same text, SQL
decides alone; elsewhere the matcher decides for the rows between them. Which guards MAY needs is read off the shape summary.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from . import shape as types
from .connection import json_path
from .filters import LEAVES, Tree
from .shape import Shape

TRUE: Final = "1"
FALSE: Final = "0"


class Condition(NamedTuple):
    """``may`` holds for every matching document, ``must`` for matching ones only."""

    may: str
    must: str

    @property
    def exact(self) -> bool:
        return self.may == self.must


UNKNOWN: Final = Condition(TRUE, FALSE)
_OPERATORS: Final = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def compile_condition(tree: Tree, shape: Shape, column: str = "d") -> Condition:
    """The condition for a tree over the JSONB ``column``."""
    operator = tree[0]
    if operator == "and":
        return _joined([compile_condition(item, shape, column) for item in tree[1]], " AND ", TRUE, FALSE)
    if operator == "or":
        return _joined([compile_condition(item, shape, column) for item in tree[1]], " OR ", FALSE, TRUE)
    if operator == "not":
        inner = compile_condition(tree[1], shape, column)
        if inner.exact:
            condition = _not(inner.may)
            return Condition(condition, condition)
        return Condition(_not(inner.must), _not(inner.may))
    if operator not in LEAVES or tree[2] == "collated":
        return UNKNOWN
    return _Leaf(tree, shape, column).condition()


def _not(condition: str) -> str:
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return f"NOT coalesce({condition},0)"


def _joined(conditions: list[Condition], word: str, neutral: str, absorbing: str) -> Condition:
    def join(texts: list[str]) -> str:
        if absorbing in texts:
            return absorbing
        texts = [text for text in texts if text != neutral]
        if len(texts) < 2:
            return texts[0] if texts else neutral
        return "(" + word.join(texts) + ")"

    return Condition(join([item.may for item in conditions]), join([item.must for item in conditions]))


class _Leaf:
    def __init__(self, tree: Tree, shape: Shape, column: str) -> None:
        self.operator, self.parts, self.kind, slot = tree
        self.operand, self.end = f"?{slot}", f"?{slot + 1}"
        self.seen = shape.types_at(self.parts)
        self.arrays_before = shape.arrays_before(self.parts)
        self.column = column
        self.value = f"{column}->>{json_path(self.parts)}"
        self.type = f"json_type({column},{json_path(self.parts)})"

    def condition(self) -> Condition:
        if self.operator == "exists":
            must = f"{self.type} IS NOT NULL"
            return self._guarded(must, [])
        may, must = self._of_kind()
        return self._guarded(must, [may] if may != must else [], own_array=True)

    def _guarded(self, must: str, more: list[str], own_array: bool = False) -> Condition:
        guards = [f"json_type({self.column},{json_path(prefix)})='array'" for prefix in self.arrays_before]
        if own_array and self.seen & types.ARRAY:
            guards.append(f"{self.type}='array'")
        if self.kind == "null":
            # A field is missing through an array without being null: MUST stands only where no array is on the way.
            safe = " AND ".join([must, *(f"coalesce(NOT {guard},1)" for guard in guards)])
            must = f"({safe})" if guards else must
        alternatives = more + guards
        if not alternatives:
            return Condition(must, must)
        return Condition("(" + " OR ".join([must, *alternatives]) + ")", must)

    def _of_kind(self) -> tuple[str, str]:
        if self.kind == "number":
            return self._number()
        if self.kind == "string":
            return self._string()
        if self.kind == "null":
            must = f"coalesce({self.type}='null',1)" if self.seen & ~types.NULL else f"{self.value} IS NULL"
            return self._or_object(must)
        if self.kind in ("true", "false"):
            must = f"{self.type}='{self.kind}'"
            return must, must
        return self._wrapped()

    def _number(self) -> tuple[str, str]:
        must = self._compared(self.value)
        if self.seen & ~(types.NUMBER | types.NULL):
            must = f"({must} AND {self.type} IN ('integer','real'))"
        return self._or_object(must)

    def _string(self) -> tuple[str, str]:
        must = self._compared(self.value)
        if self.seen & ~(types.STRING | types.NULL):
            must = f"({must} AND {self.type}='text')"
        return self._or_object(must)

    def _or_object(self, must: str) -> tuple[str, str]:
        """Wrapped numbers, wrapped regular expressions and the like are objects to SQL."""
        if self.seen & types.OTHER:
            return f"({must} OR {self.type} IN ('object','text'))", must
        return must, must

    def _wrapped(self) -> tuple[str, str]:
        name = "$date" if self.kind == "date" else "$oid"
        condition = self._compared(f"{self.column}->>{json_path((*self.parts, name))}")
        # An ordinary object may have a member of that name, so that only MAY can tell.
        return condition, FALSE if self.seen & types.OBJECT else condition

    def _compared(self, value: str) -> str:
        if self.operator == "in":
            return f"{value} IN (SELECT value FROM json_each({self.operand}))"
        if self.operator == "prefix":
            return f"({value}>={self.operand} AND {value}<{self.end})"
        if self.operator == "like":
            return f"{self.column}->{json_path(self.parts)} LIKE {self.operand}"
        if self.operator == "regex":
            return f"text_matches({self.operand},{value})"
        return f"{value}{_OPERATORS[self.operator]}{self.operand}"
