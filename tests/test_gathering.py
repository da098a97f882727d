from __future__ import annotations

import asyncio
from typing import Any

from yunbox.gathering import GatheringTransport


class Recorder(asyncio.Transport):
    """A transport that keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.written.append("closed")


async def test_small_writes_of_one_turn_go_out_together() -> None:
    recorder = Recorder()
    gathering = GatheringTransport(recorder)
    gathering.write(b"head ")
    gathering.write(b"body")
    assert recorder.written == []
    await asyncio.sleep(0)
    gathering.write(b"next")
    await asyncio.sleep(0)
    assert recorder.written == [b"head body", b"next"]


async def test_large_writes_keep_the_order_and_are_not_copied() -> None:
    recorder = Recorder()
    gathering = GatheringTransport(recorder)
    large = bytes(100_000)
    gathering.write(b"head")
    gathering.write(large)
    gathering.write(b"tail")
    gathering.close()
    assert recorder.written[:1] == [b"head"]
    assert recorder.written[1] is large
    assert recorder.written[2:] == [b"tail", "closed"]


async def test_many_small_writes_do_not_pile_up() -> None:
    recorder = Recorder()
    gathering = GatheringTransport(recorder)
    for _ in range(100):
        gathering.write(bytes(1000))
    assert sum(map(len, recorder.written)) > 60_000
    await asyncio.sleep(0)
    assert sum(map(len, recorder.written)) == 100_000


async def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    recorder = Recorder()
    GatheringTransport(recorder).write(b"answer")
    recorder.closing = True
    await asyncio.sleep(0)
    assert recorder.written == []
