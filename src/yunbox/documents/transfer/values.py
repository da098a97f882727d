"""Values between documents and text: what people and other clouds write, and what they read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId

from yunbox.documents.query.ejson import from_wire, to_plain
from yunbox.errors import InvalidRequest, QueryError

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,308})(\.[0-9]+)?", re.ASCII)
_OBJECT_ID = re.compile(r"ObjectId\(\"?([0-9a-f]{24})\"?\)")


def readable(value: Any) -> Any:
    """A value as JSON types; dates are ``{"$date": "2018-08-31T17:30:00.882Z"}``, numbers are plain."""
    if isinstance(value, Mapping):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, datetime):
        return {"$date": iso(value)}
    return to_plain(value)


def iso(value: datetime) -> str:
    """A date as both clouds write it."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decoded(value: Any) -> dict[str, Any] | str:
    """The document in a parsed JSON value, or why it is none."""
    if not isinstance(value, dict):
        return f"a record must be an object, not {type(value).__name__}"
    try:
        document = from_wire(value)
    except (QueryError, InvalidRequest) as error:
        return error.message
    if not isinstance(document, dict):
        return "a record must be an object, not an Extended JSON value"
    return importable(document)


def importable(document: Mapping[str, Any]) -> dict[str, Any] | str:
    """A document as it is imported, or why it cannot be."""
    if odd := next((key for key in document if key.startswith("$")), None):
        return f"the key `{odd}` starts with a $"
    return {key: with_text_ids(item) for key, item in document.items()}


def with_text_ids(value: Any) -> Any:
    """ObjectIds as text: the clients of both clouds ask for documents by ids that are text, and join on them."""
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, dict):
        return {key: with_text_ids(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_text_ids(item) for item in value]
    return value


def typed(cell: str) -> Any:
    """The value in a cell: a number, ``true``, ``false``, a JSON object or array, ``ObjectId(…)``, else the text."""
    if cell in ("true", "false"):
        return cell == "true"
    if cell[:1] in ("{", "["):
        try:
            return orjson.loads(cell)
        except orjson.JSONDecodeError:
            return cell
    # A number with a leading zero is a code or a phone number, and must stay text.
    if match := _NUMBER.fullmatch(cell):
        number = float(cell) if match[1] else int(cell)
        return number if abs(number) < 2**53 else cell
    match = _OBJECT_ID.fullmatch(cell)
    return match[1] if match else cell


def cell(value: Any) -> str:
    """A value in a cell; what is no plain value is written as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, datetime):
        return iso(value)
    return orjson.dumps(readable(value)).decode()


def at(document: Any, path: str) -> Any:
    """The value at a dotted path; ``None`` where there is none."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document
