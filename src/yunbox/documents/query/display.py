"""Values as error messages show them."""

from __future__ import annotations

from typing import Any

import orjson

from .ejson import to_plain
from .values import MISSING

_LONGEST = 200


def shown(value: Any) -> str:
    """A short text of any value."""
    if value is MISSING:
        return "missing"
    try:
        text = orjson.dumps(to_plain(value)).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
