from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from yunbox.identity.syncing import SharedSync


async def test_who_asks_meanwhile_shares_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x")
    begun: list[float] = []

    def slow(file: int) -> None:
        begun.append(time.monotonic())
        time.sleep(0.05)

    monkeypatch.setattr(os, "fsync", slow)
    shared = SharedSync(log)
    asked: list[float] = []

    async def ask() -> None:
        asked.append(time.monotonic())
        before = asked[-1]
        await shared.wait()
        assert any(moment >= before for moment in begun), "a sync that began earlier may have missed the write"

    first = asyncio.create_task(ask())
    await asyncio.sleep(0.02)
    await asyncio.gather(first, *(ask() for _ in range(20)))
    assert len(begun) == 2


async def test_a_log_that_is_gone_needs_no_sync(tmp_path: Path) -> None:
    await SharedSync(tmp_path / "gone").wait()
