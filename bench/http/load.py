"""A small keep-alive load generator: one process, many connections, one prepared request each.

Run as ``python -m bench.http.load HOST PORT CONNECTIONS SECONDS < request``; prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """Sends the request again as soon as it is answered; records every latency."""

    def __init__(self, request: bytes, deadline: float, latencies: list[float], errors: list[bytes]) -> None:
        self._request = request
        self._deadline = deadline
        self._latencies = latencies
        self._errors = errors
        self._buffer = b""
        self._started = 0.0
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or len(self._buffer) < head + 4 + content_length(self._buffer[:head]):
            return
        now = time.perf_counter()
        self._latencies.append(now - self._started)
        if b" 200 " not in self._buffer[:16] or b'"code":"' in self._buffer or b'"success":false' in self._buffer:
            self._errors.append(self._buffer)
        self._buffer = b""
        if now < self._deadline:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"content-length:")
    if start < 0:
        raise ValueError(f"the server sent no content-length: {head!r}")
    end = lower.find(b"\r\n", start)
    return int(lower[start + 15 : end if end >= 0 else None])


async def run(host: str, port: int, connections: int, seconds: float, request: bytes) -> dict[str, float | str]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    errors: list[bytes] = []
    started = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: Connection(request, started + seconds, latencies, errors), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(connection.closed for connection in made)), seconds + 30)
    elapsed = time.perf_counter() - started
    latencies.sort()
    return {
        "requests": len(latencies),
        "per_second": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "errors": len(errors),
        "first_error": errors[0].decode("utf-8", "replace")[:400] if errors else "",
    }


def main() -> None:
    host, port, connections, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(host, port, connections, seconds, sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
