"""What mongodump writes beside documents: the metadata of a collection, and archives that hold many collections.

An archive is a magic number, a prelude (BSON: a header, then the metadata of each collection), and blocks: a header that names
a collection, its documents, a terminator. Blocks of several collections alternate.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

import bson
from bson.errors import BSONError

from yunbox.documents import commands as c
from yunbox.documents.query.ejson import from_wire
from yunbox.documents.stores import Engine
from yunbox.errors import InvalidRequest, YunboxError

from .formats import Record
from .reading import MAX_RECORD, bson_document

_MAGIC = b"\x6d\xe2\x99\x81"
_GZIP = b"\x1f\x8b"
_TERMINATOR = -1

Document = dict[str, Any]


def archive_in(file: BinaryIO) -> Archive | None:
    """The archive that a file is, perhaps compressed by gzip; ``None``, and the file at its beginning, for any other.

    Raises:
        InvalidRequest: when it is damaged.
    """
    packed = file.read(2) == _GZIP
    file.seek(0)
    source = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
    try:
        if source.read(4) == _MAGIC:
            return Archive(source)
    except (OSError, EOFError):
        pass
    file.seek(0)
    return None


class Archive:
    """An archive whose magic number was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._metadata: dict[str, Document] = {}
        self._decoded()
        while (described := self._decoded()) is not None:
            name = f"{described.get('db')}.{described.get('collection')}"
            self._metadata[name] = json.loads(described.get("metadata") or "{}")

    def find(self, name: str, default: str) -> str:
        """The collection ``name`` (``collection`` or ``database.collection``), or without a name the only one there is, or the
        one called ``default``.

        Raises:
            InvalidRequest: when it is not there.
        """
        names = list(self._metadata)
        wanted = name or default
        found = [one for one in names if wanted in (one, one.partition(".")[2])]
        if not found and not name and len(names) == 1:
            found = names
        if len(found) != 1:
            raise InvalidRequest(
                f"name one of the archive's collections: {', '.join(sorted(names)) or 'there are none'}"
                " / 请用 --source 指定归档中的集合"
            )
        return found[0]

    def indexes(self, name: str) -> list[Document]:
        """The index definitions of a collection."""
        return indexes_of(self._metadata[name])

    def records(self, name: str) -> Iterator[Record]:
        """The documents of a collection; to be read once."""
        number = 0
        try:
            while (header := self._decoded()) is not None:
                mine = f"{header.get('db')}.{header.get('collection')}" == name
                while (data := self._read()) is not None:
                    if mine:
                        number += 1
                        yield Record(number, bson_document(data), len(data))
        except InvalidRequest as error:
            yield Record(number + 1, error.message)

    def _decoded(self) -> Document | None:
        data = self._read()
        try:
            return None if data is None else bson.decode(data)
        except BSONError as error:
            raise _damaged() from error

    def _read(self) -> bytes | None:
        """The next BSON document; ``None`` at a terminator and at the end."""
        head = self._file.read(4)
        if not head:
            return None
        size = struct.unpack("<i", head)[0] if len(head) == 4 else 0
        if size == _TERMINATOR:
            return None
        rest = self._file.read(size - 4) if 5 <= size <= MAX_RECORD else b""
        if len(rest) + 4 != size:
            raise _damaged()
        return head + rest


def _damaged() -> InvalidRequest:
    return InvalidRequest("the archive is damaged or ends too early / 归档文件不完整")


def indexes_of(metadata: Mapping[str, Any]) -> list[Document]:
    """The index definitions in a collection's metadata, as MongoDB lists them, without that of ``_id``."""
    found = [cast(Document, from_wire(one)) for one in metadata.get("indexes", ()) if isinstance(one, dict)]
    return [_spelt_out(one) for one in found if isinstance(one.get("key"), dict) and list(one["key"]) != ["_id"]]


def _spelt_out(index: Document) -> Document:
    """A text index names its fields among its weights only."""
    if "_fts" not in index["key"]:
        return index
    key: Document = {}
    for path, kind in index["key"].items():
        if path == "_fts":
            key |= dict.fromkeys(index.get("weights", {}), "text")
        elif path != "_ftsx":
            key[path] = kind
    return {**index, "key": key}


def make_indexes(engine: Engine, collection: str, indexes: list[Document]) -> tuple[list[str], list[str]]:
    """Make indexes; the names of those that are there now, and what was wrong with the others."""
    made, problems = [], []
    for index in indexes:
        try:
            made.append(str(engine.run_sync(c.create_index(collection, index["key"], index))))
        except YunboxError as error:
            problems.append(f"{index.get('name')}: {error.message}")
    return made, problems
