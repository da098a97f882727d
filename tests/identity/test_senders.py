from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from yunbox.errors import InvalidRequest, YunboxError
from yunbox.identity.senders import LogSender, SmtpSender, WebhookSender, choose_sender


@asynccontextmanager
async def mail_server(*, refuse: bool = False) -> AsyncIterator[tuple[int, list[str]]]:
    """A mail server on loopback: its port and the messages it got."""
    messages: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := (await reader.readline()).decode().strip().upper():
            if line == "DATA":
                writer.write(b"354 go on\r\n")
                messages.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            refused = refuse and line.startswith("RCPT")
            writer.write(b"550 no\r\n" if refused else b"221 bye\r\n" if line == "QUIT" else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], messages


@asynccontextmanager
async def web_server(status: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A web server on loopback that answers every request with ``status``: its URL and the bodies it got."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        bodies.append(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/codes", bodies


async def test_codes_by_mail() -> None:
    async with mail_server() as (port, messages):
        sender = SmtpSender(f"smtp://127.0.0.1:{port}/?from=cloud@example.com")
        await sender.send("demo", "email", "ann@example.com", "123456")
    [message] = messages
    assert "To: ann@example.com" in message
    assert "From: cloud@example.com" in message
    with pytest.raises(InvalidRequest):
        await sender.send("demo", "phone", "+8613800000000", "123456")


async def test_a_mail_server_that_refuses() -> None:
    async with mail_server(refuse=True) as (port, _):
        with pytest.raises(YunboxError, match="could not be sent"):
            await SmtpSender(f"smtp://127.0.0.1:{port}/?from=a@b.example").send("demo", "email", "x@y.example", "1")
    with pytest.raises(YunboxError, match="could not be sent"):
        await SmtpSender(f"smtp://127.0.0.1:{port}/?from=a@b.example").send("demo", "email", "x@y.example", "1")


async def test_codes_by_webhook() -> None:
    async with web_server(204) as (url, bodies):
        await WebhookSender(url).send("demo", "phone", "+8613800000000", "123456")
    assert json.loads(bodies[0]) == {
        "space": "demo",
        "channel": "phone",
        "target": "+8613800000000",
        "code": "123456",
    }
    async with web_server(500) as (url, _):
        with pytest.raises(YunboxError, match="500"):
            await WebhookSender(url).send("demo", "phone", "+8613800000000", "123456")
    with pytest.raises(YunboxError):
        await WebhookSender(url).send("demo", "phone", "+8613800000000", "123456")


async def test_each_channel_has_its_sender() -> None:
    log = LogSender()
    assert choose_sender("", "", log) is log
    assert choose_sender("", "", None) is None
    assert isinstance(choose_sender("", "http://127.0.0.1/x", log), WebhookSender)
    async with mail_server() as (port, messages), web_server(200) as (url, bodies):
        both = choose_sender(f"smtp://127.0.0.1:{port}/?from=a@b.example", url, None)
        assert both is not None
        await both.send("demo", "email", "x@y.example", "1")
        await both.send("demo", "phone", "123", "1")
    assert (len(messages), len(bodies)) == (1, 1)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://"])
def test_unusable_addresses(url: str) -> None:
    with pytest.raises(InvalidRequest):
        choose_sender(url, "", None)
