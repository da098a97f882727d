"""What happens by itself: the write-ahead log is copied into the file, so that it does not grow for ever."""

from __future__ import annotations

import time
from pathlib import Path

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.documents.stores.embedded import housekeeping


def test_the_log_is_written_over_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    engine = Engine.open(path, durability="off")
    most = 2 * housekeeping.LARGE_LOG_PAGES * 4096
    log = tmp_path / "documents.sqlite-wal"
    engine.run_sync(c.CreateCollection("c"))
    written = 0
    while written < 2 * most:
        engine.run_sync(c.Insert("c", [{"text": "x" * 10_000} for _ in range(200)]))
        written += 2_000_000
    deadline = time.monotonic() + 60
    while log.stat().st_size > most and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.stat().st_size <= most
    assert path.stat().st_size > written / 2
    engine.close()
