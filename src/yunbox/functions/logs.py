"""What functions printed and how their invocations ended: ``logs.sqlite`` of a space, written by a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from yunbox.functions.function import LogLine

KEPT_DAYS = 7
KEPT_ROWS = 100_000
_PAUSE = 0.05
_BACKLOG = 10_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS invocations (
  request_id TEXT PRIMARY KEY, function TEXT NOT NULL, version INTEGER NOT NULL, started_at INTEGER NOT NULL,
  duration_ms REAL NOT NULL, cold INTEGER NOT NULL, status TEXT NOT NULL, caller TEXT NOT NULL, lines TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS invocations_by_time ON invocations (started_at);
CREATE INDEX IF NOT EXISTS invocations_by_function ON invocations (function, started_at);
"""


@dataclass(slots=True)
class LogRecord:
    """One invocation. ``status`` is ``success`` or the reason of its failure; ``caller`` an openid, a user id or a source."""

    request_id: str
    function: str
    version: int
    started_at: int
    duration_ms: float
    cold: bool
    status: str
    caller: str
    lines: list[LogLine] = field(default_factory=list)


_Item = LogRecord | tuple[str, LogLine]


class Logs:
    """Takes records at once and writes them in batches; when the disk cannot keep up, new ones are dropped rather than
    making calls wait."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._waiting: deque[_Item] = deque()
        self._flushes: deque[threading.Event] = deque()
        self._arrived = threading.Event()
        self._hurry = threading.Event()
        self._closed = False
        self._prepare()
        self._thread = threading.Thread(target=self._write, name="yunbox-function-logs", daemon=True)
        self._thread.start()

    def add(self, record: LogRecord) -> None:
        """Keep a finished invocation."""
        self._put(record)

    def add_line(self, request_id: str, line: LogLine) -> None:
        """Keep a line that was printed after its invocation was answered."""
        self._put((request_id, line))

    def read(
        self,
        *,
        function: str | None = None,
        request_id: str | None = None,
        status: str | None = None,
        after: int | None = None,
        before: int | None = None,
        text: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[LogRecord]:
        """Invocations, newest first. ``status`` may also be ``failure``: any but ``success``. Times in milliseconds."""
        self.flush()
        conditions = {
            "function = ?": function,
            "request_id = ?": request_id,
            "status = ?": None if status == "failure" else status,
            "started_at >= ?": after,
            "started_at < ?": before,
            "instr(lines, ?)": text,
        }
        used = {text: value for text, value in conditions.items() if value is not None}
        where = " AND ".join([*used, *(["status <> 'success'"] if status == "failure" else [])]) or "1"
        statement = f"SELECT * FROM invocations WHERE {where} ORDER BY started_at DESC, rowid DESC LIMIT ? OFFSET ?"
        with _closing(self._path) as connection:
            return [_record(row) for row in connection.execute(statement, (*used.values(), limit, offset))]

    def flush(self) -> None:
        """Wait until everything added so far can be read."""
        if self._thread.is_alive():
            written = threading.Event()
            self._flushes.append(written)
            self._hurry.set()
            self._arrived.set()
            written.wait(10)

    def close(self) -> None:
        """Write what waits and stop."""
        self._closed = True
        self._hurry.set()
        self._arrived.set()
        self._thread.join(10)

    def _put(self, item: _Item) -> None:
        if len(self._waiting) < _BACKLOG and not self._closed:
            self._waiting.append(item)
            # Waking a thread costs more than the rest of this; once for each batch is enough.
            if not self._arrived.is_set():
                self._arrived.set()

    def _prepare(self) -> None:
        with _closing(self._path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_SCHEMA)

    def _write(self) -> None:
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(5000)
        connection.execute("PRAGMA synchronous=OFF")
        written = 0
        while not (self._closed and not self._waiting):
            self._arrived.wait()
            self._hurry.wait(_PAUSE)
            self._arrived.clear()
            self._hurry.clear()
            flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            with connection:
                for item in batch:
                    _store(connection, item)
            for flush in flushes:
                flush.set()
            written += len(batch)
            if written > 1000:
                written = 0
                _prune(connection)
        connection.close()


def _store(connection: apsw.Connection, item: _Item) -> None:
    if isinstance(item, LogRecord):
        lines = msgspec.json.encode(item.lines).decode()
        connection.execute(
            "INSERT OR REPLACE INTO invocations VALUES (?,?,?,?,?,?,?,?,?)",
            (
                item.request_id, item.function, item.version, item.started_at, item.duration_ms, int(item.cold),
                item.status, item.caller, lines,
            ),
        )  # fmt: skip
    else:
        request_id, line = item
        connection.execute(
            "UPDATE invocations SET lines = json_insert(lines, '$[#]', json(?)) WHERE request_id = ?",
            (msgspec.json.encode(line).decode(), request_id),
        )


def _prune(connection: apsw.Connection) -> None:
    oldest = int((time.time() - KEPT_DAYS * 86400) * 1000)
    connection.execute("DELETE FROM invocations WHERE started_at < ?", (oldest,))
    connection.execute(
        "DELETE FROM invocations WHERE rowid <= (SELECT rowid FROM invocations ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
        (KEPT_ROWS,),
    )


def _record(row: tuple[apsw.SQLiteValue, ...]) -> LogRecord:
    request_id, function, version, started_at, duration_ms, cold, status, caller, lines = row
    return msgspec.convert(
        {
            "request_id": request_id,
            "function": function,
            "version": version,
            "started_at": started_at,
            "duration_ms": duration_ms,
            "cold": bool(cold),
            "status": status,
            "caller": caller,
            "lines": msgspec.json.decode(str(lines)),
        },
        LogRecord,
    )


class _closing:
    """A connection for the length of a block."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        self._connection.set_busy_timeout(5000)

    def __enter__(self) -> apsw.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
