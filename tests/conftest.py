"""Fixtures for all tests: a real server, and honest reporting of what could not run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, browser_program
from tests.server import LiveServer

_not_run: dict[str, str] = {}
"""Part -> why it did not run."""


def not_run(part: str, why: str) -> None:
    """Leave out a part of the suite that cannot run here; it is named at the end, and fails CI (DESIGN §9.14)."""
    _not_run[part] = why
    pytest.skip(f"{part}: {why}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Whatever is skipped is named, also what a marker skips."""
    if report.skipped and not hasattr(report, "wasxfail"):
        why = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "skipped"
        if not any(why.endswith(known) for known in _not_run.values()):
            _not_run[report.nodeid.partition("::")[0]] = why.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for part, why in sorted(_not_run.items()):
        terminalreporter.write_line(f"NOT RUN: {part}: {why}", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _not_run and os.environ.get("CI") == "true" and session.exitstatus == 0:
        session.exitstatus = 1


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server on a free port, in ``dev`` mode, shared by the whole run; make a space of your own in it."""
    with LiveServer(Path(tmp_path_factory.mktemp("cloud"))) as server:
        yield server


@pytest.fixture(scope="session")
def chromium(cloud: LiveServer) -> Iterator[Browser]:
    """One headless Chromium for the whole run."""
    program = browser_program()
    if program is None:
        not_run("browser", "chromium is not installed; as root, `make setup-dev` installs Debian's")
    assert program is not None
    port = urlsplit(cloud.endpoint).port
    assert port is not None
    with Browser(program, port) as browser:
        yield browser
