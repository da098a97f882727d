"""Statistics of one space on disk: ``statistics.sqlite``, one row per day and counted thing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw
import orjson

from yunbox.statistics.calendar import day_of

FORMAT = 2
Kind = Literal["method", "function", "read", "write", "upload", "download", "hosting"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS total(
  day TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, app_id TEXT NOT NULL, provider TEXT NOT NULL,
  calls INTEGER NOT NULL, errors INTEGER NOT NULL, duration_ms REAL NOT NULL, slowest_ms REAL NOT NULL,
  received INTEGER NOT NULL, sent INTEGER NOT NULL, gb_seconds REAL NOT NULL DEFAULT 0,
  PRIMARY KEY(day, kind, name, app_id, provider)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS active(day TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY(day, user_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen(user_id TEXT PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_day ON seen(day);
CREATE TABLE IF NOT EXISTS report(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, day TEXT NOT NULL, user_id TEXT NOT NULL, app_id TEXT NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS report_day ON report(day);
"""
_ADD = """
INSERT INTO total VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET calls=calls+excluded.calls,
  errors=errors+excluded.errors, duration_ms=duration_ms+excluded.duration_ms,
  slowest_ms=max(slowest_ms, excluded.slowest_ms), received=received+excluded.received, sent=sent+excluded.sent,
  gb_seconds=gb_seconds+excluded.gb_seconds
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted separately: a thing on a day (``2026-11-21``), by app and login provider."""

    day: str
    kind: Kind
    name: str
    app_id: str = ""
    provider: str = ""


@dataclass(slots=True)
class Total:
    """Sums of one counted thing. Durations in milliseconds, traffic in bytes; ``gb_seconds`` is what functions' memory
    and time come to (semantics.md §15)."""

    calls: int = 0
    errors: int = 0
    duration_ms: float = 0.0
    slowest_ms: float = 0.0
    received: int = 0
    sent: int = 0
    gb_seconds: float = 0.0

    def add(self, other: Total) -> None:
        """Add other sums to these."""
        self.calls += other.calls
        self.errors += other.errors
        self.duration_ms += other.duration_ms
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.received += other.received
        self.sent += other.sent
        self.gb_seconds += other.gb_seconds


@dataclass(frozen=True, slots=True)
class UserDay:
    """How many users called on a day, and how many of them for the first time."""

    day: str
    active: int
    new: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a client's analytics SDK reported (USR-21); ``at`` in milliseconds since 1970."""

    at: int
    user_id: str
    app_id: str
    content: Mapping[str, Any]


class StatisticsStore:
    """Rows of one space; one connection and a lock, because everything is written in batches."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(5000)
        self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").fetchall()
        self._db.execute(_SCHEMA)
        if self._db.pragma("user_version") == 1:
            self._db.execute("ALTER TABLE total ADD COLUMN gb_seconds REAL NOT NULL DEFAULT 0")
        self._db.execute(f"PRAGMA user_version={FORMAT}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, totals: Mapping[Counted, Total], users: Iterable[tuple[str, str]], reports: Iterable[Report]) -> None:
        """Add counts, (day, user) visits and reports, all or nothing."""
        with self._lock, self._db:
            self._db.executemany(_ADD, [_row(counted, total) for counted, total in totals.items()])
            for day, user_id in sorted(users):
                self._db.execute("INSERT OR IGNORE INTO active VALUES(?,?)", (day, user_id))
                self._db.execute("INSERT OR IGNORE INTO seen VALUES(?,?)", (user_id, day))
            for report in reports:
                self._add_report(report)

    def _add_report(self, report: Report) -> None:
        content = orjson.dumps(dict(report.content)).decode()
        self._db.execute(
            "INSERT INTO report(at, day, user_id, app_id, content) VALUES(?,?,?,?,?)",
            (report.at, day_of(report.at / 1000), report.user_id, report.app_id, content),
        )

    def totals(self, since: str, until: str, kind: str | None) -> Iterator[tuple[Counted, Total]]:
        """Counts of the days from ``since`` to ``until`` (both included), by day, kind and name."""
        where, values = ("AND kind=?", [since, until, kind]) if kind else ("", [since, until])
        sql = f"SELECT * FROM total WHERE day>=? AND day<=? {where} ORDER BY day, kind, name, app_id, provider"
        for row in self._rows(sql, values):
            yield Counted(*row[:5]), Total(*row[5:])

    def sums(self, since: str, until: str) -> dict[str, Total]:
        """The same added up by kind."""
        sql = """SELECT kind, sum(calls), sum(errors), sum(duration_ms), max(slowest_ms), sum(received), sum(sent),
                   sum(gb_seconds) FROM total WHERE day>=? AND day<=? GROUP BY kind"""
        return {kind: Total(*sums) for kind, *sums in self._rows(sql, [since, until])}

    def users(self, since: str, until: str) -> list[UserDay]:
        sql = """SELECT day, count(*), (SELECT count(*) FROM seen WHERE seen.day=active.day)
                 FROM active WHERE day>=? AND day<=? GROUP BY day ORDER BY day"""
        return [UserDay(*row) for row in self._rows(sql, [since, until])]

    def reports(self, since: str, until: str, limit: int) -> list[Report]:
        sql = "SELECT at, user_id, app_id, content FROM report WHERE day>=? AND day<=? ORDER BY id DESC LIMIT ?"
        return [
            Report(at, user, app, orjson.loads(text)) for at, user, app, text in self._rows(sql, [since, until, limit])
        ]

    def _rows(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._db.execute(sql, values))


def _row(counted: Counted, total: Total) -> tuple[Any, ...]:
    key = (counted.day, counted.kind, counted.name, counted.app_id, counted.provider)
    traffic = (total.received, total.sent, total.gb_seconds)
    return (*key, total.calls, total.errors, total.duration_ms, total.slowest_ms, *traffic)
