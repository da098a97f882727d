"""What a process writes to its raw standard output and error: native code, children, crashes."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

LINE = 16 * 1024
RATE = 256 * 1024
"""Bytes per stream that are turned into lines between two resets; what is beyond is read and thrown away."""


class _Stream(asyncio.Protocol):
    def __init__(self, level: str, on_line: Callable[[str, str], None]) -> None:
        self.allowance = RATE
        self._level = level
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        if self.allowance <= 0:
            return
        self.allowance -= len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(rest) > LINE:
            self._emit(rest)
            rest = b""
        self._rest = rest
        if self.allowance <= 0:
            self._on_line("warn", f"[output beyond {RATE // 1024} KiB is not kept]")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _emit(self, line: bytes) -> None:
        if line:
            self._on_line(self._level, line[:LINE].decode(errors="replace"))


class RawOutput:
    """Reads both pipes of one process and gives their lines to ``on_line(level, text)``."""

    def __init__(self, on_line: Callable[[str, str], None]) -> None:
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=40)
        self._streams = {level: _Stream(level, self._take) for level in ("info", "error")}
        self._transports: list[asyncio.BaseTransport] = []

    async def attach(self, out: int, err: int) -> None:
        loop = asyncio.get_running_loop()
        for stream, descriptor in zip(self._streams.values(), (out, err), strict=True):
            pipe = os.fdopen(descriptor, "rb", buffering=0)
            transport, _ = await loop.connect_read_pipe(lambda stream=stream: stream, pipe)  # type: ignore[misc]
            self._transports.append(transport)

    def reset(self) -> None:
        """A new invocation begins: give it its own allowance."""
        for stream in self._streams.values():
            stream.allowance = RATE

    def tail(self) -> str:
        """The last lines, for the report of a crash."""
        return "\n".join(self._tail)[-2000:]

    def close(self) -> None:
        for transport in self._transports:
            transport.close()

    def _take(self, level: str, text: str) -> None:
        if level == "error":
            self._tail.append(text)
        self._on_line(level, text)
