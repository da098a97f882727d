"""Estimated sizes of values, for memory limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import effort
from ..expressions.failures import MEMORY_LIMIT, failure
from .lookup import Document

OVERHEAD = 64
SAMPLE_EVERY = 16


def size_of(value: Any, most: int = 2**63) -> int:
    """About how many bytes of memory a value takes; once above ``most`` it is not counted further."""
    if isinstance(value, str | bytes):
        return OVERHEAD + len(value)
    size = OVERHEAD
    if isinstance(value, dict):
        size += sum(map(len, value))
        value = value.values()
    elif not isinstance(value, list | tuple):
        return OVERHEAD // 2
    for member in value:
        size += size_of(member, most - size)
        if size > most:
            break
    return size


class Meter:
    """Adds up what a blocking stage holds; after a few values, only every 16th is measured."""

    __slots__ = ("_count", "_recent", "limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._count = 0
        self._recent = 0

    def hold(self, value: Any) -> bool:
        """Note one more value; false when the limit is exceeded."""
        if self._count < SAMPLE_EVERY or not self._count % SAMPLE_EVERY:
            self._recent = size_of(value, self.limit)
        self._count += 1
        self.used += self._recent
        return self.used <= self.limit

    def reset(self) -> None:
        """Everything held has been given away."""
        self.used = 0

    def require(self, name: str, value: Any) -> None:
        """Note one more value of a stage that cannot spill; raises error 292 over the limit."""
        if not self.hold(value):
            raise out_of_memory(name, self.limit)


def gathered(documents: Iterable[Document], limit: int, number: int) -> list[Document]:
    """The documents as a list. Raises error ``number`` when they take more than ``limit`` bytes."""
    result: list[Document] = []
    used = weight = 0
    for document in documents:
        if len(result) < SAMPLE_EVERY or not len(result) % SAMPLE_EVERY:
            effort.spend(SAMPLE_EVERY)
            weight = effort.weight(document, limit)
        used += weight
        if used > limit:
            raise effort.out_of_memory("an array of documents", used, limit, number)
        result.append(document)
    return result


def accumulated_too_much(name: str, limit: int) -> Exception:
    """The error (146) of accumulators that keep more than fits into memory, on disk or not."""
    return effort.out_of_memory(f"the accumulators of {name}", limit, limit)


def out_of_memory(name: str, limit: int) -> Exception:
    """The error of a blocking stage that exceeds its memory limit."""
    message = (
        f"Exceeded memory limit of {limit} bytes for {name}; pass allowDiskUse: true to let it use temporary files"
    )
    return failure(MEMORY_LIMIT, message)
