"""The documents that are measured: about 400 bytes each, of many types."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2024, 1, 1, tzinfo=UTC)
INDEXES: list[list[tuple[str, Any]]] = [[("age", 1)], [("address.city", 1), ("age", 1)], [("tags", 1)]]


def document(number: int, chance: random.Random) -> dict[str, Any]:
    """The ``number``-th document."""
    return {
        "_id": f"{number:024x}",
        "name": f"user{number}",
        "age": chance.randrange(100),
        "score": chance.random() * 100,
        "tags": [f"tag{chance.randrange(50)}" for _ in range(3)],
        "address": {"city": f"city{chance.randrange(100)}", "zip": f"{chance.randrange(99999):05d}"},
        "created": START + timedelta(seconds=number),
        "loc": {"type": "Point", "coordinates": [chance.random() * 360 - 180, chance.random() * 180 - 90]},
        "bio": "lorem ipsum dolor sit amet " * 3,
        "active": number % 2 == 0,
    }


def documents(count: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """``count`` documents, always the same."""
    chance = random.Random(first)
    for number in range(first, first + count):
        yield document(number, chance)
