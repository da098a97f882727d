"""Talks to the launcher process that starts and ends functions' processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

import yunbox

ExitCallback = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. ``read`` and ``write`` are the only paths it may open when ``confine`` is set."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    limits: Mapping[str, int] = field(default_factory=dict)
    confine: bool = False
    read: Sequence[Path] = ()
    write: Sequence[Path] = ()
    tmp: Path | None = None


class LaunchFailed(Exception):
    """The process could not be started; the message says why."""


class Launcher:
    """One launcher process; started again when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._number = 0
        self._closed = False
        self._starting: dict[int, asyncio.Future[int]] = {}
        self._exits: dict[int, ExitCallback] = {}
        self._opening: asyncio.Task[socket.socket] | None = None

    async def start(self, program: Program, descriptors: Sequence[int], on_exit: ExitCallback) -> int:
        """Start ``program`` with ``descriptors`` as its 1, 2 and 3; its process id. ``on_exit`` gets its status once.

        Raises:
            LaunchFailed: when it cannot be started.
        """
        control = await self._control()
        self._number += 1
        number = self._number
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting[number] = future
        try:
            self._send(control, _request(number, program), descriptors)
            pid = await future
        except OSError as error:
            raise LaunchFailed(f"the launcher cannot be reached: {error}") from error
        finally:
            self._starting.pop(number, None)
        if self._socket is not control:
            # It has ended since it answered, and the process with it: nobody would tell of that.
            raise LaunchFailed("the launcher ended")
        self._exits[pid] = on_exit
        return pid

    def kill(self, pid: int) -> None:
        """End a process and its group at once; nothing happens when it has ended."""
        if self._socket is not None and pid in self._exits:
            with contextlib.suppress(OSError):
                self._send(self._socket, {"kill": pid})

    async def close(self) -> None:
        """End every process and the launcher; nothing can be started after."""
        self._closed = True
        if self._opening is not None:
            await self._opening
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=5)
        if self._process is not None:
            process = self._process
            await asyncio.to_thread(process.wait, 5)

    async def _control(self) -> socket.socket:
        if self._closed:
            raise LaunchFailed("the server is stopping")
        if self._socket is not None:
            return self._socket
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        # Whoever gives up waiting must not leave a half-started launcher behind.
        return await asyncio.shield(self._opening)

    async def _open(self) -> socket.socket:
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = await asyncio.to_thread(_spawn, theirs)
            ours.setblocking(False)
            self._socket = ours
            self._reader = asyncio.create_task(self._read(ours))
            return ours
        finally:
            self._opening = None

    def _send(self, control: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        body = orjson.dumps(message)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
        frame = struct.pack(">I", len(body)) + body
        sent = control.sendmsg([frame], rights)
        if sent != len(frame):
            raise BlockingIOError("the launcher does not keep up")

    async def _read(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        buffer = bytearray()
        try:
            while data := await loop.sock_recv(control, 65536):
                buffer += data
                while len(buffer) >= 4 and len(buffer) >= (end := 4 + struct.unpack_from(">I", buffer)[0]):
                    self._handle(orjson.loads(buffer[4:end]))
                    del buffer[:end]
        except OSError:
            pass
        finally:
            self._lost(control)

    def _handle(self, message: dict[str, Any]) -> None:
        if "exited" in message:
            # A process may end before the task that started it has run again.
            asyncio.get_running_loop().call_soon(self._ended, message["exited"], message["status"])
            return
        future = self._starting.get(message.get("started", message.get("failed", 0)))
        if future is None or future.done():
            return
        if "started" in message:
            future.set_result(message["pid"])
        else:
            future.set_exception(LaunchFailed(message["message"]))

    def _ended(self, pid: int, status: int) -> None:
        callback = self._exits.pop(pid, None)
        if callback is not None:
            callback(status)

    def _lost(self, control: socket.socket) -> None:
        control.close()
        if self._socket is control:
            self._socket = None
        for future in self._starting.values():
            if not future.done():
                future.set_exception(LaunchFailed("the launcher ended"))
        for pid in list(self._exits):
            self._ended(pid, -9)


def _request(number: int, program: Program) -> dict[str, Any]:
    return {
        "start": number,
        "argv": list(program.argv),
        "env": dict(program.environment),
        "cwd": str(program.cwd),
        "limits": dict(program.limits),
        "confine": program.confine,
        "read": [str(path) for path in program.read],
        "write": [str(path) for path in program.write],
        "tmp": str(program.tmp) if program.tmp else None,
    }


def run_tool(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run one of our dependency-free tools in a Python without site packages."""
    return subprocess.run(_python(*arguments), env=_environment(), capture_output=True, check=False)


def _spawn(control: socket.socket) -> subprocess.Popen[bytes]:
    # The launcher's children find their channel on descriptor 3; so does the launcher.
    number = control.fileno()
    shell = f"import os,runpy; os.dup2({number}, 3); {number} != 3 and os.close({number}); runpy.run_module('yunbox.tools.launcher', run_name='__main__')"
    return subprocess.Popen(
        [sys.executable, "-S", "-c", shell],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        pass_fds=[number],
        start_new_session=True,
    )


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-S", "-m", *arguments]


def _environment() -> dict[str, str]:
    root = str(Path(yunbox.__file__).resolve().parent.parent)
    return {"PYTHONPATH": root, "PATH": os.environ.get("PATH", os.defpath)}
