"""Collections to measure on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine

from .dataset import INDEXES, documents

PORTION = 10_000


class Numbers:
    """Documents that are not there yet."""

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self, count: int) -> list[dict[str, Any]]:
        self._next += count
        return list(documents(count, self._next - count))

    def single(self, count: int) -> list[list[dict[str, Any]]]:
        """``count`` documents, each in a list of its own."""
        return [[one] for one in self.take(count)]


def portions(count: int) -> Iterator[list[dict[str, Any]]]:
    """``count`` documents in portions."""
    for first in range(0, count, PORTION):
        yield list(documents(min(PORTION, count - first), first))


def empty(path: Path, indexes: list[list[tuple[str, Any]]] = INDEXES, durability: str = "full") -> Engine:
    """An engine with one empty collection and its indexes."""
    engine = Engine.open(path / "documents.sqlite", durability=durability)
    engine.run_sync(c.CreateCollection("u"))
    for keys in indexes:
        engine.run_sync(c.CreateIndex("u", keys))
    return engine


def fill(engine: Engine, count: int) -> float:
    """Insert documents; the result is the seconds it took, making them up not counted."""
    elapsed = 0.0
    for portion in portions(count):
        started = time.perf_counter()
        engine.run_sync(c.Insert("u", portion))
        elapsed += time.perf_counter() - started
    return elapsed


def filled(path: Path, count: int, indexes: list[list[tuple[str, Any]]] = INDEXES) -> Engine:
    """An engine with a full collection."""
    engine = empty(path, indexes)
    fill(engine, count)
    return engine
