"""Backups: what they hold, when the daily one is made, and how long it stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
import threading
import time
from datetime import datetime
from pathlib import Path

import apsw
import pytest

from tests.server import LiveServer
from yunbox.settings import Mode, load_settings
from yunbox.tools import backup, daily
from yunbox.tools.backup import list_backups, prune_backups, restore_backup, write_backup
from yunbox.tools.daily import DailyBackups, seconds_until_due


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name in (
        "spaces/s/objects/ab/abc",
        "spaces/s/site/objects/cd/cde",
        "deps/h/index.js",
        "spaces/s/functions/f/1/x",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    connection = apsw.Connection(str(root / "server.sqlite"))
    connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)").fetchall()
    connection.close()
    return root


def names(path: Path) -> set[str]:
    with tarfile.open(path) as tar:
        return {member.name for member in tar if member.isfile()}


def test_with_and_without_files(data: Path) -> None:
    whole, lean = write_backup(data), write_backup(data, automatic=True, files=False)
    assert names(lean.path) == {"server.sqlite", "spaces/s/functions/f/1/x"}
    assert names(whole.path) == names(lean.path) | {
        "spaces/s/objects/ab/abc",
        "spaces/s/site/objects/cd/cde",
        "deps/h/index.js",
    }
    assert {info.name: info.automatic for info in list_backups(data)} == {whole.name: False, lean.name: True}


def test_a_restore_keeps_files_that_the_backup_left_out(data: Path) -> None:
    lean = write_backup(data, files=False)
    restore_backup(data, lean.path)
    assert (data / "spaces/s/objects/ab/abc").read_text() == "spaces/s/objects/ab/abc"
    assert (data / "spaces/s/site/objects/cd/cde").exists()
    assert (data / "deps/h/index.js").exists()


def test_a_database_is_copied_while_it_is_written(data: Path) -> None:
    """A backup in steps starts again with each commit of others, and would never end here."""
    ending = threading.Event()

    def write() -> None:
        connection = apsw.Connection(str(data / "server.sqlite"))
        connection.execute("PRAGMA synchronous=OFF")
        connection.set_busy_timeout(10_000)
        while not ending.is_set():
            connection.execute("INSERT INTO t VALUES(randomblob(5000))")
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        info = write_backup(data)
    finally:
        ending.set()
        thread.join()
    with tarfile.open(info.path) as tar:
        tar.extract("server.sqlite", data / "out", filter="data")
    assert apsw.Connection(str(data / "out" / "server.sqlite")).execute("PRAGMA integrity_check").get == "ok"


def test_only_old_automatic_backups_go(data: Path) -> None:
    made = [write_backup(data, automatic=automatic) for automatic in (True, True, False)]
    for info in (made[0], made[2]):
        os.utime(info.path, (0, time.time() - 8 * 86400))
    left, unfinished = data / "backups" / ".reading-x", data / "backups" / ".name"
    left.mkdir()
    (left / "documents.sqlite").touch()
    for path in (left, unfinished):
        path.touch()
        os.utime(path, (0, time.time() - 2 * 86400))
    (data / "backups" / ".busy").touch()
    prune_backups(data, 7)
    assert {info.name for info in list_backups(data)} == {made[1].name, made[2].name}
    assert [path.name for path in (data / "backups").glob(".*")] == [".busy"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("now", "newest", "seconds"),
    [
        ("2026-01-02 12:00", None, 0),
        ("2026-01-02 12:00", "2026-01-02 02:59", 0),
        ("2026-01-02 12:00", "2026-01-02 03:01", 15 * 3600),
        ("2026-01-02 02:00", "2026-01-01 03:01", 3600),
        ("2026-01-02 02:00", "2025-12-31 20:00", 0),
        ("2026-01-02 03:00", "2026-01-01 03:00", 0),
    ],
)
def test_when_the_next_one_is_due(now: str, newest: str | None, seconds: float) -> None:
    assert seconds_until_due(at(now), None if newest is None else at(newest)) == seconds


async def test_the_schedule(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "_SETTLING_S", 0)
    made, loop = asyncio.Event(), asyncio.get_running_loop()

    def write(data: Path, *, automatic: bool, files: bool) -> backup.BackupInfo:
        loop.call_soon_threadsafe(made.set)
        return write_backup(data, automatic=automatic, files=files)

    monkeypatch.setattr(daily, "write_backup", write)
    schedule = DailyBackups(data, 7)
    schedule.start()
    await made.wait()
    await schedule.close()
    (info,) = list_backups(data)
    assert info.automatic
    off = DailyBackups(data, 0)
    off.start()
    await off.close()


@pytest.mark.parametrize(("mode", "expected"), [("serve", True), ("dev", False)])
def test_a_server_keeps_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, expected: bool
) -> None:
    made = threading.Event()
    monkeypatch.setattr(daily, "_SETTLING_S", 0)
    monkeypatch.setattr(DailyBackups, "make", lambda self: made.set())
    with LiveServer(tmp_path, mode):
        assert made.wait(10 if expected else 0.05) is expected


def test_no_backup_fills_the_disk(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    free = shutil.disk_usage(data)._replace(free=1)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: free)
        DailyBackups(data, 7).make()
    assert list_backups(data) == []
    assert "no automatic backup" in caplog.text
    monkeypatch.setattr(backup, "_walk", lambda data: iter([data / "gone.sqlite"]))
    DailyBackups(data, 7).make()
    assert "failed" in caplog.text


def test_days(tmp_path: Path) -> None:
    assert load_settings(tmp_path, "serve", environ={}).automatic_backup_days == 7
    assert load_settings(tmp_path, "dev", environ={}).automatic_backup_days == 0
    assert load_settings(tmp_path, "dev", {"backup_days": 2}, environ={}).automatic_backup_days == 2
    assert load_settings(tmp_path, "serve", environ={"YUNBOX_BACKUP_DAYS": "0"}).automatic_backup_days == 0
