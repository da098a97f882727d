"""Users and sessions of one space, in ``spaces/<space>/users.sqlite``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import orjson

from yunbox.identity.user import Identity, User

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS user(
  user_id TEXT PRIMARY KEY, provider TEXT NOT NULL, openid TEXT UNIQUE, unionid TEXT,
  username TEXT UNIQUE, email TEXT UNIQUE, phone TEXT UNIQUE, password TEXT, disabled INTEGER NOT NULL DEFAULT 0,
  profile TEXT NOT NULL DEFAULT '{}', created_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS user_seen ON user(last_seen_at);
CREATE TABLE IF NOT EXISTS identity(
  provider TEXT NOT NULL, app_id TEXT NOT NULL, external_id TEXT NOT NULL, user_id TEXT NOT NULL,
  PRIMARY KEY(provider, app_id, external_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identity_user ON identity(user_id);
CREATE TABLE IF NOT EXISTS session(
  session_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, provider TEXT NOT NULL, app_id TEXT NOT NULL,
  secret BLOB NOT NULL, previous BLOB, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_user ON session(user_id);
CREATE INDEX IF NOT EXISTS session_expiry ON session(expires_at);
CREATE TABLE IF NOT EXISTS code(
  name TEXT PRIMARY KEY, channel TEXT NOT NULL, target TEXT NOT NULL, digest BLOB NOT NULL, tries INTEGER NOT NULL,
  expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ticket_key(key_id TEXT PRIMARY KEY, public_key TEXT NOT NULL, created_at INTEGER NOT NULL);
"""
_USER_COLUMNS = (
    "user_id, provider, created_at, last_seen_at, openid, unionid, username, email, phone,"
    " password IS NOT NULL, disabled, profile"
)
CHANGEABLE = frozenset({"openid", "unionid", "username", "email", "phone", "password", "disabled", "profile"})


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A stored session; ``secret`` and ``previous`` are SHA-256 digests of refresh or access secrets."""

    session_id: str
    user_id: str
    provider: str
    app_id: str
    secret: bytes
    previous: bytes | None
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code that was sent; ``digest`` is SHA-256 of its name and itself."""

    name: str
    channel: str
    target: str
    digest: bytes
    tries: int
    expires_at: int


class UserStore:
    """Rows of ``users.sqlite``. Verified tokens are cached above, so one connection and a lock serve all."""

    def __init__(self, path: Path, *, full_sync: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(5000)
        self._level = "FULL" if full_sync else "NORMAL"
        self._db.execute(f"PRAGMA journal_mode=WAL; PRAGMA synchronous={self._level}").fetchall()
        self._db.execute(_SCHEMA)
        self._unsynced = apsw.Connection(str(path))
        self._unsynced.set_busy_timeout(5000)
        self._unsynced.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(f"PRAGMA user_version={FORMAT}")
        path.chmod(0o600)

    def close(self) -> None:
        with self._lock:
            self._unsynced.close()
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together or not at all; nested use joins the outer one."""
        with self._lock, self._db:
            yield

    @contextmanager
    def unsynced_transaction(self) -> Iterator[None]:
        """The same without waiting for the disk; whoever answers must wait for a sync of the log first."""
        with self._lock:
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._db:
                    yield
            finally:
                self._db.execute(f"PRAGMA synchronous={self._level}")

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._db.execute(sql, tuple(values)))

    def add_user(self, user_id: str, provider: str, now: int, fields: Mapping[str, Any]) -> None:
        names = ["user_id", "provider", "created_at", "last_seen_at", *_checked(fields)]
        values = [user_id, provider, now, now, *(_column(value) for value in fields.values())]
        marks = ",".join("?" * len(names))
        self._execute(f"INSERT INTO user({','.join(names)}) VALUES({marks})", values)

    def change_user(self, user_id: str, fields: Mapping[str, Any]) -> None:
        columns = ",".join(f"{name}=?" for name in _checked(fields))
        self._execute(
            f"UPDATE user SET {columns} WHERE user_id=?", [*(_column(value) for value in fields.values()), user_id]
        )

    def see_user(self, user_id: str, now: int) -> None:
        self._execute("UPDATE user SET last_seen_at=? WHERE user_id=?", (now, user_id))

    def delete_user(self, user_id: str) -> None:
        with self.transaction():
            for table in ("session", "identity", "user"):
                self._execute(f"DELETE FROM {table} WHERE user_id=?", (user_id,))

    def user(self, user_id: str) -> User | None:
        return self.find_user("user_id", user_id)

    def find_user(self, column: str, value: str) -> User | None:
        """The user whose ``user_id``, ``openid``, ``username``, ``email`` or ``phone`` is ``value``."""
        assert column in ("user_id", "openid", "username", "email", "phone")
        rows = self._execute(f"SELECT {_USER_COLUMNS} FROM user WHERE {column}=?", (value,))
        return self._user(rows[0]) if rows else None

    def users(self, limit: int, offset: int) -> list[User]:
        """Users, the last seen first."""
        rows = self._execute(
            f"SELECT {_USER_COLUMNS} FROM user ORDER BY last_seen_at DESC, user_id LIMIT ? OFFSET ?", (limit, offset)
        )
        return [self._user(row) for row in rows]

    def count_users(self) -> int:
        return int(self._execute("SELECT count(*) FROM user")[0][0])

    def _user(self, row: tuple[Any, ...]) -> User:
        identities = self._execute("SELECT provider, app_id, external_id FROM identity WHERE user_id=?", (row[0],))
        return User(
            user_id=row[0],
            provider=row[1],
            created_at=row[2],
            last_seen_at=row[3],
            openid=row[4],
            unionid=row[5],
            username=row[6],
            email=row[7],
            phone=row[8],
            has_password=bool(row[9]),
            disabled=bool(row[10]),
            profile=orjson.loads(row[11]),
            identities=tuple(Identity(*identity) for identity in identities),
        )

    def password(self, user_id: str) -> str | None:
        """The stored password hash."""
        rows = self._execute("SELECT password FROM user WHERE user_id=?", (user_id,))
        return rows[0][0] if rows else None

    def identity_user(self, identity: Identity) -> str | None:
        rows = self._execute(
            "SELECT user_id FROM identity WHERE provider=? AND app_id=? AND external_id=?",
            (identity.provider, identity.app_id, identity.external_id),
        )
        return rows[0][0] if rows else None

    def add_identity(self, identity: Identity, user_id: str) -> None:
        self._execute(
            "INSERT INTO identity VALUES(?,?,?,?)",
            (identity.provider, identity.app_id, identity.external_id, user_id),
        )

    def delete_identities(self, user_id: str, provider: str) -> None:
        self._execute("DELETE FROM identity WHERE user_id=? AND provider=?", (user_id, provider))

    def add_session(self, row: SessionRow) -> None:
        values = (row.session_id, row.user_id, row.provider, row.app_id, row.secret, row.previous)
        self._execute("INSERT INTO session VALUES(?,?,?,?,?,?,?,?)", (*values, row.created_at, row.expires_at))

    def session(self, session_id: str) -> SessionRow | None:
        rows = self._execute(
            "SELECT session_id, user_id, provider, app_id, secret, previous, created_at, expires_at"
            " FROM session WHERE session_id=?",
            (session_id,),
        )
        return SessionRow(*rows[0]) if rows else None

    def rotate(self, session_id: str, secret: bytes, previous: bytes, expires_at: int) -> None:
        self._execute(
            "UPDATE session SET secret=?, previous=?, expires_at=? WHERE session_id=?",
            (secret, previous, expires_at, session_id),
        )

    def extend(self, session_id: str, expires_at: int, user_id: str, now: int) -> None:
        """Note that a session was used. Not synced: a power cut may cost it a minute."""
        with self._lock, self._unsynced:
            self._unsynced.execute("UPDATE session SET expires_at=? WHERE session_id=?", (expires_at, session_id))
            self._unsynced.execute("UPDATE user SET last_seen_at=? WHERE user_id=?", (now, user_id))

    def delete_session(self, session_id: str) -> None:
        self._execute("DELETE FROM session WHERE session_id=?", (session_id,))

    def delete_sessions(self, user_id: str, keep: str = "") -> None:
        self._execute("DELETE FROM session WHERE user_id=? AND session_id<>?", (user_id, keep))

    def drop_expired(self, now: int) -> None:
        self._execute("DELETE FROM session WHERE expires_at<?", (now,))

    def add_code(self, row: CodeRow, now: int, most: int) -> None:
        """Keep a code; those that have expired go, and the oldest beyond ``most``."""
        with self.transaction():
            self._execute("DELETE FROM code WHERE expires_at<=?", (now,))
            self._execute(
                "DELETE FROM code WHERE rowid IN (SELECT rowid FROM code ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
                (most - 1,),
            )
            values = (row.name, row.channel, row.target, row.digest, row.tries, row.expires_at)
            self._execute("INSERT INTO code VALUES(?,?,?,?,?,?)", values)

    def try_code(self, name: str) -> CodeRow | None:
        """The code of this name, with one try more."""
        rows = self._execute("UPDATE code SET tries=tries+1 WHERE name=? RETURNING *", (name,))
        return CodeRow(*rows[0]) if rows else None

    def last_code(self, channel: str, target: str) -> str | None:
        """The name of the last code sent to ``target``."""
        rows = self._execute(
            "SELECT name FROM code WHERE channel=? AND target=? ORDER BY rowid DESC LIMIT 1", (channel, target)
        )
        return rows[0][0] if rows else None

    def delete_code(self, name: str) -> bool:
        """Use a code up; ``False`` when somebody else has."""
        return bool(self._execute("DELETE FROM code WHERE name=? RETURNING name", (name,)))

    def set_ticket_key(self, key_id: str, public_key: str, now: int) -> None:
        """Make this the one key that signs login tickets."""
        with self.transaction():
            self._execute("DELETE FROM ticket_key")
            self._execute("INSERT INTO ticket_key VALUES(?,?,?)", (key_id, public_key, now))

    def ticket_key(self, key_id: str) -> str | None:
        """The public key (PEM) that checks tickets signed with ``key_id``."""
        rows = self._execute("SELECT public_key FROM ticket_key WHERE key_id=?", (key_id,))
        return rows[0][0] if rows else None


def _checked(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    assert fields.keys() <= CHANGEABLE, fields
    return fields


def _column(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return orjson.dumps(value).decode() if isinstance(value, Mapping) else value
