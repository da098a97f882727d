from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from yunbox.errors import LimitExceeded
from yunbox.http import ClientDisconnected, Dispatcher, Receive, Request, Response, Route, Scope, Send, endpoint


def receiver(*chunks: bytes, disconnect: bool = False) -> Receive:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": disconnect or index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]
    if disconnect:
        messages.append({"type": "http.disconnect"})
    pending = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(pending)

    return receive


def scope_of(path: str = "/", method: str = "POST", **extra: Any) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", **extra}


def collector() -> tuple[list[dict[str, Any]], Callable[[Any], Awaitable[None]]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    return sent, send


async def test_body_joins_chunks_and_is_read_once() -> None:
    request = Request(scope_of(), receiver(b"a", b"b", b"c"))
    assert await request.body() == b"abc"
    assert await request.body() == b"abc"


async def test_body_over_the_limit_is_refused_after_it_was_read() -> None:
    request = Request(scope_of(), receiver(b"12345", b"67890"))
    with pytest.raises(LimitExceeded):
        await request.body(limit=9)


async def test_body_of_a_vanished_client() -> None:
    with pytest.raises(ClientDisconnected):
        await Request(scope_of(), receiver(b"half", disconnect=True)).body()


def test_query_header_and_path() -> None:
    scope = scope_of(
        "//a///b", query_string=b"x=1&y=%E4%BA%91&x=2", headers=[(b"host", b"h:1")], client=("10.0.0.9", 1)
    )
    request = Request(scope, receiver(b""))
    assert request.path == "/a/b"
    assert request.query == {"x": "2", "y": "云"}
    assert request.header("Host") == "h:1"
    assert request.header("absent") == ""
    assert request.client_ip == "10.0.0.9"


async def test_unforeseen_error_shows_nothing() -> None:
    async def handler(request: Request) -> Response:
        raise RuntimeError("secret detail")

    sent, send = collector()
    await endpoint(handler)(scope_of(), receiver(b""), send)
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]


def app_named(name: str) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(name.encode()).send(send)

    return app


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/healthz", b"exact"),
        ("/admin", b"suffix"),
        ("//admin", b"suffix"),
        ("/any/prefix/admin", b"suffix"),
        ("/files/x/admin", b"prefix"),
        ("/files/deep/x", b"deeper"),
        ("/files", b"fallback"),
        ("/administrator", b"fallback"),
        ("/", b"fallback"),
    ],
)
async def test_dispatch(path: str, expected: bytes) -> None:
    dispatcher = Dispatcher(
        [
            Route("exact", "/healthz", app_named("exact")),
            Route("suffix", "/admin", app_named("suffix")),
            Route("prefix", "/files/", app_named("prefix")),
            Route("prefix", "/files/deep/", app_named("deeper")),
        ],
        app_named("fallback"),
    )
    sent, send = collector()
    await dispatcher(scope_of(path), receiver(b""), send)
    assert sent[1]["body"] == expected
