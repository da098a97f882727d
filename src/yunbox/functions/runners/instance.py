"""One process of a function, seen from the host: frames out, frames in, deadlines that really kill."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson

from yunbox.errors import FunctionFailed, YunboxError
from yunbox.functions.function import LogLine
from yunbox.functions.runners import frames
from yunbox.functions.runners.launching import Launcher, Program
from yunbox.functions.runners.output import RawOutput

_log = logging.getLogger("yunbox.functions")

Answerer = Callable[[frames.Call], Awaitable[Any]]

LOAD_TIME = 30.0
"""Seconds that loading a function's module may take before its first invocation."""


@dataclass(slots=True)
class Answer:
    """What came of an invocation: JSON text, and how many bytes of memory its process has used at most."""

    value: bytes
    lines: list[LogLine]
    cold: bool
    memory: int


@dataclass(slots=True)
class _Running:
    """An invocation that is being answered."""

    id: str
    timeout: float
    future: asyncio.Future[frames.Result]
    lines: list[LogLine] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class Instance(asyncio.Protocol):
    """A live process. Serves one invocation at a time; `dead` ends its life."""

    def __init__(self, launcher: Launcher, host_call: Answerer, directory: Path, key: object) -> None:
        self.key = key
        self.directory = directory
        self.pid = 0
        self.dead = False
        self.loaded = False
        self.invocations = 0
        self.started_at = 0.0
        self.finished_at = 0.0
        self.on_death: Callable[[Instance], None] = lambda instance: None
        self.on_late_line: Callable[[str, LogLine], None] = lambda request_id, line: None
        self._launcher = launcher
        self._host_call = host_call
        self._frames = frames.Frames()
        self._running: _Running | None = None
        self._last_id = ""
        self._calls: set[asyncio.Task[None]] = set()
        self._transport: asyncio.WriteTransport | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reason = ""
        self._status: int | None = None
        self._output = RawOutput(self._raw_line)

    # Starting and ending

    async def start(self, program: Program) -> None:
        """Start the process and wait until it can take frames.

        Raises:
            LaunchFailed: when it cannot be started.
            FunctionFailed: when it ends before it is ready.
        """
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            self.pid = await self._launcher.start(program, (out_write, err_write, theirs.fileno()), self._exited)
        except BaseException:
            for end in (out_read, err_read):
                os.close(end)
            ours.close()
            raise
        finally:
            os.close(out_write)
            os.close(err_write)
            theirs.close()
        await self._output.attach(out_read, err_read)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        await self._ready

    def limit_memory(self, extra: int) -> None:
        """Let the process grow by ``extra`` bytes from what it holds now (runtime.md §2.7)."""
        held = _status_bytes(self.pid, "VmData")
        if held is not None and hasattr(resource, "prlimit"):
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(self.pid, resource.RLIMIT_DATA, (held + extra, held + extra))

    def resident(self) -> int:
        """Anonymous resident bytes; 0 when the process is gone."""
        return _status_bytes(self.pid, "RssAnon") or 0

    def kill(self, reason: str = "exited") -> None:
        """End the process and all it started, now."""
        if not self.dead:
            self._reason = self._reason or reason
            self.dead = True
            self._launcher.kill(self.pid)

    # Frames out

    def load(self, configuration: dict[str, Any]) -> None:
        """Make this the process of one function; its module begins to load at once."""
        self._write(frames.encode("load", configuration=configuration))

    def preload(self, space: str, files: list[str]) -> None:
        """Load packages ahead of time; some look at the space's name while they load."""
        self._write(frames.encode("preload", space=space, files=files))

    async def invoke(self, frame: bytes, request_id: str, timeout: float) -> Answer:
        """Run one invocation; ``frame`` is its encoded `invoke` message.

        Raises:
            FunctionFailed: when it throws, takes longer than ``timeout`` seconds, or its process ends.
        """
        loop = asyncio.get_running_loop()
        running = _Running(request_id, timeout, loop.create_future())
        cold = not self.loaded
        self._running = running
        self._last_id = request_id
        self._output.reset()
        self.started_at = time.monotonic()
        self.invocations += 1
        running.timer = loop.call_later(timeout + LOAD_TIME if cold else timeout, self._expire, running)
        self._write(frame)
        try:
            result = await running.future
        except FunctionFailed as error:
            error.data["logs"] = running.lines
            error.data["cold"] = cold
            self._finish(running)
            raise
        except asyncio.CancelledError:
            # Nobody waits any more, but the code still runs: the process is not free until it has answered.
            running.future = loop.create_future()
            raise
        self._finish(running)
        return Answer(bytes(result.value), running.lines, cold, result.memory)

    def when_free(self, callback: Callable[[], None]) -> None:
        """Call back once the invocation that was given up has ended, one way or the other."""
        running = self._running
        if running is None or self.dead:
            callback()
            return

        def ended(future: asyncio.Future[frames.Result]) -> None:
            future.exception()
            self._finish(running)
            callback()

        running.future.add_done_callback(ended)

    def _finish(self, running: _Running) -> None:
        if running.timer is not None:
            running.timer.cancel()
        if self._running is running:
            self._running = None
        self.finished_at = time.monotonic()

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    # Events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._frames.feed(data):
                self._receive(message)
        except frames.FrameError:
            self.kill("exited")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        # The exit status follows from the launcher; a process without its channel is of no use.
        self.kill("exited")

    def _exited(self, status: int) -> None:
        self._status = status
        self.dead = True
        self._output.close()
        if self._transport is not None:
            self._transport.abort()
        for task in self._calls:
            task.cancel()
        error = self._death()
        if not self._ready.done():
            self._ready.set_exception(error)
        if self._running is not None and not self._running.future.done():
            self._running.future.set_exception(error)
        self.on_death(self)

    def _death(self) -> FunctionFailed:
        timeout = self._running.timeout if self._running is not None else 0
        if self._reason == "timeout":
            return FunctionFailed(f"Invoking task timed out after {timeout:g} seconds", reason="timeout")
        if self._reason == "memory" or "heap out of memory" in self._output.tail():
            return FunctionFailed("the function used more memory than it may / 函数内存超限", reason="memory")
        status = self._status if self._status is not None else 0
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return FunctionFailed(
            f"the function's process ended with {how} before it answered / 函数进程提前退出", reason="exited"
        )

    def _expire(self, running: _Running) -> None:
        if not running.future.done():
            # The caller is answered now; the process is gone a moment later.
            self.kill("timeout")
            running.future.set_exception(
                FunctionFailed(f"Invoking task timed out after {running.timeout:g} seconds", reason="timeout")
            )

    def _receive(self, message: frames.Message) -> None:
        if isinstance(message, frames.Result):
            self._answer(message)
        elif isinstance(message, frames.Log):
            self._line(message.id, LogLine(message.at, message.level, message.text))
        elif isinstance(message, frames.Failure):
            self._fail(message)
        elif isinstance(message, frames.Call):
            self._serve(message)
        elif isinstance(message, frames.Loaded):
            self.loaded = True
            # A process that had loaded before it heard of the invocation says no more than this.
            self._restart_clock()
        elif isinstance(message, frames.Running):
            self._restart_clock()
        elif not self._ready.done():
            self._ready.set_result(None)

    def _answer(self, message: frames.Result) -> None:
        running = self._running
        if running is not None and running.id == message.id and not running.future.done():
            running.future.set_result(message)

    def _fail(self, message: frames.Failure) -> None:
        running = self._running
        if running is not None and running.id == message.id and not running.future.done():
            error = FunctionFailed(message.message, reason=message.reason, stack=message.stack)
            if message.code:
                error.data["code"] = message.code
            running.future.set_exception(error)

    def _restart_clock(self) -> None:
        running = self._running
        if running is not None and running.timer is not None:
            running.timer.cancel()
            running.timer = asyncio.get_running_loop().call_later(running.timeout, self._expire, running)

    def _line(self, request_id: str, line: LogLine) -> None:
        running = self._running
        if running is not None and running.id in (request_id, self._last_id) and request_id in ("", running.id):
            running.lines.append(line)
        elif request_id or self._last_id:
            self.on_late_line(request_id or self._last_id, line)

    def _raw_line(self, level: str, text: str) -> None:
        line = LogLine(int(time.time() * 1000), level, text)
        self._line("", line)

    # Calls to the platform

    def _serve(self, message: frames.Call) -> None:
        task = asyncio.get_running_loop().create_task(self._call(message))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, message: frames.Call) -> None:
        try:
            value = orjson.Fragment(await self._host_call(message))
            self._write(frames.encode("return", id=message.id, value=value))
        except YunboxError as failure:
            error = {"code": str(failure.data.get("code", failure.code)), "message": failure.message}
            self._write(frames.encode("return", id=message.id, error=error))
        except Exception:
            _log.exception("a function's call of %s failed", message.method)
            error = {"code": "internal", "message": f"{message.method} failed in the server; see its log"}
            self._write(frames.encode("return", id=message.id, error=error))


def _status_bytes(pid: int, name: str) -> int | None:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
