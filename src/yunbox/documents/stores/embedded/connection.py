"""SQLite connections as the engine needs them: settings, and the functions that SQL calls back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import apsw
import orjson

from yunbox.documents.query.effort import watched
from yunbox.errors import InvalidRequest, QueryError

from .encoding import decode

APPLICATION_ID = 0x79627864
FORMAT = 3
_READABLE = (1, 2, FORMAT)
PROGRESS_STEPS = 20_000

_COMMON = ("PRAGMA mmap_size=2147483648", "PRAGMA temp_store=MEMORY", "PRAGMA trusted_schema=OFF")


def open_writer(path: Path, synchronous: str) -> apsw.Connection:
    """The one connection that writes; makes the file when it is not there.

    Raises:
        InvalidRequest: when the file is something else.
    """
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    try:
        _check_format(connection, path)
        connection.pragma("page_size", 4096)
        connection.pragma("journal_mode", "wal")
    except (apsw.NotADBError, apsw.CorruptError) as error:
        connection.close()
        raise InvalidRequest(f"{path} is not a yunbox document file: {error}; restore it from a backup") from error
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.pragma("synchronous", synchronous)
    connection.pragma("cache_size", -65536)
    connection.pragma("journal_size_limit", 16 * 2**20)
    connection.wal_autocheckpoint(0)
    return _prepared(connection)


def _check_format(connection: apsw.Connection, path: Path) -> None:
    application, version = connection.pragma("application_id"), connection.pragma("user_version")
    if application == 0 and version == 0:
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", FORMAT)
    elif application != APPLICATION_ID or version not in _READABLE:
        connection.close()
        raise InvalidRequest(f"{path} is not a yunbox document file of format {FORMAT}")


def open_reader(path: Path) -> apsw.Connection:
    """A connection that only reads, each statement from its own snapshot."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(5000)
    connection.pragma("cache_size", -16384)
    connection.pragma("query_only", True)
    return _prepared(connection)


def _prepared(connection: apsw.Connection) -> apsw.Connection:
    # Statements would be planned again for each new LIMIT, and each new operand where there is an ORDER BY.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for statement in _COMMON:
        connection.execute(statement)
    connection.create_scalar_function("document_matches", _document_matches, 3)
    connection.create_scalar_function("text_matches", _text_matches, 2)
    return connection


def _document_matches(*arguments: Any) -> bool:
    matcher, text, wrapped = arguments
    return bool(matcher(decode(text, wrapped)))


def _text_matches(*arguments: Any) -> bool:
    test, text = arguments
    return type(text) is str and test(text)


class Deadline:
    """A point in time after which work stops."""

    __slots__ = ("_at",)

    def __init__(self, milliseconds: int) -> None:
        self._at = time.monotonic() + milliseconds / 1000

    def passed(self) -> bool:
        return time.monotonic() > self._at

    def check(self) -> None:
        """Raises `QueryError` MaxTimeMSExpired when the time is over."""
        if self.passed():
            raise time_is_over()


def time_is_over() -> QueryError:
    return QueryError("operation exceeded time limit", number=50, name="MaxTimeMSExpired")


def limited(connection: apsw.Connection, deadline: Deadline | None) -> AbstractContextManager[None]:
    """Run statements, and evaluate expressions, that stop when the deadline passes or the process grows too much."""
    return watched(None) if deadline is None else _until(connection, deadline)


@contextmanager
def _until(connection: apsw.Connection, deadline: Deadline) -> Iterator[None]:
    connection.set_progress_handler(deadline.passed, PROGRESS_STEPS)
    try:
        with watched(deadline.check):
            yield
    except apsw.InterruptError as error:
        raise time_is_over() from error
    finally:
        connection.set_progress_handler(None)


def json_array(values: list[Any]) -> str:
    """Values as the JSON text of an array, for ``json_each``."""
    return orjson.dumps(values).decode()


def json_path(parts: tuple[str, ...]) -> str:
    """A SQL literal of the JSON path through object members."""
    members = "".join('."' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
    return "'$" + members.replace("'", "''") + "'"
