"""Chapter 4, functions: calling them, and everything in their ``ctx`` (S4 §4, FA-2 to FA-12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.guide.conftest import Example, Run
from tests.server import LiveServer

FUNCTIONS = {
    "hello": "module.exports = ctx => { const args = ctx.args; return { 'text': args.hello } }",
    "find": "module.exports = async ctx => { const args = ctx.args; return await ctx.mpserverless.db.collection('user').find({ uid: args.uid }) }",
    "remove": "module.exports = async ctx => { const args = ctx.args; return await ctx.mpserverless.file.deleteFile(args.filePathUrl) }",
    "info": "module.exports = async ctx => { return await ctx.mpserverless.user.getInfo() }",
    "env": "module.exports = async ctx => ctx.env",
    "strict": "'use strict'; module.exports = async function (ctx) { return await ctx.mpserverless.db.collection('user').updateMany({ name: 'jerry' }, { $set: { age: 10 } }) }",
    "older": "'use strict'; module.exports = async function (ctx) { return await ctx.basement.db.collection('user').find() }",
    "cloud": "module.exports = async ctx => [ctx.cloud === ctx.mpserverless, typeof ctx.cloud.db.collection]",
    "log": "module.exports = async ctx => { ctx.logger.info('info %s', 1); ctx.logger.warn('warn'); ctx.logger.error(new Error('oops')); ctx.logger.debug({ a: 1 }); console.log('plain'); return 'logged' }",
    "http": "module.exports = async ctx => { const { status, data } = await ctx.httpclient.request(ctx.args.url, { method: 'POST', data: { a: 1 }, dataType: 'text' }); return [status, data.length > 0] }",
    "nested": "module.exports = async ctx => { const { success, result, requestId } = await ctx.mpserverless.function.invoke('env'); return { success, source: result.MP_SOURCE, requestId: typeof requestId } }",
    "thrown": "module.exports = async () => { throw new Error('余额不足') }",
    "directory": "module.exports = async () => require('fs').readdirSync('/tmp/function/directory')",
    "nothing": "module.exports = async () => {}",
}  # fmt: skip


def invoke(name: str, arguments: str = "") -> str:
    return f"return await mpserverless.function.invoke('{name}'{arguments and ', ' + arguments})"


def result(name: str, arguments: str = "") -> str:
    return f"return (await mpserverless.function.invoke('{name}'{arguments and ', ' + arguments})).result"


EXAMPLES = [
    Example("4.0", "init", "await server.db.collection('user').insertMany([{ uid: 7, name: 'jerry' }, { uid: 8, name: 'ann' }]); return await mpserverless.init()"),
    Example(
        "4.1",
        "invoke",
        invoke("hello", "{ hello: 'world' }"),
        lambda got: got["success"] is True and got["result"] == {"text": "world"} and got["requestId"],
    ),
    Example("4.1", "invoke without arguments", result("hello"), lambda got: got == {}),
    Example("4.1", "invoke of an error", invoke("thrown"), code_of_error="FunctionBizError"),
    Example("4.1", "invoke of none", invoke("nope"), code_of_error="FunctionNotFound"),
    Example("4.1", "invoke without a name", invoke(""), code_of_error="ValidationFailed"),
    Example("4.1", "a function that returns nothing", invoke("nothing"), lambda got: got["success"] and "result" not in got),
    Example("4.1", "server side", "return await server.function.invoke('hello', { hello: 'server' })", lambda got: got["result"] == {"text": "server"}),
    Example("4.2", "documents", invoke("find", "{ uid: 7 }"), lambda got: [row["name"] for row in got["result"]] == ["jerry"] and got["affectedDocs"] == 1),
    Example("4.2", "writing documents", invoke("strict"), lambda got: got["affectedDocs"] == 1),
    Example("4.2", "the older name", invoke("older"), lambda got: got["affectedDocs"] == 2),
    Example("4.2", "the other name", result("cloud"), lambda got: got == [True, "function"]),
    Example(
        "4.2",
        "files",
        "const { fileUrl } = await mpserverless.file.uploadFile({ filePath: options.png }); await mpserverless.function.invoke('remove', { filePathUrl: fileUrl }); return (await fetchUrl(fileUrl)).status",
        lambda got: got == 404,
    ),
    Example(
        "4.2",
        "users",
        "const { result: { user } } = await mpserverless.function.invoke('info'); return user.oAuthUserId === (await mpserverless.user.getInfo()).result.user.oAuthUserId",
        lambda got: got is True,
    ),
    Example(
        "4.3",
        "environment of a client's call",
        result("env"),
        lambda got: (
            got["MP_SOURCE"] == "client"
            and got["MP_SPACE_ID"]
            and got["MP_APP_ID"] == "app-1"
            and got["MP_CLIENT_IP"] == "127.0.0.1"
            and "mpserverless-sdk" in got["MP_USER_AGENT"]
        ),
    ),
    Example(
        "4.3",
        "environment of a server's call",
        "return (await server.function.invoke('env')).result",
        lambda got: got.keys() == {"MP_SPACE_ID", "MP_SOURCE"} and got["MP_SOURCE"] == "server",
    ),
    Example("4.3", "environment of a function's call", result("nested"), lambda got: got == {"success": True, "source": "function", "requestId": "string"}),
    Example("4.4", "calling HTTP", result("http", "{ url: options.endpoint + '/healthz' }"), lambda got: got[1] is True),
    Example(
        "4.5",
        "logging",
        """
        const { requestId } = await mpserverless.function.invoke('log')
        const client = new Core({ accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' })
        const { DataList: [log] } = await client.request('ListFunctionLog', { SpaceId: options.spaceId, Name: 'log', LogRequestId: requestId, FromDate: Date.now() - 60000, ToDate: Date.now() + 60000, PageNum: 1, PageSize: 10 }, { method: 'POST' })
        return { contents: log.Contents.map(text => text.split('\\n')[0]), levels: log.Levels, status: log.Status }
        """,
        lambda got: (
            got["contents"][:2] == ["info 1", "warn"]
            and got["contents"][2].endswith("oops")
            and [level.upper() for level in got["levels"]][:4] == ["INFO", "WARN", "ERROR", "DEBUG"]
            and got["status"] == "SUCCESS"
        ),
    ),
    Example("4.6", "where the code is", result("directory"), lambda got: got[0] == "index.js"),
]  # fmt: skip


@pytest.fixture(scope="module")
def results(cloud: LiveServer, chapter: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    every = {}
    folder = tmp_path_factory.mktemp("functions")
    for name, code in FUNCTIONS.items():
        write(folder / name, code)
    for platform in ("wx", "my", "dd"):
        space = cloud.create_space()
        for name in FUNCTIONS:
            cloud.call(cloud.services.functions.deploy(space.id, folder / name, name))
        every[platform] = chapter(space, EXAMPLES, platform=platform)
    return every


def write(folder: Path, code: str) -> None:
    folder.mkdir()
    (folder / "index.js").write_text(code, encoding="utf-8")


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(results: dict[str, dict[str, Any]], platform: str, example: Example) -> None:
    example.verify(results[platform][str(example)])
