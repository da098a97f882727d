"""A real yunbox server in a background thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

from yunbox.app import App, create_app
from yunbox.server import Server, prepare
from yunbox.services import Services
from yunbox.settings import Mode, load_settings
from yunbox.spaces import Space


class LiveServer:
    """``with LiveServer(directory) as server``: listening on ``server.endpoint`` until the block ends."""

    def __init__(self, data: Path, mode: Mode = "dev", **flags: Any) -> None:
        self._settings = load_settings(data, mode, {"port": 0, **flags}, environ={})
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yunbox-test-server", daemon=True)
        self._failure: BaseException | None = None
        self.app: App
        self.loop: asyncio.AbstractEventLoop
        self._server: Server

    def __enter__(self) -> LiveServer:
        self._thread.start()
        self._ready.wait(30)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        # Hundreds of spaces are closed at the end of a run, each with its files on disk.
        self._thread.join(120)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.app = create_app(self._settings)
        self._server = prepare(self.app, self._ready.set)
        # Signals belong to the main thread, so the part of `serve` below its signal handling is what runs here.
        await self._server._serve()

    @property
    def services(self) -> Services:
        return self.app.services

    @property
    def endpoint(self) -> str:
        return self.services.address.local

    def create_space(self, name: str | None = None) -> Space:
        return self.services.spaces.create(name)

    def delete_space(self, space_id: str) -> None:
        """Delete a space as the server itself does it: on its own loop."""

        async def delete() -> None:
            self.services.spaces.delete(space_id)

        self.call(delete())

    def call(self, coroutine: Any, timeout: float = 60) -> Any:
        """The result of a coroutine run on the server's loop."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return future.result(timeout)
