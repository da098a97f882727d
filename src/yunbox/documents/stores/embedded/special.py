"""Access through geo and text indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .access import Access
from .catalog import Collection


def special_access(collection: Collection, filter: Mapping[str, Any]) -> Access | None:
    """The access that a geo or text condition has through an index of its kind, if any."""
    return None
