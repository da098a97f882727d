from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from yunbox.errors import InvalidRequest
from yunbox.listener import Listener, bind
from yunbox.tools.certificate import ensure_certificate


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        encrypted = self.transport.get_extra_info("sslcontext") is not None
        self.transport.write((b"tls:" if encrypted else b"plain:") + data)


@contextlib.asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[Listener]:
    certificate, key = ensure_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = Listener(bind("127.0.0.1", 0), Echo, lambda: context)
    yield listener
    listener.close()


async def ask(port: int, question: bytes, tls: ssl.SSLContext | None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(question)
    answer = await reader.read(100)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_one_port_answers_plain_and_tls(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(ensure_certificate(tmp_path)[0]))
    async with listening(tmp_path) as listener:
        port = listener.address[1]
        answers = await asyncio.gather(*(ask(port, b"hello", tls) for tls in (None, trusting) for _ in range(5)))
    assert answers == [b"plain:hello"] * 5 + [b"tls:hello"] * 5


async def test_a_silent_connection_does_not_hold_up_others(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        silent = socket.create_connection(listener.address)
        assert await ask(listener.address[1], b"x", None) == b"plain:x"
        silent.close()


async def test_broken_handshake_is_dropped_quietly(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        assert await ask(listener.address[1], b"\x16 not a handshake", None) != b"plain:"
        assert await ask(listener.address[1], b"x", None) == b"plain:x"


def test_taken_port_is_named() -> None:
    first = bind("127.0.0.1", 0)
    with pytest.raises(InvalidRequest, match="is taken"):
        bind("127.0.0.1", first.getsockname()[1])
    first.close()


def test_certificate_is_kept_and_private(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path)
    again = ensure_certificate(tmp_path)
    assert first == again
    assert first[1].stat().st_mode & 0o777 == 0o600
    assert first[0].read_bytes() == again[0].read_bytes()
