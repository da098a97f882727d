"""The launcher's end of the wire, where the launcher itself goes away."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import orjson
import pytest

from yunbox.functions.runners.launching import Launcher, LaunchFailed, Program


async def test_a_launcher_that_ends_as_a_process_starts_is_noticed() -> None:
    launcher = Launcher()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    launcher._socket = ours
    launcher._reader = asyncio.create_task(launcher._read(ours))
    exits: list[int] = []
    starting = asyncio.create_task(launcher.start(Program(["node"], {}, Path("/")), (), exits.append))
    await asyncio.to_thread(theirs.recv, 65536)
    body = orjson.dumps({"started": 1, "pid": 77})
    theirs.sendall(struct.pack(">I", len(body)) + body)
    theirs.close()
    with pytest.raises(LaunchFailed, match="ended"):
        await asyncio.wait_for(starting, 30)
    assert exits == []
