"""Calling functions: entry forms, results, errors, identity, limits."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Any

import pytest
from msgspec.structs import replace

from tests.functions.conftest import ANN, BOB, Bench
from yunbox.caller import Caller
from yunbox.errors import FunctionFailed, FunctionNotFound, InvalidRequest, LimitExceeded, PermissionDenied

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    """The module's service; functions of the same name are deployed over each other."""
    shutil.rmtree(shared_bench.sources, ignore_errors=True)
    shared_bench.host_calls.clear()
    return shared_bench


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("exports.main = async (event, context) => event.n + 1", 42),
        ("exports.main = event => event.n + 1", 42),
        ("exports.main = (event, context, callback) => { setTimeout(() => callback(null, event.n + 1), 5) }", 42),
        ("exports.main = (event, context) => { setTimeout(context.succeed, 5, event.n + 1) }", 42),
        ("exports.main = (event, { done }) => { setTimeout(() => done(null, event.n + 1), 5) }", 42),
        ("exports.main = async (event, context, callback) => { callback(null, event.n + 1) }", 42),
        ("exports.main = (event, context, callback) => {}", None),
        ("exports.main = () => ({ then (resolve) { resolve(7) } })", 7),
        ("module.exports = async ctx => ctx.args.n + 1", 42),
        ("exports.default = ctx => ctx.args.n + 1", 42),
        ("module.exports = { main: async event => event.n + 1 }", 42),
        ("exports.main = async () => {}", None),
        ("exports.main = () => undefined", None),
        ("exports.main = async () => null", None),
        ("exports.main = async () => () => 1", None),
        ("exports.main = async () => false", False),
        ("exports.main = async () => ''", ""),
        ("exports.main = async () => new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("exports.main = async () => Buffer.from('a')", {"type": "Buffer", "data": [97]}),
        ("exports.main = async () => NaN", None),
        ("exports.main = async () => 'half \\ud800 pair 😀'", "half \ufffd pair 😀"),
        ("exports.main = async () => ({ 中文: '结果 ✓ \\u2028' })", {"中文": "结果 ✓ \u2028"}),
        ("undeclared = 5; exports.main = async () => undeclared", 5),
    ],
)
async def test_entry_forms_and_results(bench: Bench, code: str, expected: Any) -> None:
    assert await bench.run(code, {"n": 41}) == expected


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({"index.mjs": "export const main = async event => event.n"}, {}),
        ({"index.mjs": "export default async ctx => ctx.args.n"}, {}),
        ({"index.js": "export const main = async event => event.n", "package.json": '{"type": "module"}'}, {}),
        ({"index.js": "export const main = async event => event.n"}, {}),
        ({"src/app.js": "exports.main = async event => event.n", "package.json": '{"main": "src/app.js"}'}, {}),
        ({"src/app.js": "exports.main = async event => event.n", "package.json": '{"main": "./src/app"}'}, {}),
        ({"index.js": "exports.main = async event => event.n", "package.json": '{"main": "absent.js"}'}, {}),
        ({"app.js": "exports.start = async event => event.n"}, {"handler": "app.start"}),
        (
            {
                "index.js": "module.exports = require('lib/deep/value.js')",
                "lib/deep/value.js": "exports.main = e => e.n",
            },
            {},
        ),
        ({"index.js": "exports.main = e => require('fs').readFileSync('./n.txt', 'utf8') * 1", "n.txt": "41"}, {}),
        (
            {
                "index.js": "exports.main = e => +require('fs').readFileSync(__dirname + '/n.txt', 'utf8')",
                "n.txt": "41",
            },
            {},
        ),
    ],
    ids=lambda value: " ".join(value),
)
async def test_where_the_entry_is(bench: Bench, files: dict[str, str], settings: dict[str, Any]) -> None:
    await bench.deploy("f", files, settings=settings)
    assert await bench.call("f", {"n": 41}) == 41


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("exports.main = async () => { throw new Error('余额不足') }", "余额不足", "threw"),
        ("exports.main = () => { throw new TypeError('sync') }", "sync", "threw"),
        ("exports.main = () => Promise.reject('a text')", "a text", "threw"),
        ("exports.main = () => Promise.reject({ errCode: 7 })", '{"errCode":7}', "threw"),
        ("exports.main = () => Promise.reject(undefined)", "undefined", "threw"),
        ("exports.main = (e, c, cb) => cb(new Error('by callback'))", "by callback", "threw"),
        ("exports.main = (e, c) => c.fail(new Error('by context'))", "by context", "threw"),
        ("exports.main = () => { const a = {}; a.a = a; return a }", "JSON", "result"),
        ("exports.main = () => 10n", "BigInt", "result"),
        ("exports.main = () => 'x'.repeat(7 * 1024 * 1024)", "6 MiB", "result"),
        ("exports.main = () => new Promise(() => setTimeout(() => { throw new Error('late') }))", "late", "threw"),
        ("exports.main = () => new Promise(() => { Promise.reject(new Error('lost')) })", "lost", "threw"),
        ("exports.main = () => process.exit(3)", "status 3", "exited"),
        ("exports.main = () => process.abort()", "signal 6", "exited"),
        ("throw new Error('at load')", "at load", "load"),
        ("require('not-installed')", "not-installed", "load"),
        ("exports.nothing = 1", "exports.main", "load"),
        ("syntax error here", "Unexpected identifier", "load"),
    ],
)
async def test_failures(bench: Bench, code: str, message: str, reason: str) -> None:
    with pytest.raises(FunctionFailed) as caught:
        await bench.run(code)
    assert message in caught.value.message
    assert caught.value.reason == reason
    assert caught.value.data["request_id"]
    assert str(bench.data) not in caught.value.message + caught.value.stack


async def test_the_process_survives_what_user_code_throws(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        let calls = 0
        exports.main = async event => {
          calls++
          if (event.how === 'throw') throw new Error('thrown')
          if (event.how === 'late') return new Promise(() => setTimeout(() => { throw new Error('uncaught') }))
          return calls
        }
        """,
    )
    for how in ("throw", "late"):
        with pytest.raises(FunctionFailed):
            await bench.call("f", {"how": how})
    assert await bench.call("f") == 3


async def test_error_stacks_name_the_place(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = async () => {\n  throw new Error('here')\n}")
    with pytest.raises(FunctionFailed) as caught:
        await bench.call("f")
    assert "/var/user/index.js:2:9" in caught.value.stack


async def test_a_runaway_loop_is_killed_on_time(bench: Bench) -> None:
    await bench.deploy(
        "f", "exports.main = async event => { if (event.loop) for (;;); return process.pid }", settings={"timeout": 0.3}
    )
    pid = await bench.call("f")
    began = time.monotonic()
    with pytest.raises(FunctionFailed, match=r"timed out after 0.3 seconds") as caught:
        await bench.call("f", {"loop": True})
    assert time.monotonic() - began < 0.6
    assert caught.value.reason == "timeout"
    assert await bench.call("f") != pid


async def test_a_loop_in_the_first_call_of_a_process_is_killed_on_time(bench: Bench) -> None:
    """However the end of loading and the invocation pass each other on their way."""
    names = [f"loop{number}" for number in range(8)]
    for name in names:
        await bench.deploy(name, "exports.main = () => { for (;;); }", settings={"timeout": 0.2})
    began = time.monotonic()
    calls = await asyncio.gather(*(bench.call(name) for name in names), return_exceptions=True)
    assert {getattr(failure, "reason", None) for failure in calls} == {"timeout"}
    assert time.monotonic() - began < 15


async def test_time_limit_of_the_caller(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = () => new Promise(() => {})")
    with pytest.raises(FunctionFailed, match=r"timed out after 0.1 seconds"):
        await bench.call("f", timeout=0.1)


@pytest.mark.parametrize("bomb", ["const a = []; for (;;) a.push(new Array(1e5).fill(1.5))", "Buffer.alloc(1e9, 1)"])
async def test_memory_bombs_are_contained(bench: Bench, bomb: str) -> None:
    await bench.deploy(
        "f", f"exports.main = event => {{ if (event.bomb) {{ {bomb} }} return 'fine' }}", settings={"memory": 128}
    )
    with pytest.raises(FunctionFailed):
        await bench.call("f", {"bomb": True})
    assert await bench.call("f") == "fine"


async def test_what_does_not_exist(bench: Bench) -> None:
    with pytest.raises(FunctionNotFound, match="yunbox functions deploy"):
        await bench.call("absent")


async def test_large_events_and_results_pass(bench: Bench) -> None:
    text = "字" * 1_000_000
    assert await bench.run("exports.main = event => event.text", {"text": text}) == text


async def test_an_event_beyond_the_limit(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = event => 1")
    with pytest.raises(LimitExceeded):
        await bench.call("f", {"text": "x" * (7 * 2**20)})
    assert await bench.call("f") == 1


async def test_event_as_json_text(bench: Bench) -> None:
    assert await bench.run("exports.main = event => event.n", b'{"n": 1, "n": 3}') == 3
    with pytest.raises(InvalidRequest, match="not JSON"):
        await bench.call("f", b'{"n": ')


async def test_identity_and_source(bench: Bench) -> None:
    seen = await bench.run(
        """
        exports.main = async (event, context) => ({
          event,
          env: { ...process.env },
          context: { ...context, left: context.getRemainingTimeInMillis(), environment: JSON.parse(context.environment) }
        })
        """,
        {"a": 1},
        replace(ANN, unionid="union-ann", client_ip="10.0.0.1"),
    )
    assert seen["event"] == {"a": 1, "userInfo": {"openId": "openid-ann", "appId": "wx123"}}
    env = seen["env"]
    assert env["WX_OPENID"] == "openid-ann"
    assert env["WX_CONTEXT_KEYS"] == "WX_APPID,WX_OPENID,WX_UNIONID,WX_CLIENTIP,WX_API_TOKEN"
    assert (env["TCB_SOURCE"], env["TRIGGER_SRC"], env["TCB_ENV"], env["SCF_NAMESPACE"]) == (
        "wx_client",
        "tcb",
        "demo",
        "demo",
    )
    assert all(env[name] for name in env["TCB_CONTEXT_KEYS"].split(","))
    assert env["TENCENTCLOUD_RUNENV"] == "SCF"
    assert not [name for name in env if name.startswith("KUBERNETES_") or "ADMIN" in name]
    context = seen["context"]
    assert context["request_id"] == env["TCB_SEQID"]
    assert (context["function_name"], context["namespace"], context["memory_limit_in_mb"]) == ("f", "demo", 256)
    assert (context["time_limit_in_ms"], 19000 < context["left"] <= 20000) == (20000, True)
    assert context["environment"]["WX_OPENID"] == "openid-ann"
    assert "WX_OPENID=openid-ann;" in context["environ"]


async def test_what_a_function_holds_is_its_capability(bench: Bench) -> None:
    env = await bench.run("exports.main = () => ({ ...process.env })")
    capabilities = bench.service.capabilities
    caller = capabilities.verify(env["TENCENTCLOUD_SESSIONTOKEN"], env["TENCENTCLOUD_SECRETID"])
    assert (caller.kind, caller.space, caller.openid, caller.function) == ("function", "demo", "openid-ann", "f")
    assert capabilities.secret_for(env["TENCENTCLOUD_SECRETID"]) == env["TENCENTCLOUD_SECRETKEY"]


async def test_nothing_of_one_caller_reaches_the_next(bench: Bench) -> None:
    await bench.deploy(
        "f", "exports.main = () => Object.keys(process.env).filter(k => k.startsWith('WX_') || k === 'TCB_UUID')"
    )
    assert "WX_OPENID" in await bench.call("f")
    timer = await bench.service.fire("demo", "f")
    assert timer.cold is False
    assert timer.result_json == b'["WX_APPID","WX_TRIGGER_API_TOKEN_V0","WX_CONTEXT_KEYS"]'


async def test_memory_is_what_the_process_has_used_at_most(bench: Bench) -> None:
    await bench.deploy(
        "f", "exports.main = size => { const held = Buffer.alloc(size * 2 ** 20, 1); return held.length }"
    )
    small, large, after = [(await bench.service.invoke(ANN, "f", size)).memory for size in (1, 100, 1)]
    assert large >= small + 80 * 2**20
    assert after >= large


async def test_late_work_keeps_its_own_caller(bench: Bench) -> None:
    bench.answers["late"] = None
    await bench.deploy(
        "f",
        """
        const seen = []
        exports.main = async event => {
          if (event.read) {
            while (seen.length < 4) await new Promise(resolve => setTimeout(resolve, 5))
            return { seen, mine: process.env.WX_OPENID }
          }
          const mine = () => [process.env.WX_OPENID, process.env.TENCENTCLOUD_SECRETID]
          const before = mine()
          setTimeout(() => seen.push([before, mine()]), 30)
          Promise.resolve().then(() => new Promise(r => setTimeout(r, 20))).then(() => seen.push([before, mine()]))
        }
        """,
    )
    await bench.call("f", caller=ANN)
    await bench.call("f", caller=BOB)
    result = await bench.call("f", {"read": True}, BOB)
    assert result["mine"] == "openid-bob"
    assert all(before == after for before, after in result["seen"])
    assert {before[0] for before, _ in result["seen"]} == {"openid-ann", "openid-bob"}


async def test_overlapping_calls_of_many_callers(bench: Bench) -> None:
    await bench.deploy(
        "f", "exports.main = async e => { await new Promise(r => setTimeout(r, e.ms)); return process.env.WX_OPENID }"
    )
    callers = [replace(ANN, openid=f"openid-{number}") for number in range(64)]
    results = await asyncio.gather(*(bench.call("f", {"ms": n % 7}, caller) for n, caller in enumerate(callers)))
    assert results == [caller.openid for caller in callers]


async def test_callbacks_of_a_shared_connection_belong_to_the_running_call(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        const net = require('net')
        const server = net.createServer(socket => socket.pipe(socket))
        let shared, waiting
        const open = () => new Promise(resolve => server.listen(0, '127.0.0.1', () => {
          shared = net.connect(server.address().port, '127.0.0.1', resolve)
          shared.on('data', () => waiting(process.env.WX_OPENID))
        }))
        exports.main = async () => {
          if (!shared) await open()
          return new Promise(resolve => { waiting = resolve; shared.write('x') })
        }
        """,
    )
    assert await bench.call("f", caller=ANN) == "openid-ann"
    assert await bench.call("f", caller=BOB) == "openid-bob"


@pytest.mark.parametrize(
    ("caller", "source", "mp_source"),
    [
        (ANN, "wx_client", "client"),
        (Caller(kind="admin", space="demo"), "wx_unknown", "server"),
        (Caller(kind="user", space="demo", user_id="u", source="wx_devtools"), "wx_devtools", "client"),
        (Caller(kind="function", space="demo", source="client", function="g"), "wx_client,scf", "function"),
        (Caller(kind="timer", space="demo", source="timing"), "wx_trigger", "timing"),
        (Caller(kind="guest", space="demo", source="http"), "wx_http", "http"),
    ],
)
async def test_where_a_call_came_from(bench: Bench, caller: Caller, source: str, mp_source: str) -> None:
    await bench.deploy("t", "exports.main = () => process.env.TCB_SOURCE")
    await bench.deploy("a", "module.exports = ctx => ctx.env")
    assert await bench.call("t", caller=caller) == source
    assert (await bench.call("a", caller=caller))["MP_SOURCE"] == mp_source


async def test_functions_that_call_each_other_for_ever_are_stopped(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = () => 1")
    deep = Caller(kind="function", space="demo", source="client" + ",function" * 16, function="f")
    with pytest.raises(LimitExceeded, match="16 deep"):
        await bench.call("f", caller=deep)


async def test_context_form(bench: Bench) -> None:
    bench.answers["serverless.db.default.execute"] = {
        "affectedDocs": 1,
        "result": [{"at": "2020-01-02T03:04:05.678Z", "text": "2020-01-02"}],
    }
    bench.answers["serverless.auth.user.getProfileInfo"] = {"user": {"userId": "user-ann"}}
    bench.answers["serverless.function.runtime.invoke"] = b'{"raw": [1]}'
    bench.answers["serverless.file.resource.delete"] = PermissionDenied("not yours")
    seen = await bench.run(
        """
        module.exports = async ctx => {
          const found = await ctx.mpserverless.db.collection('users').find({ at: new Date(5) }, { limit: 2 })
          const refused = await ctx.basement.file.deleteFile('x').catch(e => [e.name, e.code, e.message])
          ctx.logger.info('hello %s', 'log')
          return {
            env: ctx.env, date: found.result[0].at instanceof Date, text: typeof found.result[0].text, ok: found.success,
            user: await ctx.mpserverless.user.getInfo(), called: await ctx.mpserverless.function.invoke('g', { a: 1 }),
            refused, cloud: ctx.cloud === ctx.mpserverless
          }
        }
        """,
        caller=replace(ANN, user_agent="UA", client_ip="::1"),
    )
    assert seen["env"] == {
        "MP_SPACE_ID": "demo",
        "MP_SOURCE": "client",
        "MP_USER_AGENT": "UA",
        "MP_CLIENT_IP": "::1",
        "MP_APP_ID": "wx123",
    }
    assert (seen["date"], seen["text"], seen["ok"], seen["cloud"]) == (True, "string", True, True)
    assert seen["user"] == {"user": {"userId": "user-ann"}}
    assert seen["called"] == {"success": True, "result": {"raw": [1]}, "requestId": "r-1"}
    assert seen["refused"] == ["permission_denied", "permission_denied", "not yours"]
    caller, method, params = bench.host_calls[0]
    assert (caller.kind, caller.openid, caller.function) == ("function", "openid-ann", "f")
    assert params == {
        "collection": "users",
        "command": "find",
        "options": {"limit": 2},
        "query": {"at": "1970-01-01T00:00:00.005Z"},
    }
    assert method == "serverless.db.default.execute"
