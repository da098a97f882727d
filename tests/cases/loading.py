"""Read the table of MongoDB cases that may lie beside the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from yunbox.documents.query.ejson import from_wire

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases" / "mongo-cases.jsonl"

_VALUES = (
    "doc",
    "docs",
    "collections",
    "query",
    "pipeline",
    "expr",
    "update",
    "arrayFilters",
    "projection",
    "let",
    "sort",
    "ops",
)
_RESULTS = ("expected", "expected_ids", "expected_first", "outcome")

Case = dict[str, Any]


def cases() -> Iterator[Case]:
    """Every case as it stands in the file; Extended JSON is not decoded yet."""
    with CASES.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def decoded(case: Case) -> Case:
    """The case with its values decoded. Raises what decoding raises."""
    return {name: from_wire(value) if name in (*_VALUES, *_RESULTS) else value for name, value in case.items()}
