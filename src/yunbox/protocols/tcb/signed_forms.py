"""What tcb-admin-node signs instead of what it sends.

Its signer copies the parameters field by field (src/utils/auth.js, all versions). A copy of a Date is ``{}``, one of a Buffer
an object of its indexes, and one of a query command that is still an object keeps that object's fields, while the body
has what ``toJSON`` makes of each: an ISO text, ``{"type": "Buffer", …}``, ``{"$gt": 1}``. So ``_.set({ at: new Date() })``,
``_.max(new Date())`` and ``_.all([_.elemMatch({ n: _.gt(1) })])`` are signed with other texts than they are sent with.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

MOST_SPOTS = 6
"""Up to so many values that may differ are tried in every combination; more of them only all together, by kind."""
MOST_TEXT = 100_000
"""Longest texts, in characters, for which every combination is tried: whoever signs wrongly must not cost much."""
MOST_WORK = 2**MOST_SPOTS * MOST_TEXT
"""Characters that are written at most, except that one form is tried of any text."""
_DEEP = 2
"""How many commands are around one that the SDKs leave an object."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_OBJECT = {"operator", "operands", "fieldName"}
_LISTS = ("$in", "$nin")
_OPERATORS = {
    f"${name}": name
    for name in ["eq", "gt", "gte", "lt", "lte", "in", "nin", "all", "exists", "size", "mod", "elemMatch"]
} | {"$ne": "neq"}

Kind = Literal["date", "buffer", "command"]


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def signed_forms(fields: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Other JSON texts that may have been signed for ``fields`` (name -> JSON text), the likeliest first."""
    try:
        values = {name: json.loads(text, parse_int=_Number, parse_float=_Number) for name, text in fields.items()}
        first = _Writer(frozenset())
        for value in values.values():
            first.write(value)
        length = 1 + sum(map(len, fields.values()))
        for chosen in itertools.islice(_choices(first.kinds, length <= MOST_TEXT), max(1, MOST_WORK // length)):
            writer = _Writer(chosen)
            yield {name: writer.write(value) for name, value in values.items()}
    except RecursionError:  # nested more deeply than any value that is accepted
        return


def _choices(kinds: list[Kind], thorough: bool) -> Iterator[frozenset[int]]:
    """Sets of the spots that are signed differently."""
    names = sorted(set(kinds))
    together = [
        frozenset(spot for spot, kind in enumerate(kinds) if kind in some)
        for size in range(len(names), 0, -1)
        for some in itertools.combinations(names, size)
    ]
    yield from together
    if thorough and 1 < len(kinds) <= MOST_SPOTS:
        masks = itertools.product((False, True), repeat=len(kinds))
        every = (frozenset(spot for spot, is_on in enumerate(mask) if is_on) for mask in masks)
        yield from (chosen for chosen in every if chosen and chosen not in together)


class _Writer:
    """``JSON.stringify``, but of the spots in ``chosen`` as they are signed. Spots are numbered in the order of the text."""

    def __init__(self, chosen: frozenset[int]) -> None:
        self._chosen = chosen
        self.kinds: list[Kind] = []

    def write(self, value: Any, depth: int = 0) -> str:
        if isinstance(value, dict):
            return self._write_object(value, depth)
        if isinstance(value, list):
            return f"[{','.join([self.write(item, depth) for item in value])}]"
        if isinstance(value, str) and not isinstance(value, _Number):
            return "{}" if _DATE.fullmatch(value) and self._is_chosen("date") else json.dumps(value, ensure_ascii=False)
        return value if isinstance(value, _Number) else json.dumps(value)

    def _write_object(self, value: dict[str, Any], depth: int) -> str:
        if _is_buffer(value) and self._is_chosen("buffer"):
            return "{" + ",".join(f'"{index}":{byte}' for index, byte in enumerate(value["data"])) + "}"
        if _is_command(value, depth) and self._is_chosen("command"):
            return self._write_command(value, depth)
        inner = _DEEP if value.keys() == _OBJECT else depth + any(name in _OPERATORS for name in value)
        members = [f"{json.dumps(name, ensure_ascii=False)}:{self.write(item, inner)}" for name, item in value.items()]
        return f"{{{','.join(members)}}}"

    def _write_command(self, value: dict[str, Any], depth: int) -> str:
        ((name, operand),) = value.items()
        operands = self.write(operand if name in _LISTS else [operand], depth + 1)
        return f'{{"operator":"{_OPERATORS[name]}","operands":{operands},"fieldName":{{}}}}'

    def _is_chosen(self, kind: Kind) -> bool:
        self.kinds.append(kind)
        return len(self.kinds) - 1 in self._chosen


def _is_buffer(value: dict[str, Any]) -> bool:
    return value.keys() == {"type", "data"} and value["type"] == "Buffer" and isinstance(value["data"], list)


def _is_command(value: dict[str, Any], depth: int) -> bool:
    return depth >= _DEEP and len(value) == 1 and next(iter(value)) in _OPERATORS
