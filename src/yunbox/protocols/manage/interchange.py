"""Documents as people and other clouds read them: JSON Lines in relaxed Extended JSON, and CSV (DBA-1, DBA-2)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId

from yunbox.documents.query.ejson import from_wire, to_plain
from yunbox.errors import InvalidRequest, QueryError

Record = tuple[int, dict[str, Any] | str]
"""The line that a record starts on, and the document or why it is none."""


def readable(value: Any) -> Any:
    """A value as JSON types; dates are ``{"$date": "2018-08-31T17:30:00.882Z"}``, numbers are plain."""
    if isinstance(value, Mapping):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, datetime):
        text = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"$date": text}
    return to_plain(value)


def read_json(text: str) -> Iterator[Record]:
    """Documents from JSON Lines, from objects that follow each other in any layout, or from one JSON array."""
    decoder = json.JSONDecoder()
    position, line, counted = 0, 1, 0
    array = False
    while True:
        position = _skip(text, position, array)
        if position >= len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        if not array and text[position] == "[":
            array, position = True, position + 1
            continue
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            yield line, f"not valid JSON: {error}"
            following = text.find("\n", position)
            position = len(text) if following < 0 else following + 1
            continue
        yield line, _document(value)


def _skip(text: str, position: int, array: bool) -> int:
    blank = " \t\r\n\ufeff" + (",]" if array else "")
    while position < len(text) and text[position] in blank:
        position += 1
    return position


def _document(value: Any) -> dict[str, Any] | str:
    if not isinstance(value, dict):
        return f"a record must be an object, not {type(value).__name__}"
    if problem := _bad_key(value):
        return problem
    try:
        decoded = from_wire(value)
    except (QueryError, InvalidRequest) as error:
        return error.message
    if not isinstance(decoded, dict):
        return "a record must be an object, not an Extended JSON value"
    return {key: _with_text_ids(item) for key, item in decoded.items()}


def _with_text_ids(value: Any) -> Any:
    """ObjectIds as text: the clients of both clouds ask for documents by ids that are text, and join on them."""
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, dict):
        return {key: _with_text_ids(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_ids(item) for item in value]
    return value


def _bad_key(value: Mapping[str, Any]) -> str | None:
    for key in value:
        if key.startswith(".") or key.endswith(".") or ".." in key:
            return f"the key `{key}` starts or ends with a dot, or has two in a row"
        parent = key.rpartition(".")[0]
        while parent:
            if parent in value:
                return f"the keys `{parent}` and `{key}` are ambiguous together"
            parent = parent.rpartition(".")[0]
    return None


def read_csv(text: str) -> Iterator[Record]:
    """Documents from CSV whose first line holds the keys; numbers, ``true`` and ``false`` get their type, an empty cell
    is a missing field, a key with dots a nested one."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    keys = next(rows, None)
    if not keys:
        return
    for row in rows:
        if not row:
            continue
        if len(row) > len(keys):
            yield rows.line_num, f"the line has {len(row)} cells for {len(keys)} keys"
            continue
        document: dict[str, Any] = {}
        for key, cell in zip(keys, row, strict=False):
            if cell != "":
                _put(document, key.strip(), _typed(cell))
        yield rows.line_num, _document(document)


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = document.setdefault(parent, {})
        if not isinstance(below, dict):
            below = document[parent] = {}
        document = below
    document[last] = value


def _typed(cell: str) -> Any:
    if cell in ("true", "false"):
        return cell == "true"
    if cell[:1] in ("{", "["):
        try:
            return orjson.loads(cell)
        except orjson.JSONDecodeError:
            return cell
    # A number with a leading zero is a code or a phone number, and must stay text.
    if cell.lstrip("-").replace(".", "", 1).isdigit() and not (
        cell.lstrip("-").startswith("0") and len(cell) > 1 and "." not in cell
    ):
        number = float(cell) if "." in cell else int(cell)
        return number if abs(number) < 2**53 else cell
    return cell


def write_json(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON Lines."""
    return b"".join(orjson.dumps(readable(document)) + b"\n" for document in documents)


def write_csv(documents: Iterable[Mapping[str, Any]], fields: list[str]) -> bytes:
    """CSV rows of ``fields`` (dotted paths); what is no plain value is written as JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for document in documents:
        writer.writerow([_cell(_at(document, field)) for field in fields])
    return buffer.getvalue().encode()


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, datetime):
        return str(readable(value)["$date"])
    return orjson.dumps(readable(value)).decode()
