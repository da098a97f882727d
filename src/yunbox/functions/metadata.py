"""Functions of one space on disk: ``functions.sqlite``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec
import orjson

from yunbox.functions.function import Deployment, FunctionSettings

_SCHEMA = """
CREATE TABLE IF NOT EXISTS functions (
  name TEXT PRIMARY KEY, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  current INTEGER NOT NULL, next INTEGER NOT NULL, overrides TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE IF NOT EXISTS deployments (
  function TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, directory TEXT NOT NULL,
  in_place INTEGER NOT NULL, tree TEXT, fallback TEXT, settings TEXT NOT NULL, missing TEXT NOT NULL, warnings TEXT NOT NULL,
  PRIMARY KEY (function, version)
) STRICT;
"""


class Metadata:
    """The functions, deployments and overrides of one space. Synchronous and small; the service keeps what is hot."""

    def __init__(self, path: Path, space: str, data: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._space = space
        self._data = data
        self._connection = apsw.Connection(str(path))
        self._connection.set_busy_timeout(5000)
        self._connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL").fetchall()
        self._connection.execute(_SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def names(self) -> list[str]:
        return [name for (name,) in self._connection.execute("SELECT name FROM functions ORDER BY name")]

    def current(self, name: str) -> tuple[Deployment, dict[str, Any], int, int] | None:
        """The current deployment, the overrides set after it, and when the function was made and changed."""
        row = self._connection.execute(
            "SELECT current, overrides, created_at, updated_at FROM functions WHERE name=?", (name,)
        ).fetchone()
        if row is None:
            return None
        version, overrides, created_at, updated_at = row
        return self.deployment(name, version), orjson.loads(overrides), created_at, updated_at

    def versions(self, name: str) -> list[int]:
        rows = self._connection.execute("SELECT version FROM deployments WHERE function=? ORDER BY version", (name,))
        return [version for (version,) in rows]

    def deployment(self, name: str, version: int) -> Deployment:
        """One version; it must exist."""
        row = self._connection.execute(
            "SELECT created_at, directory, in_place, tree, fallback, settings, missing, warnings FROM deployments "
            "WHERE function=? AND version=?",
            (name, version),
        ).fetchone()
        assert row is not None, f"{name} has no version {version}"
        created_at, directory, in_place, tree, fallback, settings, missing, warnings = row
        return Deployment(
            space=self._space,
            function=name,
            version=version,
            created_at=created_at,
            directory=self._absolute(directory),
            in_place=bool(in_place),
            tree=self._absolute(tree) if tree else None,
            fallback=self._absolute(fallback) if fallback else None,
            settings=msgspec.json.decode(settings, type=FunctionSettings),
            missing=orjson.loads(missing),
            warnings=tuple(orjson.loads(warnings)),
        )

    def trees(self) -> set[Path]:
        """The package trees of every kept version."""
        rows = self._connection.execute("SELECT tree FROM deployments UNION SELECT fallback FROM deployments")
        return {self._absolute(tree) for (tree,) in rows if tree}

    def next_version(self, name: str) -> int:
        row = self._connection.execute("SELECT next FROM functions WHERE name=?", (name,)).fetchone()
        return int(row[0]) if row else 1

    def add(self, deployment: Deployment) -> None:
        """Record a deployment and make it the current one."""
        values = (
            deployment.function,
            deployment.version,
            deployment.created_at,
            self._relative(deployment.directory),
            int(deployment.in_place),
            self._relative(deployment.tree) if deployment.tree else None,
            self._relative(deployment.fallback) if deployment.fallback else None,
            msgspec.json.encode(deployment.settings).decode(),
            orjson.dumps(dict(deployment.missing)).decode(),
            orjson.dumps(deployment.warnings).decode(),
        )
        name, now, version = deployment.function, deployment.created_at, deployment.version
        with self._connection:
            self._connection.execute("INSERT INTO deployments VALUES (?,?,?,?,?,?,?,?,?,?)", values)
            self._connection.execute(
                "INSERT INTO functions (name, created_at, updated_at, current, next) VALUES (?,?,?,?,?) "
                "ON CONFLICT (name) DO UPDATE SET updated_at=excluded.updated_at, current=excluded.current, next=excluded.next",
                (name, now, now, version, version + 1),
            )

    def point(self, name: str, version: int, now: int) -> None:
        """Make an earlier version the current one."""
        self._connection.execute("UPDATE functions SET current=?, updated_at=? WHERE name=?", (version, now, name))

    def override(self, name: str, overrides: dict[str, Any], now: int) -> None:
        """Replace the settings that were made after deployment."""
        text = orjson.dumps(overrides).decode()
        self._connection.execute("UPDATE functions SET overrides=?, updated_at=? WHERE name=?", (text, now, name))

    def forget(self, name: str, version: int) -> None:
        self._connection.execute("DELETE FROM deployments WHERE function=? AND version=?", (name, version))

    def delete(self, name: str) -> None:
        with self._connection:
            self._connection.execute("DELETE FROM deployments WHERE function=?", (name,))
            self._connection.execute("DELETE FROM functions WHERE name=?", (name,))

    # DATA can be moved as a whole, so what lies inside is recorded relative to it.

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._data)) if path.is_relative_to(self._data) else str(path)

    def _absolute(self, text: str) -> Path:
        return self._data / text
