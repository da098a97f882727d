"""No counter is negative, and a clean restart loses nothing, whatever happens in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yunbox.caller import Caller
from yunbox.quotas.service import QuotaService
from yunbox.spaces import SpaceService, SpaceStore
from yunbox.statistics import StatisticsService, day_of
from yunbox.tools.keyring import Keyring

KINDS = ("function", "read", "write", "upload", "download", "hosting")
ITEMS = {
    "function": "function_calls",
    "read": "db_reads",
    "write": "db_writes",
    "upload": "uploads",
    "download": "downloads",
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(KINDS), st.booleans()),
    st.just(("restart", False)),
    st.just(("flush", False)),
    st.just(("later", False)),
)


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpaceService]:
    keyring = Keyring(b"k" * 32)
    store = SpaceStore(tmp_path_factory.mktemp("data") / "server.sqlite", keyring)
    service = SpaceService(store, lambda name, value: value)
    service.create("one")
    limits = {f"quota.{item}_per_{period}": 10**6 for item in ITEMS.values() for period in ("day", "month")}
    service.set("one", limits)
    yield service
    service.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_counters(spaces: SpaceService, steps: list[tuple[str, bool]]) -> None:
    for file in spaces.get("one").directory.glob("statistics.sqlite*"):
        file.unlink()
    check(spaces, steps)


def check(spaces: SpaceService, steps: list[tuple[str, bool]]) -> None:
    now = 1_795_276_800.0

    def clock() -> float:
        return now

    statistics = StatisticsService(spaces, clock=clock)
    quotas = QuotaService(spaces, statistics, clock=clock)
    days: dict[str, Counter[str]] = {}
    for step, failed in steps:
        if step == "restart":
            statistics.close()
            statistics = StatisticsService(spaces, clock=clock)
            quotas = QuotaService(spaces, statistics, clock=clock)
        elif step == "flush":
            statistics.flush()
        elif step == "later":
            now += 20_000
        else:
            account = quotas.account("one")
            assert account is not None
            with account.taking(step):
                statistics.count(Caller("admin", "one"), step, "n", failed=failed)  # type: ignore[arg-type]
            days.setdefault(day_of(now), Counter())[step] += step == "function" or not failed
    used = {row.item: row.used for row in quotas.report("one").items if row.used is not None}
    assert all(amount >= 0 for amount in used.values())
    month = day_of(now)[:7]
    for kind, item in ITEMS.items():
        assert used[f"{item}_per_day"] == days.get(day_of(now), Counter())[kind]
        assert used[f"{item}_per_month"] == sum(counts[kind] for day, counts in days.items() if day.startswith(month))
    statistics.close()
