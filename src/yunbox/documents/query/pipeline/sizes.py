"""Estimated sizes of values, for memory limits."""

from __future__ import annotations

from typing import Any

from ..expressions.failures import MEMORY_LIMIT, failure

OVERHEAD = 64
SAMPLE_EVERY = 16


def size_of(value: Any) -> int:
    """About how many bytes of memory a value takes."""
    if isinstance(value, str | bytes):
        return OVERHEAD + len(value)
    if isinstance(value, dict):
        return OVERHEAD + sum(len(key) + size_of(member) for key, member in value.items())
    if isinstance(value, list | tuple):
        return OVERHEAD + sum(size_of(member) for member in value)
    return OVERHEAD // 2


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
            self._recent = size_of(value)
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


def out_of_memory(name: str, limit: int) -> Exception:
    """The error of a blocking stage that exceeds its memory limit."""
    message = (
        f"Exceeded memory limit of {limit} bytes for {name}; pass allowDiskUse: true to let it use temporary files"
    )
    return failure(MEMORY_LIMIT, message)
