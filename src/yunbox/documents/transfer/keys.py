"""What the keys of an imported record must be (DBA-1), and what dots in them mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def key_problem(keys: Iterable[str]) -> str | None:
    """Why these keys cannot be those of one object; ``None`` when they can."""
    known: set[str] = set()
    for key in keys:
        if key in known:
            return f"the key `{key}` occurs twice"
        if key.startswith(".") or key.endswith(".") or ".." in key:
            return f"the key `{key}` starts or ends with a dot, or has two in a row"
        known.add(key)
    for key in known:
        parent = key.rpartition(".")[0]
        while parent:
            if parent in known:
                return f"the keys `{parent}` and `{key}` are ambiguous together"
            parent = parent.rpartition(".")[0]
    return None


def nested(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with ``{"a.b": 1}`` as ``{"a": {"b": 1}}``; its keys have no problem."""
    result: dict[str, Any] = {}
    for key, value in document.items():
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result
