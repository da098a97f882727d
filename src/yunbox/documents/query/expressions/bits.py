"""$bitAnd $bitOr $bitXor $bitNot over ints and longs."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from ..values import type_name
from .building import nullish, single, variadic
from .failures import failure
from .numbers import INT, LONG, kind, whole


def _register(name: str, combine: Callable[[int, int], int], neutral: int) -> None:
    @variadic(name)
    def evaluate(values: list[Any]) -> Any:
        if any(nullish(value) for value in values):
            return None
        for value in values:
            if kind(value) not in (INT, LONG):
                raise failure(14, f"{name} only supports int and long operands, not {type_name(value)}")
        widest = max((kind(value) for value in values), default=INT)
        return whole(reduce(combine, (int(value) for value in values), neutral), widest)


_register("$bitAnd", int.__and__, -1)
_register("$bitOr", int.__or__, 0)
_register("$bitXor", int.__xor__, 0)


@single("$bitNot")
def complement(value: Any) -> Any:
    """The value with every bit inverted."""
    if kind(value) not in (INT, LONG):
        raise failure(28765 if kind(value) < 0 else 14, f"$bitNot only supports int and long, not {type_name(value)}")
    return whole(~int(value), kind(value))
