"""Aggregation expressions: compiled once into closures ``f(document, variables)`` over plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..collation import compile_collation
from . import (
    accumulating,
    arithmetic,
    arrays,
    bits,
    comparison,
    conditional,
    conversion,
    date_arithmetic,
    dates,
    filtering,
    general,
    objects,
    regexes,
    sets,
    strings,
    substrings,
    trigonometry,
)
from .compiler import compile_in
from .registry import OPERATORS, Constant, Document, Evaluate, Variables
from .scope import Reads, Scope

__all__ = [
    "OPERATORS",
    "Constant",
    "Document",
    "Evaluate",
    "Reads",
    "Scope",
    "Variables",
    "compile_expression",
    "compile_in",
]

FAMILIES = (
    accumulating,
    arithmetic,
    arrays,
    bits,
    comparison,
    conditional,
    conversion,
    date_arithmetic,
    dates,
    filtering,
    general,
    objects,
    regexes,
    sets,
    strings,
    substrings,
    trigonometry,
)


def compile_expression(expression: Any, *, variables: Iterable[str] = (), collation: Any = None) -> Evaluate:
    """Compile an aggregation expression.

    The closure takes the current document and a mapping of variables (``NOW`` and the names in ``variables``; without
    ``ROOT`` the document itself is the root) and returns a value, or `MISSING`. Raises `QueryError` with MongoDB's
    number for an expression that cannot be parsed, and for constant parts that fail.
    """
    return compile_in(expression, Scope(variables, compile_collation(collation)))
