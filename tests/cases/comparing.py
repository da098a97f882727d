"""Compare results with expectations by the rules of the case format.

Two things are left open on purpose. The order of a set: MongoDB does not specify it for ``$addToSet`` and the set
operators, so ``sets`` compares every array without regard to order. And what JavaScript suites print as undefined
is their missing value, for which MongoDB's result is null.
"""

from __future__ import annotations

import math
from typing import Any

from bson import Decimal128

from yunbox.documents.query.values import MISSING, UNDEFINED, equal, is_number

TOLERANCE = 1e-12


def same(actual: Any, expected: Any, *, ignore_id: bool = False, sets: bool = False) -> bool:
    """Numbers by value, objects without regard to key order, arrays in order or with ``sets`` in any order."""
    if is_number(actual) and is_number(expected):
        return _same_number(actual, expected)
    if isinstance(actual, dict) and isinstance(expected, dict):
        if ignore_id:
            actual, expected = _without_id(actual), _without_id(expected)
        return actual.keys() == expected.keys() and all(
            same(actual[key], value, sets=sets) for key, value in expected.items()
        )
    if isinstance(actual, list) and isinstance(expected, list):
        return same_list(actual, expected, ordered=not sets, sets=sets)
    if actual is MISSING or actual is None:
        return expected is None or expected is UNDEFINED
    return equal(actual, expected)


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "_id"}


def _same_number(actual: Any, expected: Any) -> bool:
    if equal(actual, expected):
        return True
    left, right = (
        float(value.to_decimal() if isinstance(value, Decimal128) else value) for value in (actual, expected)
    )
    return math.isclose(left, right, rel_tol=TOLERANCE)


def same_list(
    actual: list[Any], expected: list[Any], *, ordered: bool, ignore_id: bool = False, sets: bool = False
) -> bool:
    """Result lists: in order, or as multisets when the case does not sort."""
    if len(actual) != len(expected):
        return False
    if ordered:
        return all(same(a, e, ignore_id=ignore_id, sets=sets) for a, e in zip(actual, expected, strict=True))
    rest = list(actual)
    for wanted in expected:
        found = next((i for i, item in enumerate(rest) if same(item, wanted, ignore_id=ignore_id, sets=sets)), None)
        if found is None:
            return False
        del rest[found]
    return True
