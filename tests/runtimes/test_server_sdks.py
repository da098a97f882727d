"""The real server SDKs, unmodified, inside a function: they reach this server and say who the caller is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.functions.admin import AdminServer, Received
from tests.functions.conftest import ANN, Bench

PACKAGES = Path(__file__).parent.parent / "compat" / "node_modules"
MISSING_COLLECTION = {"requestId": "r1", "code": "DATABASE_COLLECTION_NOT_EXIST", "message": "Db or Table not exist"}

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PACKAGES.exists(), reason="tests/compat/node_modules is not installed"),
]

WX_VERSIONS = ["0.8.1", "1.8.3", "2.1.2", "2.6.3", "3.0.4", "4.0.2"]


async def deploy(bench: Bench, code: str) -> None:
    source = bench.write("f", code)
    os.symlink(PACKAGES, source / "node_modules", target_is_directory=True)
    await bench.service.deploy("demo", source, "f", in_place=True)


def signed_by(request: Received) -> str:
    """The key id that a request is signed with, in either of the two signature forms."""
    text = request.headers.get("authorization", "") + str(request.fields.get("authorization", ""))
    found = re.search(r"(?:Credential=|q-ak=)(\w+)", text)
    assert found, text
    return found[1]


@pytest.mark.parametrize("version", WX_VERSIONS)
async def test_wx_server_sdk(bench: Bench, version: str) -> None:
    await deploy(
        bench,
        f"""
        const cloud = require('wx-server-sdk-{version}')
        cloud.init({{ env: cloud.DYNAMIC_CURRENT_ENV }})
        const db = cloud.database()
        exports.main = async () => {{
          const context = cloud.getWXContext()
          const failure = await db.collection('todos').add({{ data: {{ title: 'x' }} }}).catch(error => error)
          return {{ context, code: failure.errCode, message: failure.errMsg }}
        }}
        """,
    )
    async with AdminServer(MISSING_COLLECTION) as server:
        bench.admin_url = server.url
        result: dict[str, Any] = await bench.call("f")
    assert {key: result["context"].get(key) for key in ("OPENID", "APPID", "ENV")} == {
        "OPENID": "openid-ann",
        "APPID": "wx123",
        "ENV": "demo",
    }
    assert result["context"].get("SOURCE") == "wx_client"
    assert result["code"] == -502005
    [request] = [item for item in server.received if b"todos" in item.body]
    assert request.line.split()[1].split("?")[0] == "/admin"
    assert request.fields.get("envName", "demo") == "demo"
    caller = bench.service.capabilities.verify(request.fields["sessionToken"], signed_by(request))
    assert (caller.openid, caller.function) == ("openid-ann", "f")


@pytest.mark.parametrize(
    ("package", "init"),
    [
        ("tcb-admin-node-1.23.0", "init()"),
        ("cloudbase-node-sdk-2.11.0", "init({ env: sdk.SYMBOL_CURRENT_ENV })"),
        ("cloudbase-node-sdk-3.18.3", "init({ env: sdk.SYMBOL_CURRENT_ENV })"),
    ],
)
async def test_other_server_sdks(bench: Bench, package: str, init: str) -> None:
    await deploy(
        bench,
        f"""
        const sdk = require('{package}')
        exports.main = async () => {{
          const app = sdk.{init}
          const result = await app.database().collection('todos').add({{ title: 'x' }}).catch(error => error)
          return {{ code: result.code, user: app.auth().getUserInfo() }}
        }}
        """,
    )
    async with AdminServer(MISSING_COLLECTION) as server:
        bench.admin_url = server.url
        result = await bench.call("f")
    assert result["code"] == "DATABASE_COLLECTION_NOT_EXIST"
    assert result["user"]["openId"] == "openid-ann"
    [request] = [item for item in server.received if b"todos" in item.body]
    caller = bench.service.capabilities.verify(request.fields["sessionToken"], signed_by(request))
    assert caller.openid == ANN.openid


async def test_advanced_log(bench: Bench) -> None:
    await deploy(
        bench,
        """
        const cloud = require('wx-server-sdk-2.6.3')
        cloud.init()
        exports.main = async () => { cloud.logger().warn({ order: 7 }) }
        """,
    )
    invocation = await bench.service.invoke(ANN, "f", {})
    [record] = await bench.service.logs("demo", request_id=invocation.request_id)
    assert any('"order"' in line.text for line in record.lines)


async def test_the_users_own_requests_are_left_alone(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        const http = require('http')
        exports.main = event => new Promise((resolve, reject) => {
          http.get(event.url, { headers: { 'x-mine': 'yes' } }, response => response.resume().on('end', () => resolve(response.statusCode)))
            .on('error', reject)
        })
        """,
    )
    async with AdminServer({}) as server:
        assert await bench.call("f", {"url": server.url.replace("/admin", "/other")}) == 200
    assert server.received[0].headers["x-mine"] == "yes"
    assert server.received[0].line == "GET /other HTTP/1.1"


async def test_redirected_requests_keep_their_host(bench: Bench) -> None:
    await bench.deploy(
        "f",
        """
        const https = require('https')
        exports.main = () => new Promise((resolve, reject) => {
          const options = { hostname: 'tcb-admin.tencentcloudapi.com', path: '/admin?a=1', method: 'POST', agent: new https.Agent() }
          https.request(options, r => r.resume().on('end', () => resolve(r.statusCode))).on('error', reject).end('{}')
        })
        """,
    )
    async with AdminServer({}) as server:
        bench.admin_url = server.url
        assert await bench.call("f") == 200
    [request] = server.received
    assert (request.line, request.headers["host"]) == ("POST /admin?a=1 HTTP/1.1", "tcb-admin.tencentcloudapi.com")
