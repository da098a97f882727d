"""PostgreSQL with the same documents as JSONB: a server of the benchmark's own, on a socket, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.types.json import set_json_loads

from scripts.postgresql import programs

from . import measuring
from .floor import encoded

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "max_connections": "20",
    "max_parallel_workers_per_gather": "0",
}
"""Durable as the engine is; more memory than by default, so that everything fits; one process against one thread."""

TABLE = 'CREATE TABLE {name}(id text COLLATE "C" PRIMARY KEY, d jsonb NOT NULL)'
INDEXES = [
    "CREATE INDEX ON {name} (((d->>'age')::int))",
    "CREATE INDEX ON {name} ((d#>>'{{address,city}}') COLLATE \"C\", ((d->>'age')::int))",
    "CREATE INDEX ON {name} USING gin ((d->'tags') jsonb_path_ops)",
]
GEO_INDEX = (
    "CREATE INDEX ON {name} USING gist"
    " (point((d#>>'{{loc,coordinates,0}}')::float8, (d#>>'{{loc,coordinates,1}}')::float8))"
)
GET = "SELECT d FROM u WHERE id=%s"
PAGE = (
    "SELECT d FROM u WHERE (d#>>'{address,city}') COLLATE \"C\"=%s AND (d->>'age')::int>=%s"
    " ORDER BY (d->>'age')::int LIMIT 20"
)
COUNT = "SELECT count(*) FROM u WHERE (d->>'score')::float8>50"
REGEX = "SELECT count(*) FROM u WHERE d->>'name' ~ 'r[0-9]*7[0-9]*3$'"
GROUP = (
    "SELECT d#>>'{address,city}' AS city, count(*), avg((d->>'score')::float8) AS mean FROM u"
    " WHERE (d->>'age')::int>30 GROUP BY city ORDER BY mean"
)
INSERT = "INSERT INTO u VALUES(%s, %s)"
UPDATE = (
    "UPDATE u SET d=jsonb_set(jsonb_set(d, '{address,city}', %s), '{age}', to_jsonb((d->>'age')::int+1)) WHERE id=%s"
)
UPDATE_MANY = "UPDATE u SET d=jsonb_set(d, '{score}', to_jsonb((d->>'score')::float8+1)) WHERE (d->>'age')::int<10"


class Unavailable(Exception):
    """There is no PostgreSQL to compare with; the message says why."""


class Database:
    """One connection to the server."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.version = connection.info.server_version // 10_000

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> psycopg.Cursor[Any]:
        """Execute a prepared statement, in a transaction of its own."""
        return self._connection.execute(statement.encode(), values, prepare=True)

    def create(self, name: str, *, geo: bool = False) -> None:
        """A table with the indexes that the engine's collection has."""
        for statement in [TABLE, *INDEXES, *([GEO_INDEX] if geo else [])]:
            self._connection.execute(statement.format(name=name).encode())

    def drop(self, name: str) -> None:
        self._connection.execute(f"DROP TABLE {name}".encode())

    def copy(self, name: str, portion: list[dict[str, Any]]) -> None:
        """Store documents by COPY, the fastest way in."""
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN".encode()) as copy:
            for document in portion:
                copy.write_row((document["_id"], encoded(document)))

    def settle(self, name: str) -> None:
        """Statistics and visibility, as they are after a while."""
        self._connection.execute(f"VACUUM ANALYZE {name}".encode())


@contextmanager
def server(directory: str | None) -> Iterator[Database]:
    """A fresh server, stopped and removed at the end.

    Raises:
        Unavailable: when there is no PostgreSQL or it does not start.
    """
    binaries = programs()
    if binaries is None:
        raise Unavailable("no PostgreSQL here; make bench-setup installs it for root")
    home = Path(tempfile.mkdtemp(prefix="yunbox-pg-", dir=directory))
    account = _account()
    try:
        if account is not None:
            shutil.chown(home, account)
        _do(account, binaries / "initdb", "-D", home / "data", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = " ".join(
            f"-c {name}={value!r}" for name, value in {**SETTINGS, "unix_socket_directories": str(home)}.items()
        )
        _do(account, binaries / "pg_ctl", "-D", home / "data", "-l", home / "log", "-w", "-o", options, "start")
        measuring.others.append(partial(_processor_time, home / "data" / "postmaster.pid"))
        try:
            yield Database(_connected(home))
        finally:
            measuring.others.clear()
            _do(account, binaries / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _processor_time(pid_file: Path) -> float:
    """Seconds that the server's processes have run; 0 where the system does not tell."""
    postmaster = pid_file.read_text().split()[0]
    ticks = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if fields[1] == postmaster:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _account() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _do(account: str | None, *command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, user=account, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Unavailable(f"{Path(words[0]).name}: {told[-1]}")


def _connected(home: Path) -> psycopg.Connection[Any]:
    set_json_loads(orjson.loads)
    return psycopg.connect(host=str(home), user="bench", dbname="postgres", autocommit=True)
