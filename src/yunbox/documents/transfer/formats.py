"""The file formats that documents come and go in."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

Format = Literal["json", "array", "csv", "bson"]
"""``json`` is JSON Lines (a JSON array is understood as well), ``array`` one JSON array, ``csv`` has its keys in the first
line, ``bson`` is what mongodump writes."""

FORMATS: tuple[str, ...] = get_args(Format)


class Record(NamedTuple):
    """One record of a file: the line it starts on (for BSON its number), the document or why it is none, and about how
    many bytes it takes."""

    line: int
    content: dict[str, Any] | str
    size: int = 0


def format_of(name: str) -> Format:
    """The format of a file by its name: ``.csv``, ``.bson``, else JSON; a final ``.gz`` says nothing."""
    suffix = name.lower().removesuffix(".gz").rpartition(".")[2]
    return "csv" if suffix == "csv" else "bson" if suffix == "bson" else "json"
