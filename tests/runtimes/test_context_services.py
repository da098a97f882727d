"""What `ctx` offers: the 15 collection methods, transactions, files, the HTTP client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.functions.admin import AdminServer
from tests.functions.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATABASE = "serverless.db.default.execute"

METHODS: list[tuple[str, dict[str, Any]]] = [
    ("aggregate([{ $match: {} }], { maxTimeMS: 5 })", {"pipeline": [{"$match": {}}], "options": {"maxTimeMS": 5}}),
    ("count({ a: 1 })", {"query": {"a": 1}}),
    ("distinct('name', { a: 1 })", {"key": "name", "query": {"a": 1}}),
    ("find({ a: 1 }, { limit: 2 })", {"query": {"a": 1}, "options": {"limit": 2}}),
    ("findOne({ a: 1 })", {"query": {"a": 1}}),
    ("insertOne({ a: new Date(0) })", {"doc": {"a": "1970-01-01T00:00:00.000Z"}}),
    ("insertMany([{ a: 1 }])", {"docs": [{"a": 1}]}),
    ("updateOne({ a: 1 }, { $set: { b: 2 } }, { upsert: true })", {"filter": {"a": 1}, "update": {"$set": {"b": 2}}, "options": {"upsert": True}}),
    ("updateMany({ a: 1 }, { $inc: { b: 2 } })", {"filter": {"a": 1}, "update": {"$inc": {"b": 2}}}),
    ("replaceOne({ a: 1 }, { b: 2 })", {"filter": {"a": 1}, "doc": {"b": 2}}),
    ("deleteOne({ a: 1 })", {"filter": {"a": 1}}),
    ("deleteMany({ a: 1 })", {"filter": {"a": 1}}),
    ("findOneAndUpdate({ a: 1 }, { $set: { b: 2 } })", {"filter": {"a": 1}, "update": {"$set": {"b": 2}}}),
    ("findOneAndReplace({ a: 1 }, { b: 2 })", {"filter": {"a": 1}, "replacement": {"b": 2}}),
    ("findOneAndDelete({ a: 1 })", {"filter": {"a": 1}}),
]  # fmt: skip


async def test_collection_methods(bench: Bench) -> None:
    """Argument names as in aliyun-wire.md §5."""
    bench.answers[DATABASE] = {"affectedDocs": 1, "result": []}
    calls = "\n".join(f"await users.{call}" for call, _ in METHODS)
    await bench.run(
        f"module.exports = async ctx => {{ const users = ctx.mpserverless.db.collection('users')\n{calls}\n}}"
    )
    sent = [params for _, _, params in bench.host_calls]
    expected = [
        {"options": {}, **arguments, "collection": "users", "command": call.partition("(")[0]}
        for call, arguments in METHODS
    ]
    assert sent == expected


async def test_transactions(bench: Bench) -> None:
    bench.answers[DATABASE] = {"affectedDocs": 0, "transactionId": "t-1"}
    result = await bench.run(
        """
        module.exports = async ({ mpserverless: { db } }) => {
          const transaction = await db.startTransaction()
          await transaction.collection('users').insertOne({ a: 1 })
          const refused = await transaction.collection('users').find({}).catch(error => error.name)
          await transaction.commit()
          return [refused, await transaction.rollback().catch(error => error.message)]
        }
        """
    )
    assert result == ["TransactionError", "transaction already commit"]
    sent = [(params["command"], params.get("transactionId")) for _, _, params in bench.host_calls]
    assert sent == [("startTransaction", None), ("insertOne", "t-1"), ("commitTransaction", "t-1")]


async def test_uploading(bench: Bench) -> None:
    async with AdminServer({}) as server:
        bench.answers["serverless.file.resource.generateProximalSign"] = {
            "id": "file-1",
            "ossPath": "a/p.png",
            "host": server.url.removeprefix("http://").removesuffix("/admin"),
            "policy": "POL",
            "signature": "SIG",
            "accessKeyId": "AK",
            "cdnDomain": "cdn.test",
        }
        bench.answers["serverless.file.resource.report"] = None
        result = await bench.run(
            """
            module.exports = async ctx => ctx.mpserverless.file.uploadFile({
              fileBuffer: Buffer.from('bytes'), fileName: 'p.png', cloudPath: '/p.png', meta: { k: 'v' }, headers: { contentType: 'image/png' }
            })
            """
        )
    assert result == {"fileUrl": "https://cdn.test/a/p.png", "filePath": "a/p.png", "fileId": "file-1"}
    body = server.received[0].body.decode()
    names = [
        line.partition('name="')[2].partition('"')[0] for line in body.splitlines() if line.startswith("Content-Disp")
    ]
    assert names == [
        "success_action_status",
        "x-oss-meta-k",
        "Content-Type",
        "id",
        "key",
        "policy",
        "Signature",
        "OSSAccessKeyId",
        "file",
    ]
    assert body.endswith(body.splitlines()[0] + "--\r\n")
    assert bench.host_calls[0][2] == {"env": "public", "filename": "p.png", "size": 5, "fileId": "/p.png"}
    assert bench.host_calls[1][2] == {"id": "file-1", "contentType": "image/png"}


@pytest.mark.parametrize(
    ("options", "line", "body"),
    [
        ({"data": {"a": 1}}, "GET /admin?a=1 HTTP/1.1", b""),
        ({"method": "POST", "data": {"a": 1}, "contentType": "json"}, "POST /admin HTTP/1.1", b'{"a":1}'),
        ({"method": "POST", "data": {"a": 1}}, "POST /admin HTTP/1.1", b"a=1"),
        ({"method": "PUT", "content": "raw"}, "PUT /admin HTTP/1.1", b"raw"),
    ],
)
async def test_http_requests(bench: Bench, options: dict[str, Any], line: str, body: bytes) -> None:
    async with AdminServer({"answer": 42}) as server:
        result = await bench.run(
            """
            module.exports = async ctx => {
              const { status, data, headers, res } = await ctx.httpclient.request(ctx.args.url, { dataType: 'json', ...ctx.args.options })
              return [status, data, headers['content-type'], res.statusCode]
            }
            """,
            {"url": server.url, "options": options},
        )
    assert result == [200, {"answer": 42}, "application/json", 200]
    assert (server.received[0].line, server.received[0].body) == (line, body)


async def test_http_failures(bench: Bench) -> None:
    code = """
        module.exports = ctx => new Promise(resolve => {
          ctx.httpclient.request(ctx.args.url, { timeout: 80 }, (error, data) => resolve(error ? [error.name, error.code] : String(data)))
        })
        """
    assert (await bench.run(code, {"url": "http://127.0.0.1:1/"}))[1] == "ECONNREFUSED"

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await bench.call("f", {"url": f"http://127.0.0.1:{port}/"}) == ["ResponseTimeoutError", "ETIMEDOUT"]
    server.close()
