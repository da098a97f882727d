"""``$jsonSchema``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compile_schema(schema: Any) -> Callable[[Any], bool]:
    """A test of documents against a schema."""
    raise NotImplementedError
