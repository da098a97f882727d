from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from yunbox.caller import Caller
from yunbox.errors import SpaceNotFound
from yunbox.spaces import SpaceService, SpaceStore
from yunbox.statistics import StatisticsService, UserDay
from yunbox.statistics.store import Counted
from yunbox.tools.keyring import Keyring

DAY = 86_400.0


class Clock:
    now = 1_795_219_200.0  # 2026-11-21

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spaces(tmp_path: Path) -> Iterator[SpaceService]:
    service = SpaceService(SpaceStore(tmp_path / "server.sqlite", Keyring(b"k" * 32)), lambda name, value: value)
    service.create("one")
    service.create("two")
    yield service
    service.close()


@pytest.fixture
def statistics(spaces: SpaceService, clock: Clock) -> Iterator[StatisticsService]:
    service = StatisticsService(spaces, clock=clock)
    yield service
    service.close()


def user(name: str, space: str = "one") -> Caller:
    return Caller("user", space, user_id=name, app_id="app-1", provider="wechat")


def test_counts_add_up_by_day_and_survive(statistics: StatisticsService, clock: Clock) -> None:
    statistics.count(user("a"), "function", "sum", duration_ms=2, received=10, sent=20)
    statistics.count(user("a"), "function", "sum", duration_ms=8, failed=True)
    statistics.flush()
    statistics.count(user("b"), "function", "sum", duration_ms=5)
    clock.now += DAY
    statistics.count(user("a"), "function", "sum")
    rows = statistics.totals("one", "2026-11-21", "2026-11-21")
    ((counted, total),) = rows
    assert counted == Counted("2026-11-21", "function", "sum", "app-1", "wechat")
    assert (total.calls, total.errors, total.duration_ms, total.slowest_ms) == (3, 1, 15, 8)
    assert (total.received, total.sent) == (10, 20)
    assert len(statistics.totals("one", "2026-11-21", "2026-11-22", "function")) == 2
    assert statistics.totals("one", "2026-11-21", "2026-11-22", "method") == []
    assert statistics.sums("one", "2026-11-01", "2026-11-30")["function"].calls == 4


def test_new_and_active_users(statistics: StatisticsService, clock: Clock) -> None:
    for name in ("a", "b", "a"):
        statistics.count(user(name), "method", "m")
    statistics.count(Caller("admin", "one"), "method", "m")
    clock.now += DAY
    for name in ("b", "c"):
        statistics.count(user(name), "method", "m")
    assert statistics.users("one", "2026-11-21", "2026-11-22") == [
        UserDay("2026-11-21", active=2, new=2),
        UserDay("2026-11-22", active=2, new=1),
    ]


def test_reports_are_kept_newest_first(statistics: StatisticsService) -> None:
    for number in range(3):
        statistics.keep(user("a"), {"n": number})
    assert [report.content["n"] for report in statistics.reports("one", "2026-11-21", "2026-11-21", 2)] == [2, 1]


def test_spaces_are_apart_and_go_with_their_figures(statistics: StatisticsService, spaces: SpaceService) -> None:
    statistics.count(user("a"), "method", "m")
    assert statistics.totals("two", "2026-11-21", "2026-11-21") == []
    statistics.count(user("a", "two"), "method", "m")
    spaces.delete("two")
    with pytest.raises(SpaceNotFound):
        statistics.totals("two", "2026-11-21", "2026-11-21")
    assert statistics.sums("one", "2026-11-21", "2026-11-21")["method"].calls == 1


def test_what_was_counted_is_written_on_close(spaces: SpaceService, clock: Clock) -> None:
    first = StatisticsService(spaces, clock=clock)
    first.count(user("a"), "method", "m")
    first.close()
    second = StatisticsService(spaces, clock=clock)
    assert second.sums("one", "2026-11-21", "2026-11-21")["method"].calls == 1
    second.close()


def test_files_of_the_first_format_are_taken_over(spaces: SpaceService, clock: Clock) -> None:
    first = StatisticsService(spaces, clock=clock)
    first.count(user("a"), "function", "f")
    first.close()
    with contextlib.closing(apsw.Connection(str(spaces.get("one").directory / "statistics.sqlite"))) as db:
        db.execute("ALTER TABLE total DROP COLUMN gb_seconds; PRAGMA user_version=1")
    second = StatisticsService(spaces, clock=clock)
    second.count(user("a"), "function", "f", gb_seconds=0.5)
    total = second.sums("one", "2026-11-21", "2026-11-21")["function"]
    assert (total.calls, total.gb_seconds) == (2, 0.5)
    second.close()


def test_what_a_monitor_sees_only_grows(statistics: StatisticsService, spaces: SpaceService) -> None:
    key = ("one", "function", "f")
    for expected in (1, 2):
        statistics.count(user("a"), "function", "f", sent=10)
        assert statistics.since_start()[key].calls == expected  # type: ignore[index]
        statistics.flush()
    spaces.delete("two")
    assert statistics.since_start()[key].sent == 20  # type: ignore[index]
