"""Running a server in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunbox.settings import SETTINGS, Setting

if TYPE_CHECKING:
    from yunbox.app import App

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each setting of a server; a value that is not given is ``None``."""
    for setting in reversed(SETTINGS):
        command = _option(setting)(command)
    return command


def _option(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = f"--{setting.name.replace('_', '-')}"
    if setting.kind == "bool":
        return click.option(f"{flag}/--no-{flag[2:]}", setting.name, default=None, help=setting.help)
    kinds: dict[str, Any] = {"int": click.INT, "path": click.Path(path_type=Path), "str": click.STRING}
    kind = kinds[setting.kind] if isinstance(setting.kind, str) else click.Choice(setting.kind)
    return click.option(flag, setting.name, type=kind, help=f"{setting.help}{_default(setting)}")


def _default(setting: Setting) -> str:
    return "" if setting.default in (None, "") else f"  [{setting.default}]"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _TextLines(logging.Formatter):
    """One line for each record: what a request brought along must not look like lines of its own, or steer a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], super().formatMessage(record))


def log_to_stderr(log_format: str) -> None:
    """Send the server's log to standard error, for people or for machines."""
    handler = logging.StreamHandler(sys.stderr)
    text = _TextLines("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
    text.converter = time.localtime
    handler.setFormatter(_JsonLines() if log_format == "json" else text)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("yunbox").setLevel(logging.INFO)


def run_server(app: App, work: Callable[[], Awaitable[None]]) -> None:
    """Serve ``app`` until told to stop. ``work`` runs once requests are answered, and is cancelled when the server stops.

    Raises:
        InvalidRequest: when the address is taken.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(app, work))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _run(app: App, work: Callable[[], Awaitable[None]]) -> None:
    from yunbox.server import prepare

    ready = asyncio.Event()
    try:
        server = prepare(app, ready.set)
    except BaseException:
        await app.close()
        raise
    working: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        working.cancel()

    _on_signals(stop)
    serving = asyncio.create_task(server._serve())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    # What is alive now lives as long as the process. Looking at it in every full collection took 100 ms and more from
    # whatever was being answered.
    gc.collect()
    gc.freeze()
    if ready.is_set() and not server.should_exit:
        working = asyncio.ensure_future(work())
        await asyncio.wait((serving, working), return_when=asyncio.FIRST_COMPLETED)
    await _finish(server, serving, working)


async def _finish(server: Any, serving: asyncio.Task[None], working: asyncio.Future[None]) -> None:
    """Stop what still runs; an error of the work is raised after the server has closed its files."""
    failed = working.done() and not working.cancelled() and working.exception() is not None
    if failed:
        server.should_exit = True
    await serving
    if not working.done():
        working.cancel()
    if failed or not working.cancelled():
        with contextlib.suppress(asyncio.CancelledError):
            await working


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Without this, Ctrl-C would interrupt whatever runs, in the middle of it.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
