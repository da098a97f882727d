"""``$text``."""

from __future__ import annotations

from typing import Any


class TextSearch:
    """A text search."""

    def matches(self, document: Any) -> bool:
        """Whether a document has the words."""
        raise NotImplementedError

    def score(self, document: Any) -> float:
        """How well a document fits."""
        raise NotImplementedError


def compile_text(operand: Any) -> TextSearch:
    """The search of a ``$text`` operand."""
    raise NotImplementedError
