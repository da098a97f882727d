"""Calls to a platform's API that a space made in developer mode: ``platform_calls.sqlite`` of the space."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw
import orjson

from yunbox.spaces import SpaceService

KEPT = 1000
"""How many calls of a space are kept, the newest."""
LONGEST = 20_000
"""Longest arguments or answer that are kept whole, in bytes of JSON."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS call(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, api TEXT NOT NULL, function TEXT NOT NULL, caller TEXT NOT NULL,
  simulated INTEGER NOT NULL, error INTEGER NOT NULL, arguments BLOB NOT NULL, answer BLOB NOT NULL);
"""
_COLUMNS = "at, api, function, caller, simulated, error, arguments, answer"


@dataclass(frozen=True, slots=True)
class PlatformCall:
    """One call. ``at`` in milliseconds; ``function`` and ``caller`` (an openid) are empty when a server or nobody asked;
    ``error`` is the platform's number, 0 for success; ``arguments`` and ``answer`` are JSON values."""

    at: int
    api: str
    function: str
    caller: str
    simulated: bool
    error: int
    arguments: Any
    answer: Any


class PlatformCalls:
    """Keeps calls for inspection. They are few: each one opens the file and closes it."""

    def __init__(self, spaces: SpaceService) -> None:
        self._spaces = spaces

    def add(self, space_id: str, call: PlatformCall) -> None:
        """Keep a call; the oldest are forgotten."""
        row = (call.at, call.api, call.function, call.caller, call.simulated, call.error)
        with self._file(space_id) as connection, connection:
            connection.execute(
                f"INSERT INTO call({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?)",
                (*row, _text(call.arguments), _text(call.answer)),
            )
            connection.execute("DELETE FROM call WHERE id <= ?", (connection.last_insert_rowid() - KEPT,))

    def read(self, space_id: str, *, api: str = "", function: str = "", limit: int = 100) -> list[PlatformCall]:
        """Calls, newest first; ``api`` may be the beginning of a name (``security.``)."""
        where = "(? = '' OR instr(api, ?) = 1) AND (? = '' OR function = ?)"
        statement = f"SELECT {_COLUMNS} FROM call WHERE {where} ORDER BY id DESC LIMIT ?"
        with self._file(space_id) as connection:
            return [_call(row) for row in connection.execute(statement, (api, api, function, function, limit))]

    @contextlib.contextmanager
    def _file(self, space_id: str) -> Iterator[apsw.Connection]:
        connection = apsw.Connection(str(self._spaces.get(space_id).directory / "platform_calls.sqlite"))
        try:
            connection.set_busy_timeout(5000)
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(_SCHEMA)
            yield connection
        finally:
            connection.close()


def _text(value: Any) -> bytes:
    text = orjson.dumps(value, default=str)
    return text if len(text) <= LONGEST else orjson.dumps(text[:LONGEST].decode("utf-8", "ignore") + " …")


def _call(row: tuple[Any, ...]) -> PlatformCall:
    at, api, function, caller, simulated, error, arguments, answer = row
    return PlatformCall(
        at, api, function, caller, bool(simulated), error, orjson.loads(arguments), orjson.loads(answer)
    )
