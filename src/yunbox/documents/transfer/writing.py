"""Documents into files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import bson
import orjson

from yunbox.documents.query.ejson import loads
from yunbox.documents.query.values import UNDEFINED
from yunbox.errors import InvalidRequest

from .formats import Format
from .values import at, cell, readable

_BATCH = 1000


def write_documents(texts: Iterable[bytes], file: BinaryIO, format: Format, fields: Sequence[str] = ()) -> int:
    """Write documents, given in their stored form; the result is how many there were. CSV has ``fields`` as its columns.

    Raises:
        InvalidRequest: when CSV is wanted without fields, or BSON cannot hold a document.
    """
    check_fields(format, fields)
    if format == "csv":
        return _write_csv(texts, file, fields)
    count = 0
    if format == "array":
        file.write(b"[")
    for text in texts:
        if format == "array":
            file.write((b",\n" if count else b"\n") + _line(text))
        else:
            file.write(_bson(text) if format == "bson" else _line(text) + b"\n")
        count += 1
    if format == "array":
        file.write(b"\n]\n")
    return count


def check_fields(format: Format, fields: Sequence[str]) -> None:
    """Raises `InvalidRequest` when CSV is wanted without fields (DBA-2)."""
    if format == "csv" and not fields:
        raise InvalidRequest("CSV needs a list of fields: --fields name,age / 导出 CSV 需要指定字段")


def _line(text: bytes) -> bytes:
    return text if b'"$' not in text else orjson.dumps(readable(loads(text)))


def _bson(text: bytes) -> bytes:
    try:
        return bson.encode(_without_undefined(loads(text)))
    except (bson.errors.BSONError, OverflowError) as error:
        raise InvalidRequest(f"a document cannot be written as BSON: {error}") from None


def _without_undefined(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_undefined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_undefined(item) for item in value]
    return None if value is UNDEFINED else value


def _write_csv(texts: Iterable[bytes], file: BinaryIO, fields: Sequence[str]) -> int:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(fields)
    count = 0
    for text in texts:
        document = loads(text)
        writer.writerow([cell(at(document, field)) for field in fields])
        count += 1
        if count % _BATCH == 0:
            _drain(buffer, file)
    _drain(buffer, file)
    return count


def _drain(buffer: io.StringIO, file: BinaryIO) -> None:
    file.write(buffer.getvalue().encode())
    buffer.seek(0)
    buffer.truncate()
