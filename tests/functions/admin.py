"""A loopback server that answers every POST with one JSON text and keeps what it was sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import orjson


@dataclass(frozen=True)
class Received:
    """One request: ``line`` is method, path and version; header names are lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.body)
        return content


@dataclass
class AdminServer:
    """``async with AdminServer(answer) as server``: listens on ``server.url`` until the block ends."""

    answer: Any
    received: list[Received] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> AdminServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/admin"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(head[0], headers, body))
            answer = orjson.dumps(self.answer)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
            writer.write(f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
        finally:
            writer.close()
