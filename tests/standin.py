"""Loopback servers that stand in for a platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class StandIn(BaseHTTPRequestHandler):
    """A handler that keeps quiet; subclasses answer ``do_GET`` and ``do_POST`` with `answer`."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def answer(self, content: bytes, content_type: str = "text/plain") -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: Any) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving(handler: type[StandIn]) -> Iterator[str]:
    """The address of a stand-in, which answers until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
