"""How many processes there are, who gets one, what happens when there is none."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from msgspec.structs import replace

from tests.functions.conftest import ANN, Bench, make_bench
from yunbox.caller import Caller
from yunbox.errors import FunctionFailed, LimitExceeded
from yunbox.functions.runners.fleet import default_cap

SLEEP = "exports.main = e => new Promise(resolve => setTimeout(resolve, e.ms, process.pid))"


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Bench]:
    """At most two processes."""
    bench = make_bench(tmp_path, instances=2)
    await bench.service.start()
    yield bench
    await bench.service.close()
    bench.spaces.close()


async def test_one_process_serves_calls_one_after_the_other(bench: Bench) -> None:
    await bench.deploy(
        "f", "let running = 0; exports.main = async () => { const n = ++running; await null; running--; return n }"
    )
    assert set(await asyncio.gather(*(bench.call("f") for _ in range(50)))) == {1}


async def test_slow_calls_get_processes_of_their_own(bench: Bench) -> None:
    await bench.deploy("f", SLEEP)
    await bench.call("f", {"ms": 0})
    pids = await asyncio.gather(*(bench.call("f", {"ms": 700}) for _ in range(2)))
    assert len(set(pids)) == 2


async def test_the_last_used_process_is_used_first(bench: Bench) -> None:
    await bench.deploy("f", SLEEP)
    await asyncio.gather(*(bench.call("f", {"ms": 300}) for _ in range(2)))
    assert len({await bench.call("f", {"ms": 0}) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("cores", "gigabytes", "expected"), [(2, 1, 8), (2, 4, 16), (2, 24, 64), (8, 1, 32), (32, 8, 128), (1, 0, 4)]
)
async def test_how_many_by_default(cores: int, gigabytes: int, expected: int) -> None:
    assert default_cap(cores, gigabytes * 2**30) == expected


async def test_a_burst_stays_within_the_cap(small: Bench) -> None:
    await small.deploy("f", SLEEP)
    pids = await asyncio.gather(*(small.call("f", {"ms": 20}) for _ in range(60)))
    assert len(set(pids)) <= 2


async def test_functions_take_turns_when_the_cap_is_reached(small: Bench) -> None:
    names = [f"f{number}" for number in range(5)]
    for name in names:
        await small.deploy(name, SLEEP)
    results = await asyncio.gather(*(small.call(name, {"ms": 30}) for name in names for _ in range(3)))
    assert len(set(results)) >= 5


async def test_nested_calls_do_not_wait_for_their_own_callers(small: Bench) -> None:
    async def invoke(caller: Caller, method: str, params: dict[str, object]) -> bytes:
        return b'{"requestId":"r","data":%b}' % (await small.service.invoke(caller, "inner", params)).result_json

    small.service._host_call = invoke
    await small.deploy("inner", "exports.main = e => e.n + 1")
    await small.deploy(
        "outer", "module.exports = ctx => ctx.mpserverless.function.invoke('inner', ctx.args).then(r => r.result)"
    )
    await small.deploy("inner", "module.exports = ctx => ctx.args.functionArgs.n + 1")
    assert await asyncio.gather(*(small.call("outer", {"n": n}) for n in range(4))) == [1, 2, 3, 4]


async def test_too_many_waiting_calls_are_refused(small: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yunbox.functions.runners.pool.QUEUE", 5)
    await small.deploy("f", SLEEP)
    results = await asyncio.gather(*(small.call("f", {"ms": 30}) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, LimitExceeded) for result in results) == 15
    assert sum(isinstance(result, int) for result in results) == 5


async def test_a_process_killed_from_outside(bench: Bench) -> None:
    await bench.deploy("f", SLEEP)
    pid = await bench.call("f", {"ms": 0})
    call = asyncio.create_task(bench.call("f", {"ms": 5000}))
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(FunctionFailed, match="signal 9"):
        await call
    assert await bench.call("f", {"ms": 0}) != pid


async def test_a_launcher_killed_from_outside(bench: Bench) -> None:
    await bench.deploy("f", SLEEP)
    pid = await bench.call("f", {"ms": 0})
    assert bench.service._opened is not None
    launcher = bench.service._opened._launcher._process
    assert launcher is not None
    launcher.kill()
    await asyncio.to_thread(launcher.wait)
    async with asyncio.timeout(5):
        while (again := await _pid_or_none(bench)) is None:
            pass
    assert again != pid


async def _pid_or_none(bench: Bench) -> int | None:
    try:
        return int(await bench.call("f", {"ms": 0}))
    except FunctionFailed:
        return None


async def test_a_call_that_is_given_up_keeps_its_process_until_it_ends(small: Bench) -> None:
    await small.deploy(
        "f",
        """
        let running = 0
        exports.main = async e => { const n = ++running; await new Promise(r => setTimeout(r, e.ms)); running--; return [n, process.pid] }
        """,
    )
    [_, pid] = await small.call("f", {"ms": 0})
    call = asyncio.create_task(small.call("f", {"ms": 150}))
    await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    seen = [await small.call("f", {"ms": 0}) for _ in range(20)]
    assert all(running == 1 for running, _ in seen)
    assert {number for _, number in seen} >= {pid} or len({number for _, number in seen}) == 1


async def test_one_bad_function_does_not_disturb_others(bench: Bench) -> None:
    await bench.deploy("bad", "for (;;);", settings={"timeout": 0.5})
    await bench.deploy("exits", "process.exit(1)")
    await bench.deploy("good", "exports.main = e => e.n")

    async def fails(name: str) -> str:
        with pytest.raises(FunctionFailed) as caught:
            await bench.call(name, timeout=0.2)
        return caught.value.reason

    bad = asyncio.gather(*(fails("exits") for _ in range(3)))
    assert await asyncio.gather(*(bench.call("good", {"n": n}) for n in range(100))) == list(range(100))
    assert set(await bad) == {"exited"}


async def test_sixty_four_callers_keep_their_identity(bench: Bench) -> None:
    code = """
        exports.main = async e => {
          const before = process.env.WX_OPENID
          setTimeout(() => {}, 5)
          await new Promise(resolve => setTimeout(resolve, e.ms))
          return [before, process.env.WX_OPENID, e.userInfo.openId]
        }
        """
    await bench.deploy("f", code)
    callers = [replace(ANN, openid=f"o{number}") for number in range(64)]
    answers = await asyncio.gather(
        *(bench.service.invoke(caller, "f", {"ms": i % 5}) for i, caller in enumerate(callers))
    )
    assert [orjson.loads(a.result_json) for a in answers] == [[c.openid] * 3 for c in callers]
