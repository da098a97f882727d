"""What evaluation may cost. Loops and operators that make large values report here and are stopped in the middle of a
document when the time is over or the process has grown too much: between documents would be too late.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import cache
from typing import Any, TypeVar

from yunbox.errors import QueryError

T = TypeVar("T", bound=Sized)

STEP = 1 << 16
"""Units (elements, iterations, characters by the sixteen) between two looks at the clock."""
NOTABLE = 256
"""Texts and arrays up to this long are not noted."""
SMALL = 2**16
"""What a stage may add to a document without its being weighed as a whole."""
GROWTH_BYTES = 2**30
"""How much the process may grow while one command runs."""
MAX_DOCUMENT_BYTES = 16 * 2**20 + 2**14
"""MongoDB's internal limit: 16 MB and a little for what it adds itself."""


class _Watch(threading.local):
    active = False
    check: Callable[[], None] | None = None
    units = 0
    baseline = 0


_WATCH = _Watch()


class watched:
    """Watch what this thread evaluates in the block. ``check`` may raise to end it."""

    __slots__ = ("_before", "_check")

    def __init__(self, check: Callable[[], None] | None) -> None:
        self._check = check

    def __enter__(self) -> None:
        watch = _WATCH
        self._before = (watch.active, watch.check, watch.baseline)
        watch.active, watch.check, watch.baseline = True, self._check, 0

    def __exit__(self, *error: object) -> None:
        _WATCH.active, _WATCH.check, _WATCH.baseline = self._before


def spend(units: int = 1) -> None:
    """Note work done. Raises what `pulse` raises."""
    _WATCH.units += units
    if _WATCH.units >= STEP:
        pulse()


def in_steps(values: list[Any]) -> Iterable[list[Any]]:
    """The parts of an array, noted one by one as a loop goes over them."""
    if len(values) <= NOTABLE:
        spend(len(values))
        return (values,)
    return _parts(values)


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), NOTABLE):
        spend(NOTABLE)
        yield values[start : start + NOTABLE]


def made(value: T) -> T:
    """A text or an array that an operator made; small ones are not worth noting."""
    if len(value) > NOTABLE:
        spend(len(value) >> 4 if type(value) is str else len(value))
    return value


def pulse() -> None:
    """Look at the clock and the memory. Raises `QueryError`: MaxTimeMSExpired (50), ExceededMemoryLimit (146)."""
    _WATCH.units = 0
    if not _WATCH.active:
        return
    if _WATCH.check is not None:
        _WATCH.check()
    resident = _resident_bytes()
    if not _WATCH.baseline:
        _WATCH.baseline = resident
    elif resident - _WATCH.baseline > GROWTH_BYTES:
        raise out_of_memory("the command", resident - _WATCH.baseline, GROWTH_BYTES)


def out_of_memory(what: str, used: int, limit: int, number: int = 146) -> QueryError:
    """The error of something that takes more memory than it may."""
    name = "ExceededMemoryLimit" if number == 146 else f"Location{number}"
    message = f"{what} used too much memory ({used} bytes) and cannot spill to disk. Memory limit: {limit} bytes"
    return QueryError(message, number=number, name=name)


@cache
def _statm() -> int | None:
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None


def _resident_bytes() -> int:
    """The memory of the process; always 0 where the system does not tell."""
    descriptor = _statm()
    if descriptor is None:
        return 0
    return int(os.pread(descriptor, 64, 0).split()[1]) * os.sysconf("SC_PAGESIZE")


def weight(value: Any, most: int = MAX_DOCUMENT_BYTES) -> int:
    """At least how many bytes a document or an array takes in BSON; once above ``most`` it is not counted further."""
    total = 5 + 3 * len(value)
    if type(value) is dict:
        total += sum(map(len, value))
        value = value.values()
    for member in value:
        kind = type(member)
        if kind is str:
            total += 4 + len(member)
        elif kind is dict or kind is list:
            total += weight(member, most - total)
        if total > most:
            break
    return total


def require_growth(document: dict[str, Any], origin: dict[str, Any]) -> dict[str, Any]:
    """The document, made from ``origin``. Raises `QueryError` when what was added makes it too large."""
    for name, member in document.items():
        kind = type(member)
        new = (kind is list or kind is dict) and origin.get(name) is not member
        if new and len(member) and weight(member, SMALL) > SMALL:
            return require_size(document)
    return document


def require_size(document: dict[str, Any]) -> dict[str, Any]:
    """The document. Raises `QueryError` BSONObjectTooLarge (10334) when it is too large to be one."""
    if weight(document) > MAX_DOCUMENT_BYTES:
        raise QueryError(
            f"BSONObj size is invalid: a document takes more than {MAX_DOCUMENT_BYTES} bytes (16 MB)",
            number=10334,
            name="BSONObjectTooLarge",
        )
    return document
