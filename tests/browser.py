"""Headless Chromium, and web pages of an origin of their own for it.

Playwright is run on a loop in a thread of its own: its other interface keeps a loop running in the main thread, where
pytest-asyncio needs its own.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Coroutine, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OLD_HOST = "tcb-api.tencentcloudapi.com"
"""The host whose name tcb-js-sdk has built in."""

_LIMIT_S = 90
_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript"}

Result = TypeVar("Result")


def browser_program() -> str | None:
    """The path of an installed Chromium."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """``with Browser(program, port) as browser``: one Chromium that reaches this machine only.

    The host name that tcb-js-sdk has built in leads to ``old_port`` of this machine.
    """

    def __init__(self, program: str, old_port: int) -> None:
        self._program = program
        names = f"MAP {OLD_HOST} 127.0.0.1:{old_port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        # As root, as in containers, Chromium has no sandbox; it loads our own pages only.
        self._flags = ["--no-sandbox", "--disable-dev-shm-usage", f"--host-resolver-rules={names}"]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
        self._playwright: Playwright
        self._chromium: Chromium

    def __enter__(self) -> Browser:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _start(self) -> None:
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(executable_path=self._program, args=self._flags)

    async def _stop(self) -> None:
        await self._chromium.close()
        await self._playwright.stop()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)

    def visit(self, work: Callable[[BrowserContext], Coroutine[Any, Any, Result]]) -> Result:
        """What ``work`` makes of a fresh profile, which takes any certificate. Requests to other machines fail."""

        async def visit() -> Result:
            context = await self._chromium.new_context(ignore_https_errors=True, accept_downloads=False)
            try:
                return await work(context)
            finally:
                await context.close()

        return self._run(visit())


class Visited:
    """What went wrong on a page: errors that nothing caught, and requests that left this machine."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname not in ("localhost", "127.0.0.1", OLD_HOST):
            self.foreign.append(url)


class Pages:
    """A web server for pages: ``files`` maps a path to a file, a directory (``/web/``), or a page's text."""

    def __init__(self, files: Mapping[str, Path | str], tls: ssl.SSLContext | None = None) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="pages", daemon=True)

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)

    @property
    def origin(self) -> str:
        """The pages' origin: another host name and another port than the server under test."""
        return f"{self._scheme}://localhost:{self._server.server_port}"


def _content(files: Mapping[str, Path | str], path: str) -> tuple[str, bytes] | None:
    for name, found in files.items():
        if isinstance(found, str):
            if path == name:
                return _TYPES[".html"], found.encode()
            continue
        file = found / path.removeprefix(name) if name.endswith("/") and path.startswith(name) else found
        if (path == name or name.endswith("/")) and file.is_file() and ".." not in path:
            return _TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()
    return None


def _handler(files: Mapping[str, Path | str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = _content(files, urlsplit(self.path).path)
            kind, body = found or ("text/plain", b"no such page")
            self.send_response(200 if found else 404)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing of this."""

    return Handler


def bundle(package: str, directory: Path, target: Path) -> None:
    """What a developer's bundler makes of an npm package for browsers: a script that puts it into ``window.sdk``."""
    subprocess.run(
        [
            "node",
            str(ROOT / "sdk" / "js" / "node_modules" / "esbuild" / "bin" / "esbuild"),
            "--bundle",
            "--platform=browser",
            "--format=iife",
            "--log-level=warning",
            f"--outfile={target}",
        ],
        cwd=directory,
        input=f"import * as all from {package!r}; window.sdk = all.default || all",
        text=True,
        check=True,
        timeout=60,
    )
