"""Values of database calls: plain JSON with dates as exact ISO text and ids as text (aliyun-wire.md §5.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from yunbox.documents.query import ejson

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_DATE_LENGTH = len("2020-01-02T03:04:05.678Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(value: Any) -> Any:
    """The stored form of a value from the wire: texts of the form ``yyyy-MM-ddTHH:mm:ss.SSSZ`` become dates, and integers
    beyond 64 bits the doubles that JavaScript wrote.
    """
    if isinstance(value, str):
        return parse_date(value) if len(value) == _DATE_LENGTH and value[-1] == "Z" else value
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def parse_date(text: str) -> datetime | str:
    """The date that ``text`` spells, or ``text`` itself when it is not one (13th months stay text)."""
    if not _DATE.fullmatch(text):
        return text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def format_date(value: datetime) -> str:
    """``value`` as the SDKs read a date back: UTC, three digits of milliseconds, ``Z``."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z".rjust(_DATE_LENGTH, "0")


def encode(value: Any, hide: Collection[str] = ()) -> Any:
    """``value`` in the JSON the SDKs read; keys in ``hide`` are left out of every object."""
    if isinstance(value, dict):
        return {key: encode(item, hide) for key, item in value.items() if key not in hide}
    if isinstance(value, list):
        return [encode(item, hide) for item in value]
    if value is None or type(value) in (str, bool, int):
        return value
    return _encode_scalar(value)


def _encode_scalar(value: Any) -> Any:
    match value:
        case float():
            return _encode_float(value)
        case Int64():
            return int(value)
        case datetime():
            return format_date(value)
        case ObjectId():
            return str(value)
        case Decimal128():
            return _encode_float(float(value.to_decimal()))
        case Regex():
            return f"/{value.pattern}/{_regex_flags(value)}"
        case bytes():
            return {"type": "Buffer", "data": list(value)}
        case DatetimeMS() | Timestamp() | Code() | MinKey() | MaxKey() | Binary():
            return ejson.to_canonical(value)
        case _:
            return value


def _encode_float(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _regex_flags(value: Regex[Any]) -> str:
    flags = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
    return "".join(letter for flag, letter in flags.items() if value.flags & flag)
