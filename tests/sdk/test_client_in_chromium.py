"""The package ``yunbox`` on web pages in a real browser, which are of another origin than the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext

from tests.browser import Browser, Pages, Visited
from tests.sdk.test_client import ECHO, HERE, PACKAGE, built, create_collections, passed
from tests.server import LiveServer

__all__ = ["built"]

PAGE = """<!doctype html><meta charset="utf-8"><title>yunbox</title>
<body><script src="/yunbox.umd.js"></script><script type="module" src="/tests/sdk/js/page.mjs"></script>"""


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    files: dict[str, Path | str] = {
        "/page.html": PAGE,
        "/yunbox.umd.js": PACKAGE / "dist" / "yunbox.umd.js",
        "/tests/": HERE.parent,
    }
    with Pages(files) as served:
        yield served


def test_every_step_passes(cloud: LiveServer, chromium: Browser, pages: Pages, tmp_path: Path) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "notes")
    (tmp_path / "index.js").write_text(ECHO)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "echo"))

    async def run(context: BrowserContext) -> tuple[list[Any], Visited]:
        page = await context.new_page()
        visited = Visited(page)
        await page.goto(f"{pages.origin}/page.html")
        await page.wait_for_function("typeof window.runClientSuite === 'function'")
        given = {"endpoint": cloud.endpoint, "space": space.id}
        return await page.evaluate("(given) => window.runClientSuite(given)", given), visited

    steps, visited = chromium.visit(run)
    assert passed(steps) >= 23
    assert (visited.errors, visited.foreign) == ([], [])
