"""What functions print: by invocation, in order, cut where it is too much."""

from __future__ import annotations

import asyncio

import pytest

from tests.functions.conftest import ANN, BOB, Bench
from yunbox.errors import FunctionFailed


async def lines(bench: Bench, code: str) -> list[tuple[str, str]]:
    await bench.deploy("f", code)
    invocation = await bench.service.invoke(ANN, "f", {})
    return [(line.level, line.text) for line in invocation.logs]


async def test_console(bench: Bench) -> None:
    printed = await lines(
        bench,
        """
        exports.main = async () => {
          console.log('a %s %d', 'text', 1, { deep: { er: [1] } })
          console.info('i'); console.debug('d'); console.warn('w'); console.error(new Error('e').message)
          process.stdout.write('raw\\n'); process.stderr.write(Buffer.from('err'))
          await null
          console.log('中文')
        }
        """,
    )
    assert printed == [
        ("info", "a text 1 { deep: { er: [ 1 ] } }"),
        ("info", "i"),
        ("debug", "d"),
        ("warn", "w"),
        ("error", "e"),
        ("info", "raw"),
        ("error", "err"),
        ("info", "中文"),
    ]


async def test_megabytes_are_cut(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        exports.main = async event => {
          if (event.quiet) return 'fine'
          console.log('x'.repeat(100000))
          for (let n = 0; n < 200000; n++) console.log('line', n)
          return 'done'
        }
        """,
    )
    invocation = await bench.service.invoke(ANN, "f", {})
    assert invocation.result_json == b'"done"'
    assert sum(len(line.text) for line in invocation.logs) < 300_000
    assert invocation.logs[0].text.endswith("… [83616 more characters]")
    assert invocation.logs[-1].text == "[output beyond 256 KiB is not kept]"
    quiet = await bench.service.invoke(ANN, "f", {"quiet": True})
    assert quiet.logs == ()


async def test_raw_megabytes_of_a_child_are_cut(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        const { spawnSync } = require('child_process')
        exports.main = async () => spawnSync('sh', ['-c', 'echo start; yes | head -c 8000000; echo end >&2'], { stdio: 'inherit' }).status
        """,
    )
    invocation = await bench.service.invoke(ANN, "f", {})
    assert invocation.result_json == b"0"
    [record] = await bench.service.logs("demo")
    kept = [line.text for line in record.lines]
    assert kept[0] == "start"
    assert sum(map(len, kept)) < 600_000


async def test_lines_belong_to_their_invocation(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        exports.main = async event => {
          console.log('begin', event.n)
          setTimeout(() => console.log('late', event.n), 20)
          if (event.wait) await new Promise(resolve => setTimeout(resolve, 60))
        }
        """,
    )
    await bench.call("f", {"n": 1}, ANN)
    await bench.call("f", {"n": 2, "wait": True}, BOB)
    records = {record.caller: record for record in await bench.service.logs("demo", function="f")}
    for caller, number in (("openid-ann", 1), ("openid-bob", 2)):
        assert [line.text for line in records[caller].lines] == [f"begin {number}", f"late {number}"]


async def test_failures_are_logged_with_their_stack(bench: Bench) -> None:
    await bench.deploy(
        "f", "exports.main = async event => { console.log('before'); if (event.fail) throw new Error('no') }"
    )
    await bench.call("f")
    with pytest.raises(FunctionFailed):
        await bench.call("f", {"fail": True})
    [failure] = await bench.service.logs("demo", status="failure")
    assert (failure.status, failure.function, failure.version) == ("threw", "f", 1)
    assert [line.text.splitlines()[0] for line in failure.lines] == ["before", "Error: no"]
    assert "/var/user/index.js:1:" in failure.lines[1].text
    assert len(await bench.service.logs("demo")) == 2
    assert await bench.service.logs("demo", request_id=failure.request_id) == [failure]
    assert [r.status for r in await bench.service.logs("demo", limit=1)] == ["threw"]
    assert await bench.service.logs("demo", text="no such text") == []


async def test_logs_survive_a_restart(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = () => console.log('kept')")
    await asyncio.gather(*(bench.call("f") for _ in range(20)))
    await bench.service.close()
    assert len(await bench.service.logs("demo")) == 20


async def test_console_stays_usable_whatever_is_printed(bench: Bench) -> None:
    printed = await lines(
        bench,
        """
        exports.main = async () => {
          const loop = {}; loop.loop = loop
          console.log(loop, Symbol('s'), 10n, undefined, null, '\\ud800', '\\u2028')
          console.table([{ a: 1 }]); console.dir({ a: 1 }); console.group('g'); console.log('in'); console.groupEnd(); console.assert(false, 'no')
        }
        """,
    )
    texts = "\n".join(text for _, text in printed)
    assert "Circular" in texts
    assert "Symbol(s) 10n undefined null" in texts
    assert "in" in texts
