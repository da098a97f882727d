"""Files as records, read piece by piece: what is wrong with a record is told in its place, and the next one follows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from yunbox.documents.query.ejson import is_encodable
from yunbox.errors import InvalidRequest

from .formats import Format, Record
from .keys import key_problem, nested
from .values import decoded, importable, typed

CHUNK = 2**20
MAX_RECORD = 64 * 2**20
"""Bytes after which what does not end is no record: four times what a document may have."""

_BLANK = " \t\r\n\ufeff"
_NOT_UTF8 = "the text is not UTF-8 / 文件必须是 UTF-8 编码"
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BSON_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def read_records(file: BinaryIO, format: Format) -> Iterator[Record]:
    """The records of a file that can be sought in. One compressed by gzip is read as what it holds.

    Raises:
        InvalidRequest: when the file is UTF-16.
    """
    head = file.read(2)
    file.seek(0)
    source = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if head == _GZIP else file
    if format == "bson":
        records = read_bson(source)
    elif head in _UTF16:
        raise InvalidRequest("the file is UTF-16; save it as UTF-8 / 文件必须是 UTF-8 编码")
    else:
        records = read_csv(source) if format == "csv" else read_json(source)
    return _until_damage(records)


def _until_damage(records: Iterator[Record]) -> Iterator[Record]:
    line = 0
    try:
        for record in records:
            line = record.line
            yield record
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield Record(line + 1, f"the compressed file is damaged: {error}")


# JSON


class _Text:
    """A window over the text of a file. ``position`` is where the next record begins, ``line`` its line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # What is no UTF-8 becomes lone surrogates, so that it can be told where it is.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._ended = False
        self.text = ""
        self.position = 0
        self.line = 1

    def more(self) -> bool:
        """Read on, at least as much as is held; whether there was anything."""
        if self._ended:
            return False
        chunk = self._file.read(max(CHUNK, len(self.text) - self.position))
        self._ended = not chunk
        self.text = self.text[self.position :] + self._decoder.decode(chunk, self._ended)
        self.position = 0
        return not self._ended

    def advance(self, position: int) -> None:
        self.line += self.text.count("\n", self.position, position)
        self.position = position

    def skip(self, blank: str) -> bool:
        """Pass over characters; whether something follows."""
        while True:
            position = self.position
            while position < len(self.text) and self.text[position] in blank:
                position += 1
            self.advance(position)
            if position < len(self.text):
                return True
            if not self.more():
                return False

    def skip_line(self) -> None:
        """Go to the start of the next line."""
        while (end := self.text.find("\n", self.position)) < 0:
            self.position = len(self.text)
            if not self.more():
                return
        self.advance(end + 1)


class _Json:
    """A JSON decoder that notices keys that cannot be; ``problem`` tells of the first since it was cleared."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) == len(pairs) and "." not in "".join(document):
            return document
        problem = key_problem(key for key, _ in pairs)
        if problem is None:
            return nested(document)
        self.problem = self.problem or problem
        return document

    def next(self, text: _Text) -> tuple[Any, int]:
        """The value at the window's position, and where it ends. Raises ``ValueError`` or ``RecursionError``."""
        while True:
            self.problem = None
            try:
                return self._decoder.raw_decode(text.text, text.position)
            except json.JSONDecodeError as error:
                if not _may_go_on(error, text) or not text.more():
                    raise


def _may_go_on(error: json.JSONDecodeError, text: _Text) -> bool:
    """Whether the value may only look wrong because the window ends."""
    if len(text.text) - text.position > MAX_RECORD:
        return False
    return len(text.text) - error.pos < 64 or error.msg.startswith("Unterminated string")


def read_json(file: BinaryIO) -> Iterator[Record]:
    """Documents from JSON Lines, from objects that follow each other in any layout, or from one JSON array."""
    text, parser, blank = _Text(file), _Json(), _BLANK
    while text.skip(blank):
        if blank is _BLANK and text.text[text.position] == "[":
            blank = _BLANK + ",]"
            text.advance(text.position + 1)
            continue
        line = text.line
        try:
            value, end = parser.next(text)
        except (ValueError, RecursionError) as error:
            yield Record(line, f"not valid JSON: {getattr(error, 'msg', error)}")
            text.skip_line()
            continue
        size = end - text.position
        yield Record(line, _json_document(text.text[text.position : end], value, parser.problem), size)
        text.advance(end)


def _json_document(source: str, value: Any, problem: str | None) -> dict[str, Any] | str:
    if not is_encodable(source):
        return _NOT_UTF8
    return problem or decoded(value)


# CSV


def read_csv(file: BinaryIO) -> Iterator[Record]:
    """Documents from CSV whose first line holds the keys; numbers, ``true``, ``false`` and JSON get their type, an empty
    cell is a missing field, a key with dots a nested one."""
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        csv.field_size_limit(MAX_RECORD)
        rows = csv.reader(lines, strict=True)
        keys = [key.strip() for key in next(rows, [])]
        if problem := key_problem(keys):
            yield Record(1, problem)
        elif keys:
            yield from _csv_records(rows, keys)
    except csv.Error as error:
        yield Record(rows.line_num, f"not valid CSV: {error}")
    finally:
        lines.detach()


def _csv_records(rows: Any, keys: list[str]) -> Iterator[Record]:
    line = rows.line_num + 1
    for row in rows:
        if row:
            yield Record(line, _csv_document(row, keys), sum(map(len, row)))
        line = rows.line_num + 1


def _csv_document(row: list[str], keys: list[str]) -> dict[str, Any] | str:
    if not is_encodable("".join(row)):
        return _NOT_UTF8
    if len(row) > len(keys):
        return f"the line has {len(row)} cells for {len(keys)} keys"
    return decoded(nested({key: typed(cell) for key, cell in zip(keys, row, strict=False) if cell != ""}))


# BSON


def read_bson(file: BinaryIO) -> Iterator[Record]:
    """Documents that follow each other, as in a ``.bson`` file of mongodump."""
    number = 0
    while head := file.read(4):
        number += 1
        size = struct.unpack("<i", head)[0] if len(head) == 4 else 0
        rest = file.read(size - 4) if 5 <= size <= MAX_RECORD else b""
        if len(rest) + 4 != size:
            yield Record(number, "not valid BSON: the file ends inside a document, or is no BSON")
            return
        yield Record(number, bson_document(head + rest), size)


def bson_document(data: bytes) -> dict[str, Any] | str:
    """The document in BSON, or why it is none."""
    try:
        document = bson.decode(data, _BSON_OPTIONS)
    except (BSONError, RecursionError) as error:
        return f"not valid BSON: {error}"
    return importable(document)
