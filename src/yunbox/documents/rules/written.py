"""Rules as they are written down: JSON that is kept, and the expressions in it. For collections, files and functions alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from yunbox.documents.rules import language as lang
from yunbox.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class WrittenRules:
    """``source`` is the JSON text of the rules."""

    source: str

    def to_json(self) -> dict[str, Any]:
        """The rules as they were written."""
        written: dict[str, Any] = orjson.loads(self.source)
        return written


def source_of(written: Mapping[str, Any], what: str) -> str:
    """The JSON text of rules; ``what`` names them to people.

    Raises:
        InvalidRequest: when something in them is not JSON.
    """
    try:
        return orjson.dumps(dict(written)).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidRequest(f"{what} must be JSON: {error}") from None


def parse_rule(written: object, name: str) -> lang.Node:
    """The tree of a rule: ``true``, ``false`` or an expression.

    Raises:
        InvalidRequest: for anything else; the message begins with the rule's ``name``.
    """
    if isinstance(written, bool):
        return lang.Literal(written)
    if not isinstance(written, str):
        raise InvalidRequest(f"the rule `{name}` must be true, false or an expression, not {written!r}")
    try:
        return lang.parse(written)
    except InvalidRequest as error:
        raise InvalidRequest(f"the rule `{name}`: {error.message}") from None
