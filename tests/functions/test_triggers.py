"""Timers."""

from __future__ import annotations

import asyncio
from datetime import datetime

import orjson
import pytest

from tests.functions.conftest import Bench, make_bench
from yunbox.errors import NotFound
from yunbox.functions.function import TriggerSettings
from yunbox.functions.triggers import Timer, Timers
from yunbox.tools.cron import CHINA

EVERY_TEN = TriggerSettings("ten", "*/10 * * * * * *")
DAILY = TriggerSettings("daily", "0 0 2 * * * *", payload="p")


class Clock:
    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp()

    def __call__(self) -> float:
        return self.now


async def _nothing(timer: Timer, at: float) -> None:
    return None


def names(timers: Timers) -> list[str]:
    return sorted(timer.settings.name for timer in timers.due())


async def test_due_once_for_each_moment() -> None:
    clock = Clock("2026-01-01 01:59:55")
    timers = Timers(_nothing, clock)
    timers.set("demo", "f", (EVERY_TEN, DAILY))
    assert names(timers) == []
    clock.now += 5
    assert names(timers) == ["daily", "ten"]
    assert names(timers) == []
    clock.now += 10
    assert names(timers) == ["ten"]


async def test_missed_moments_are_not_made_up_for() -> None:
    clock = Clock("2026-01-01 01:00:00")
    timers = Timers(_nothing, clock)
    timers.set("demo", "f", (EVERY_TEN,))
    clock.now += 3600
    assert names(timers) == ["ten"]
    assert names(timers) == []


async def test_setting_again_keeps_what_is_planned_and_drops_the_rest() -> None:
    clock = Clock("2026-01-01 01:00:00")
    timers = Timers(_nothing, clock)
    timers.set("demo", "f", (EVERY_TEN, DAILY))
    timers.set("demo", "g", (EVERY_TEN,))
    planned = timers.next()
    clock.now += 1
    timers.set("demo", "f", (EVERY_TEN,))
    assert timers.next() == planned
    timers.set("demo", "f", ())
    timers.forget("demo")
    assert timers.next() is None


async def test_a_timer_that_still_runs_skips_its_turn() -> None:
    clock = Clock("2026-01-01 01:00:00")
    began: asyncio.Queue[float] = asyncio.Queue()
    proceed = asyncio.Event()

    async def fire(timer: Timer, at: float) -> None:
        began.put_nowait(at)
        await proceed.wait()

    timers = Timers(fire, clock)
    timer = Timer("demo", "f", EVERY_TEN)
    timers._begin(timer)
    await began.get()
    timers._begin(timer)
    assert began.empty()
    proceed.set()
    await timers.close()


async def test_a_timer_calls_its_function(bench: Bench) -> None:
    config = {"triggers": [{"name": "second", "type": "timer", "config": "* * * * * * *"}]}
    code = """
        exports.main = async event => {
          const keys = process.env.WX_CONTEXT_KEYS
          console.log(JSON.stringify({ event, source: process.env.TCB_SOURCE, trigger: process.env.TRIGGER_SRC, keys }))
        }
        """
    bench.answers["tick"] = None
    await bench.deploy("f", {"index.js": code, "config.json": orjson.dumps(config).decode()})
    async with asyncio.timeout(10):
        while not (records := await bench.service.logs("demo", function="f")):
            await asyncio.to_thread(lambda: None)
    seen = orjson.loads(records[-1].lines[0].text)
    assert seen["event"]["Type"] == "Timer"
    assert seen["event"]["TriggerName"] == "second"
    assert datetime.strptime(seen["event"]["Time"], "%Y-%m-%dT%H:%M:%SZ").year >= 2026
    assert (seen["source"], seen["trigger"]) == ("wx_trigger", "timer")
    assert "WX_OPENID" not in seen["keys"]


async def test_firing_by_hand(bench: Bench) -> None:
    settings = {"triggers": [{"name": "daily", "config": "cron:0 0 2 * * *", "payload": {"a": 1}}]}
    await bench.deploy(
        "f",
        "module.exports = async ctx => [ctx.args.userPayload, ctx.args.triggerName, ctx.env.MP_SOURCE]",
        settings=settings,
    )
    for trigger in (None, "daily"):
        invocation = await bench.service.fire("demo", "f", trigger)
        assert orjson.loads(invocation.result_json) == [{"a": 1}, "daily", "timing"]
    with pytest.raises(NotFound, match="its timers: daily"):
        await bench.service.fire("demo", "f", "hourly")


async def test_timers_come_back_after_a_restart(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {"triggers": [{"name": "daily", "config": "0 0 2 * * * *"}]}
    root = tmp_path_factory.mktemp("again")
    for create in (True, False):
        made = make_bench(root, create=create)
        await made.service.start()
        if create:
            await made.deploy("f", "exports.main = () => 1", settings=settings)
        assert made.service._timers.next() is not None
        await made.service.close()
        made.spaces.close()
