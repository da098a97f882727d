"""Operators by name. Each operator family registers its builders here; the compiler looks them up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .failures import failure
from .scope import Scope

Document = dict[str, Any]
Variables = Mapping[str, Any]
Evaluate = Callable[[Document, Variables], Any]
Builder = Callable[[Any, Scope], Evaluate]
Compile = Callable[[Any, Scope], Evaluate]

OPERATORS: dict[str, Builder] = {}


class Constant:
    """An expression whose value is known without a document."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, document: Document, variables: Variables) -> Any:
        return self.value


def operator(*names: str) -> Callable[[Builder], Builder]:
    """Register a builder, which gets the operator's raw operand, under one or more names."""

    def register(builder: Builder) -> Builder:
        for name in names:
            OPERATORS[name] = builder
        return builder

    return register


def fold(evaluate: Evaluate, parts: Iterable[Evaluate]) -> Evaluate:
    """Evaluate now what depends on constants only; errors then surface when the expression is compiled."""
    return Constant(evaluate({}, {})) if all(isinstance(part, Constant) for part in parts) else evaluate


def operands(operand: Any) -> list[Any]:
    """The operand list of an operator; a single operand needs no array around it."""
    return operand if isinstance(operand, list) else [operand]


def check_arity(name: str, count: int, low: int, high: int | None = None) -> None:
    """Raise the error of a wrong number of operands."""
    high = low if high is None else high
    if low <= count <= high:
        return
    if low == high:
        raise failure(16020, f"Expression {name} takes exactly {low} arguments. {count} were passed in.")
    raise failure(
        28667, f"Expression {name} takes at least {low} arguments, and at most {high}, but {count} were passed in."
    )


def named_arguments(
    name: str, operand: Any, known: Iterable[str], required: Iterable[str] = (), *, numbers: tuple[int, int, int]
) -> dict[str, Any]:
    """The object operand of ``name``. ``numbers`` are the errors for: not an object, unknown field, missing field."""
    not_object, unknown, missing = numbers
    if not isinstance(operand, dict):
        raise failure(not_object, f"{name} only supports an object as its argument")
    allowed = set(known)
    for key in operand:
        if key not in allowed:
            raise failure(unknown, f"{name} found an unknown argument: {key}")
    for key in required:
        if key not in operand:
            raise failure(missing, f"{name} requires '{key}' to be specified")
    return operand
