"""Values as error messages show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from re import Pattern
from typing import Any

import orjson
from bson import Binary, DatetimeMS, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp

from .ejson import to_plain
from .values import MISSING, date_millis, regex_parts

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


def in_shell_form(value: Any) -> str:
    """A value as MongoDB's messages write it: ``{ a: 1, at: new Date(0) }``."""
    if isinstance(value, dict):
        members = [f"{name}: {in_shell_form(member)}" for name, member in value.items()]
        return f"{{ {', '.join(members)} }}" if members else "{}"
    if isinstance(value, list):
        return f"[ {', '.join(map(in_shell_form, value))} ]" if value else "[]"
    for kind, written in _WRITTEN.items():
        if isinstance(value, kind):
            return written(value)
    return shown(None if value is MISSING else value)


def _binary(value: bytes) -> str:
    return f"BinData({getattr(value, 'subtype', 0)}, {value.hex().upper()})"


def _regex(value: Any) -> str:
    pattern, options = regex_parts(value)
    return f"/{pattern}/{options}"


def _date(value: Any) -> str:
    return f"new Date({date_millis(value)})"


_WRITTEN: dict[type, Callable[[Any], str]] = {
    ObjectId: lambda value: f"ObjectId('{value}')",
    datetime: _date,
    DatetimeMS: _date,
    Decimal128: lambda value: f'NumberDecimal("{value}")',
    Binary: _binary,
    bytes: _binary,
    Regex: _regex,
    Pattern: _regex,
    Timestamp: lambda value: f"Timestamp({value.time}, {value.inc})",
    MinKey: lambda value: "MinKey",
    MaxKey: lambda value: "MaxKey",
}
