"""Geospatial conditions."""

from __future__ import annotations

from typing import Any

from .filters import Condition


class Near:
    """The condition of ``$near`` and ``$nearSphere``."""

    def distance(self, document: Any) -> float | None:
        """The distance of a document."""
        raise NotImplementedError

    def ordered(self, documents: list[Any]) -> list[Any]:
        """Documents by distance."""
        raise NotImplementedError


def is_geo_operator(name: str) -> bool:
    """Whether a field operator is geospatial."""
    return False


def geo_condition(path: str, operand: dict[str, Any]) -> tuple[Condition, Near | None, dict[str, Any]]:
    """The condition of an operator object with a geospatial operator, and what else it holds."""
    raise NotImplementedError
