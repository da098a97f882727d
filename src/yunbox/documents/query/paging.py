"""``skip`` and ``limit`` as MongoDB reads them."""

from __future__ import annotations

from typing import Any

from yunbox.errors import QueryError

from .predicates import truncated
from .values import is_number

_MOST = 2**62
"""More than any collection holds; the sum of two still fits into 64 bits."""


def check_skip(value: Any) -> int:
    """The number of documents to pass over. Raises `QueryError` for a negative number and for what is no number."""
    number = _whole("skip", value)
    if number < 0:
        raise QueryError(
            f"BSON field 'skip' value must be >= 0, actual value '{number}'", number=51024, name="Location51024"
        )
    return number


def check_limit(value: Any) -> int:
    """The greatest number of documents wanted, 0 for all; a negative one means the same number in one batch, as drivers send
    it. Raises `QueryError` for what is no number.
    """
    return abs(_whole("limit", value))


def _whole(name: str, value: Any) -> int:
    if type(value) is int and 0 <= value <= _MOST:
        return value
    if value is None:
        return 0
    number = truncated(value) if is_number(value) else None
    if number is None:
        raise QueryError(f"BSON field '{name}' is the wrong type, expected a number", number=14, name="TypeMismatch")
    return max(-_MOST, min(number, _MOST))
