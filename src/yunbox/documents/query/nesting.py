"""What is nested too deeply for Python to follow is refused as what is nested too deeply."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from .ejson import too_deep

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def bounded(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """The function; it raises `QueryError` Overflow (15) where it would end in a ``RecursionError``."""

    @wraps(function)
    def call(*given: _Given.args, **named: _Given.kwargs) -> _Made:
        try:
            return function(*given, **named)
        except RecursionError:
            raise too_deep() from None

    return call
