"""Spaces, their keys, settings and rules in ``server.sqlite``. Secrets are encrypted with the server's keyring."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import orjson

from yunbox.spaces.space import Space
from yunbox.tools.keyring import Keyring

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS space(id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, keys BLOB NOT NULL, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rule(space TEXT NOT NULL, resource TEXT NOT NULL, name TEXT NOT NULL, rule TEXT NOT NULL,
  PRIMARY KEY(space, resource, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app(space TEXT NOT NULL, provider TEXT NOT NULL, app_id TEXT NOT NULL, config BLOB NOT NULL,
  PRIMARY KEY(space, provider, app_id)) WITHOUT ROWID;
"""


class SpaceStore:
    """Rows of ``server.sqlite``. Calls are rare (everything is cached above), so one connection and a lock serve all."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._root = path.parent / "spaces"
        self._keyring = keyring
        self._lock = threading.Lock()
        # SQLite gives its side files the mode of the database, so that has to be right first.
        path.touch(mode=0o600)
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(5000)
        self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL").fetchall()
        self._db.execute(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={FORMAT}")

    def close(self) -> None:
        self._db.close()

    def _execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._db.execute(sql, values))

    def spaces(self) -> Iterator[Space]:
        for row in self._execute("SELECT id, created_at, keys, settings FROM space ORDER BY created_at, id"):
            yield self._space(*row)

    def _space(self, space_id: str, created_at: int, keys: bytes, settings: str) -> Space:
        return Space(
            id=space_id,
            created_at=created_at,
            directory=self._root / space_id,
            settings=orjson.loads(settings),
            **orjson.loads(self._keyring.decrypt(keys)),
        )

    def insert(self, space_id: str, created_at: int, keys: dict[str, str]) -> Space:
        sealed = self._keyring.encrypt(orjson.dumps(keys).decode())
        self._execute("INSERT INTO space VALUES(?,?,?,'{}')", space_id, created_at, sealed)
        return self._space(space_id, created_at, sealed, "{}")

    def set_keys(self, space_id: str, keys: dict[str, str]) -> None:
        sealed = self._keyring.encrypt(orjson.dumps(keys).decode())
        self._execute("UPDATE space SET keys=? WHERE id=?", sealed, space_id)

    def set_settings(self, space_id: str, settings: dict[str, Any]) -> None:
        self._execute("UPDATE space SET settings=? WHERE id=?", orjson.dumps(settings).decode(), space_id)

    def delete(self, space_id: str) -> None:
        for table, column in (("rule", "space"), ("app", "space"), ("space", "id")):
            self._execute(f"DELETE FROM {table} WHERE {column}=?", space_id)

    def rules(self) -> list[tuple[str, str, str, Any]]:
        """Every stored rule: (space, resource, name, rule)."""
        rows = self._execute("SELECT space, resource, name, rule FROM rule")
        return [(space, resource, name, orjson.loads(rule)) for space, resource, name, rule in rows]

    def set_rule(self, space_id: str, resource: str, name: str, rule: Any) -> None:
        text = orjson.dumps(rule).decode()
        self._execute("INSERT OR REPLACE INTO rule VALUES(?,?,?,?)", space_id, resource, name, text)

    def delete_rule(self, space_id: str, resource: str, name: str) -> None:
        self._execute("DELETE FROM rule WHERE space=? AND resource=? AND name=?", space_id, resource, name)

    def apps(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Every registered app: (space, provider, app id, configuration with its secrets)."""
        rows = self._execute("SELECT space, provider, app_id, config FROM app")
        return [(s, provider, app_id, orjson.loads(self._keyring.decrypt(blob))) for s, provider, app_id, blob in rows]

    def set_app(self, space_id: str, provider: str, app_id: str, config: dict[str, Any]) -> None:
        sealed = self._keyring.encrypt(orjson.dumps(config).decode())
        self._execute("INSERT OR REPLACE INTO app VALUES(?,?,?,?)", space_id, provider, app_id, sealed)

    def delete_app(self, space_id: str, provider: str, app_id: str) -> None:
        self._execute("DELETE FROM app WHERE space=? AND provider=? AND app_id=?", space_id, provider, app_id)
