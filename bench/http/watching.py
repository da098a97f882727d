"""One write, 1,000 watchers: how long until the last of them has heard of it (tencent-client.md §5)."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.http import requests
from bench.http.scenarios import Yunbox, free_port, running

WATCHERS = 1000
WRITES = 9
LIMIT_MS = 250

QUERIES: dict[str, Callable[[int], dict[str, Any]]] = {
    "all watch one query": lambda number: {},
    "each watches a query of its own": lambda number: {"n": {"$gte": number - WATCHERS}, "room": 7},
}


class Watcher(asyncio.Protocol):
    """A socket that keeps when the last bytes arrived. It understands no frames: what costs time is the server's."""

    def __init__(self) -> None:
        self.at = 0.0
        self._arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.at = time.perf_counter()
        if not self._arrived.done():
            self._arrived.set_result(data)

    async def ask(self, data: bytes) -> bytes:
        self._arrived = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._arrived

    async def watch(self, host: str, space: str, signature: str, query: dict[str, Any]) -> None:
        """Open the socket, log in and watch ``query``."""
        await self.ask(
            f"GET /ws HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )
        await self.ask(frame("LOGIN", {"envId": space}, exMsgData={"signStr": signature}))
        answer = await self.ask(
            frame("INIT_WATCH", {"envId": space, "collName": "watched", "query": json.dumps(query)})
        )
        assert b'"INIT_EVENT"' in answer, answer


def frame(kind: str, data: dict[str, Any], **more: Any) -> bytes:
    """A masked text frame."""
    text = json.dumps({"watchId": "w", "requestId": "r", "msgType": kind, "msgData": data, **more}).encode()
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


async def latencies(yunbox: Yunbox, signature: str, query: Callable[[int], dict[str, Any]]) -> list[float]:
    """Seconds from each write to each watcher, sorted."""
    loop = asyncio.get_running_loop()
    watchers = [(await loop.create_connection(Watcher, "127.0.0.1", yunbox.port))[1] for _ in range(WATCHERS)]
    for number, watcher in enumerate(watchers):
        await watcher.watch(yunbox.host, yunbox.space["space_id"], signature, query(number))
    found: list[float] = []
    for number in range(WRITES):
        body = {"collectionName": "watched", "data": [json.dumps({"n": number, "room": 7, "text": "x" * 60})]}
        request = requests.admin(yunbox.host, yunbox.space, {"action": "database.insertDocument", **body})
        for watcher in watchers:
            watcher.at = 0.0
        began = time.perf_counter()
        await asyncio.to_thread(yunbox.send, request)
        while any(watcher.at < began for watcher in watchers):
            assert time.perf_counter() < began + 30, "a watcher was not told"
            await asyncio.sleep(0.01)
        found += [watcher.at - began for watcher in watchers]
    return sorted(found)


def sign_in(yunbox: Yunbox) -> str:
    """The signature with which an anonymous user opens the socket."""
    space = yunbox.space["space_id"]

    def web(action: str, **params: Any) -> dict[str, Any]:
        body = json.dumps({"action": action, "env": space, "dataVersion": "2020-01-10", **params}).encode()
        answer: dict[str, Any] = yunbox.send(
            requests.raw(yunbox.host, f"/web?env={space}", body, {"content-type": "application/json"})
        )
        return answer

    refresh = web("auth.signInAnonymously")["refresh_token"]
    access = web("auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh)["access_token"]
    return str(web("auth.wsWebSign", access_token=access, runtime="web")["data"]["signStr"])


def measure(yunbox: Yunbox) -> int:
    """Print the figures; how many missed the gate."""
    signature = sign_in(yunbox)
    print(f"{WATCHERS} watchers, {WRITES} writes{'':16}p50 ms   p95 ms   max ms   gate: p95 < {LIMIT_MS} ms")
    missed = 0
    for name, query in QUERIES.items():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(latencies(yunbox, signature, query))
        p50, p95 = (found[int(len(found) * part)] * 1000 for part in (0.5, 0.95))
        missed += p95 >= LIMIT_MS
        verdict = "ok" if p95 < LIMIT_MS else "MISSED"
        print(f"  {name:34}{p50:7.0f}{p95:9.0f}{found[-1] * 1000:9.0f}   {verdict}")
    return missed


def run() -> int:
    directory = Path(tempfile.mkdtemp(prefix="yunbox-bench-"))
    port = free_port()
    serve = [sys.executable, "-c", "from yunbox.cli import main; main()", "serve", "--data", str(directory)]
    with running([*serve, "--port", str(port)], port):
        yunbox = Yunbox(directory, port)
        yunbox.space = json.loads(yunbox.command("space", "create", "bench", "--json"))
        yunbox.command("db", "create", "watched", "--space", "bench")
        yunbox.command("db", "rules", "set", "watched", "--space", "bench", "--mode", "READONLY")
        missed = measure(yunbox)
    shutil.rmtree(directory, ignore_errors=True)
    return missed
