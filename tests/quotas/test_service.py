from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, QuotaExceeded
from yunbox.quotas.account import Account
from yunbox.quotas.items import COUNTERS, PERIODS, STANDING, STEP_SETTING, item_of
from yunbox.quotas.limits import limits_of
from yunbox.quotas.packages import PACKAGES
from yunbox.quotas.service import QuotaService
from yunbox.settings import SPACE_SETTINGS, find_setting, parse_value
from yunbox.spaces import SpaceService, SpaceStore
from yunbox.statistics import StatisticsService
from yunbox.tools.keyring import Keyring

DAY = 86_400.0
USER = Caller("user", "one", user_id="u")


class Clock:
    now = 1_795_276_800.0  # 2026-11-22 00:00 in Shanghai, 2026-11-21 16:00 UTC

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpaceService]:
    """Two spaces; making one takes a while, because it gets a key pair."""

    def validate(name: str, value: object) -> object:
        return None if value is None else parse_value(find_setting(SPACE_SETTINGS, name), value)

    keyring = Keyring(b"k" * 32)
    service = SpaceService(SpaceStore(tmp_path_factory.mktemp("data") / "server.sqlite", keyring), validate)
    service.create("one")
    service.create("two")
    yield service
    service.close()


@pytest.fixture
def spaces(made: SpaceService) -> SpaceService:
    """The two spaces, without limits and with nothing counted."""
    for space in made.list():
        made.set(space.id, dict.fromkeys(space.settings))
        for file in space.directory.glob("statistics.sqlite*"):
            file.unlink()
    return made


@pytest.fixture
def statistics(spaces: SpaceService, clock: Clock) -> Iterator[StatisticsService]:
    service = StatisticsService(spaces, clock=clock)
    yield service
    service.close()


@pytest.fixture
def quotas(spaces: SpaceService, statistics: StatisticsService, clock: Clock) -> QuotaService:
    return QuotaService(spaces, statistics, clock=clock)


def limited(spaces: SpaceService, quotas: QuotaService, **limits: float) -> Account:
    spaces.set("one", {f"quota.{item}": limit for item, limit in limits.items()})
    account = quotas.account("one")
    assert account is not None
    return account


def use(account: Account, statistics: StatisticsService, kind: str, times: int = 1, sent: int = 0) -> None:
    for _ in range(times):
        with account.taking(kind):
            statistics.count(USER, kind, "n", sent=sent)  # type: ignore[arg-type]


def test_spaces_without_limits_have_no_account(spaces: SpaceService, quotas: QuotaService) -> None:
    assert quotas.account("one") is None
    limited(spaces, quotas, db_reads_per_day=1)
    assert quotas.account("two") is None
    spaces.set("one", {"quota.db_reads_per_day": None})
    assert quotas.account("one") is None


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ("calls_per_day", "read"),
        ("calls_per_month", "upload"),
        ("function_calls_per_day", "function"),
        ("function_calls_per_month", "function"),
        ("db_reads_per_day", "read"),
        ("db_writes_per_day", "write"),
        ("uploads_per_day", "upload"),
        ("downloads_per_month", "download"),
    ],
)
def test_each_limit_lets_so_many_through_and_stops_only_its_own_service(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService, item: str, kind: str
) -> None:
    account = limited(spaces, quotas, **{item: 3})
    use(account, statistics, kind, 3)
    with pytest.raises(QuotaExceeded) as caught:
        use(account, statistics, kind)
    assert (caught.value.item, caught.value.data["limit"]) == (item, 3)
    assert caught.value.data["resets"] == ("2026-11-23 00:00" if item.endswith("day") else "2026-12-01 00:00")
    others = {"function", "read", "write", "upload", "download", "hosting"} - {kind}
    for other in others:
        if not item.startswith("calls") or other == "hosting":
            use(account, statistics, other)


def test_volumes_stop_once_they_are_reached(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService
) -> None:
    account = limited(spaces, quotas, download_mb_per_month=1, hosting_mb_per_day=1, function_gbs_per_day=0.3)
    use(account, statistics, "download", sent=2**20 - 1)
    use(account, statistics, "download", sent=5 * 2**20)
    with pytest.raises(QuotaExceeded, match="downloaded bytes"):
        account.check("download")
    use(account, statistics, "hosting", sent=2**20)
    with pytest.raises(QuotaExceeded):
        account.check("hosting")
    statistics.count(USER, "function", "f", gb_seconds=0.29)
    account.check("function")
    statistics.count(USER, "function", "f", gb_seconds=0.01)
    with pytest.raises(QuotaExceeded):
        account.check("function")


def test_calls_at_the_same_time_do_not_share_the_last_one(spaces: SpaceService, quotas: QuotaService) -> None:
    account = limited(spaces, quotas, db_reads_per_day=2)
    with account.taking("read"), account.taking("read"), pytest.raises(QuotaExceeded), account.taking("read"):
        pass
    account.take("read", 2)
    account.give_back("read", 2)
    with pytest.raises(QuotaExceeded):
        account.take("read", 3)
    account.check("read", 2)


def test_failures_cost_nothing_but_functions_that_fail_have_run(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService
) -> None:
    account = limited(spaces, quotas, db_reads_per_day=1, function_calls_per_day=1)
    statistics.count(USER, "read", "c", failed=True)
    account.check("read")
    statistics.count(USER, "function", "f", failed=True)
    with pytest.raises(QuotaExceeded):
        account.check("function")


def test_days_and_months_start_again_in_shanghai(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService, clock: Clock
) -> None:
    account = limited(spaces, quotas, db_reads_per_day=2, db_reads_per_month=3)
    use(account, statistics, "read", 2)
    clock.now += DAY - 1
    with pytest.raises(QuotaExceeded) as caught:
        account.check("read")
    assert caught.value.item == "db_reads_per_day"
    clock.now += 1
    use(account, statistics, "read")
    with pytest.raises(QuotaExceeded) as caught:
        account.check("read")
    assert caught.value.item == "db_reads_per_month"
    clock.now += 8 * DAY  # the first of December
    use(account, statistics, "read", 2)


def test_counters_survive_a_restart(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService, clock: Clock
) -> None:
    account = limited(spaces, quotas, db_writes_per_day=5)
    use(account, statistics, "write", 5)
    statistics.close()
    again = StatisticsService(spaces, clock=clock)
    restarted = QuotaService(spaces, again, clock=clock).account("one")
    assert restarted is not None
    with pytest.raises(QuotaExceeded):
        restarted.check("write")
    again.close()


def test_changing_a_limit_keeps_what_was_used(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService
) -> None:
    use(limited(spaces, quotas, db_reads_per_day=2), statistics, "read", 2)
    raised = limited(spaces, quotas, db_reads_per_day=3)
    use(raised, statistics, "read")
    with pytest.raises(QuotaExceeded):
        raised.check("read")


def test_uses_before_a_limit_was_set_count(
    spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService
) -> None:
    statistics.count(USER, "read", "c")
    account = limited(spaces, quotas, db_reads_per_day=1)
    with pytest.raises(QuotaExceeded):
        account.check("read")


def test_capacities_are_measured_and_freed_at_once(spaces: SpaceService, quotas: QuotaService, clock: Clock) -> None:
    held = {"db_mb": 9.0}
    quotas.measured_by("db_mb", lambda space: held["db_mb"])
    account = limited(spaces, quotas, db_mb=10)
    account.check_room("db_mb")
    held["db_mb"] = 10.0
    account.check_room("db_mb")  # measured a moment ago
    clock.now += 5
    with pytest.raises(QuotaExceeded) as caught:
        account.check_room("db_mb")
    assert caught.value.data["resets"] == ""
    held["db_mb"] = 8.0
    account.check_room("db_mb")
    with pytest.raises(QuotaExceeded):
        account.check_room("db_mb", 2.5)


def test_one_function_runs_so_often_at_once(spaces: SpaceService, quotas: QuotaService) -> None:
    account = limited(spaces, quotas, function_concurrency=2)
    others = account.running("f"), account.running("f"), account.running("g")
    with others[0], others[1], others[2], pytest.raises(QuotaExceeded) as caught, account.running("f"):
        pass
    assert caught.value.item == "function_concurrency"
    with account.running("f"):
        pass


def test_document_operations_queue(spaces: SpaceService, quotas: QuotaService) -> None:
    account = limited(spaces, quotas, db_concurrency=2)
    most = running = 0

    async def operation() -> None:
        nonlocal most, running
        assert account.operations is not None
        async with account.operations:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(operation() for _ in range(10)))

    asyncio.run(all_of_them())
    assert most == 2


def test_the_log_says_once_a_day_that_little_is_left(
    spaces: SpaceService,
    quotas: QuotaService,
    statistics: StatisticsService,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    account = limited(spaces, quotas, db_reads_per_month=20)
    with caplog.at_level(logging.WARNING, "yunbox.quotas"):
        use(account, statistics, "read", 18)
        assert not caplog.records
        use(account, statistics, "read")
        statistics.count(USER, "read", "c")
        assert len(caplog.records) == 1
        clock.now += DAY
        with pytest.raises(QuotaExceeded):
            account.check("read")
        statistics.count(USER, "read", "c")
    assert len(caplog.records) == 2
    assert "19 of 20" in caplog.messages[0]


@pytest.mark.parametrize(
    ("step", "memory", "duration", "expected"),
    [(None, 256, 1760, 0.45), (1, 256, 1760, 0.44), (None, 512, 1, 0.05), (None, 1024, 0, 0.1), (1, 1024, 0.2, 0.001)],
)
def test_resource_use_of_functions(
    spaces: SpaceService, quotas: QuotaService, step: int | None, memory: int, duration: float, expected: float
) -> None:
    """The vendors' own example: 256 MB for 1760 ms is 0.45 GBs in steps of 100 ms, 0.44 without (semantics.md §15)."""
    spaces.set("one", {STEP_SETTING: step})
    assert quotas.gb_seconds("one", memory, duration) == pytest.approx(expected)


def test_the_report_shows_everything(spaces: SpaceService, quotas: QuotaService, statistics: StatisticsService) -> None:
    quotas.measured_by("db_mb", lambda space: 1.5)
    spaces.set("one", {"quotas": "wechat-free-2019", "quota.db_reads_per_day": 7, "quota.uploads_per_day": "unlimited"})
    statistics.count(USER, "read", "c")
    report = quotas.report("one")
    rows = {row.item: row for row in report.items}
    assert set(rows) == {item_of(c, p) for c in COUNTERS for p in PERIODS} | {item.name for item in STANDING}
    assert (report.package, report.time_zone) == ("wechat-free-2019", "Asia/Shanghai")
    assert (report.day_ends, report.month_ends) == ("2026-11-23 00:00", "2026-12-01 00:00")
    assert (rows["db_reads_per_day"].used, rows["db_reads_per_day"].limit) == (1, 7)
    assert (rows["calls_per_month"].used, rows["calls_per_month"].limit) == (1, None)
    assert (rows["db_mb"].used, rows["db_mb"].limit) == (1.5, 2048)
    assert rows["uploads_per_day"].limit is None
    assert all(row.used is None or row.used >= 0 for row in report.items)


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_name_items_that_exist(name: str) -> None:
    known = {item_of(c, p) for c in COUNTERS for p in PERIODS} | {item.name for item in STANDING} | {STEP_SETTING}
    assert set(PACKAGES[name]) <= known
    limits = limits_of({"quotas": name})
    assert limits.package == name
    assert limits.step_ms == (1 if name.startswith("mpserverless") else 100)


@pytest.mark.parametrize("bad", ["-1", "many", True, "nan", "inf"])
def test_limits_are_numbers(spaces: SpaceService, bad: object) -> None:
    with pytest.raises(InvalidRequest, match=r"quota\.db_mb"):
        spaces.set("one", {"quota.db_mb": bad})


def test_a_deleted_space_is_forgotten(spaces: SpaceService, quotas: QuotaService) -> None:
    spaces.create("three")
    spaces.set("three", {"quota.db_reads_per_day": 0})
    assert quotas.account("three") is not None
    spaces.delete("three")
    assert quotas.account("three") is None
