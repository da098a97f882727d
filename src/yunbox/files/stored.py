"""What a space's files are: one row each, in ``files.sqlite``; the bytes live in an object store under their hash."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import orjson

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS file(key TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, size INTEGER NOT NULL,
  content_type TEXT NOT NULL, owner TEXT, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, headers TEXT NOT NULL)
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS file_hash ON file(hash);
"""
_COLUMNS = "key, id, hash, size, content_type, owner, created_at, modified_at, headers"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One stored file. Times are milliseconds; ``hash`` is the SHA-256 of the bytes in hex; ``owner`` is the uploading
    user's mark (``None`` for keys and functions); ``headers`` are those that a download repeats."""

    key: str
    id: str
    hash: str
    size: int
    content_type: str
    owner: str | None
    created_at: int
    modified_at: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The quoted entity tag: the same bytes have the same tag."""
        return f'"{self.hash[:32]}"'


class FileIndex:
    """The rows of one space. Reads and writes have a connection each, so that a read never waits for a disk flush."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._reading = threading.Lock()
        self._writer = apsw.Connection(str(path))
        self._writer.set_busy_timeout(10_000)
        self._writer.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL").fetchall()
        self._writer.execute(_SCHEMA)
        self._writer.execute(f"PRAGMA user_version={FORMAT}")
        self._reader = apsw.Connection(str(path))
        self._reader.set_busy_timeout(10_000)

    def close(self) -> None:
        with self.lock, self._reading:
            self._reader.close()
            self._writer.close()

    def get(self, key: str) -> StoredFile | None:
        return next(self._select("key=?", key), None)

    def by_id(self, file_id: str) -> StoredFile | None:
        return next(self._select("id=?", file_id), None)

    def list(self, prefix: str, marker: str, limit: int) -> list[StoredFile]:
        """Rows whose key starts with ``prefix`` and comes after ``marker``, in the order of their keys."""
        end = prefix + "\U0010ffff"
        return list(self._select("key>? AND key>=? AND key<? ORDER BY key LIMIT ?", marker, prefix, end, limit))

    def usage(self) -> tuple[int, int]:
        """How many files there are, and their bytes."""
        with self._reading:
            count, size = next(self._reader.execute("SELECT count(*), coalesce(sum(size), 0) FROM file"))
        return int(count), int(size)

    def uses(self, digest: str) -> bool:
        """Whether any row's bytes are these; asked while :attr:`lock` is held."""
        return next(self._writer.execute("SELECT 1 FROM file WHERE hash=? LIMIT 1", (digest,)), None) is not None

    def put(self, file: StoredFile) -> None:
        with self.lock:
            self._writer.execute(
                f"INSERT OR REPLACE INTO file({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?)",
                (
                    file.key,
                    file.id,
                    file.hash,
                    file.size,
                    file.content_type,
                    file.owner,
                    file.created_at,
                    file.modified_at,
                    orjson.dumps(dict(file.headers)).decode(),
                ),
            )

    def delete(self, key: str) -> None:
        with self.lock:
            self._writer.execute("DELETE FROM file WHERE key=?", (key,))

    def _select(self, where: str, *values: Any) -> Iterator[StoredFile]:
        with self._reading:
            rows: list[list[Any]] = [
                list(row) for row in self._reader.execute(f"SELECT {_COLUMNS} FROM file WHERE {where}", values)
            ]
        for row in rows:
            row[-1] = orjson.loads(row[-1])
            yield StoredFile(*row)
