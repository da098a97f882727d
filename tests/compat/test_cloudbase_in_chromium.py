"""The web SDKs in a real browser: a page of another origin, CORS and all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser import Browser, Pages, Visited, bundle
from tests.compat.test_cloudbase_js_sdk import HERE, VARIANTS, Prepared, check, node, prepared
from tests.server import LiveServer

__all__ = ["node", "prepared"]

TESTS = HERE.parent
PACKAGES = {
    "tcb": "tcb-js-sdk-1.10.10",
    "1": "cloudbase-js-sdk-1.8.4",
    "2": "cloudbase-js-sdk-2.31.0",
    "3": "cloudbase-js-sdk-3.7.0",
}
PAGE = """<!doctype html><meta charset="utf-8"><title>{name}</title>
<body><script src="/tests/compat/web/sockets.js"></script><script src="/sdk/{name}.js"></script>
<script type="module" src="/tests/compat/web/page.mjs"></script>"""


@pytest.fixture(scope="session")
def page_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | str]:
    """A page for each SDK, its script as a bundler makes it, and the suite."""
    scripts = tmp_path_factory.mktemp("sdk")
    for name, package in PACKAGES.items():
        bundle(package, HERE, scripts / f"{name}.js")
    texts: dict[str, Path | str] = {f"/{name}.html": PAGE.format(name=name) for name in PACKAGES}
    return {**texts, "/tests/": TESTS, "/sdk/": scripts}


@pytest.fixture(scope="module")
def pages(page_files: dict[str, Path | str]) -> Iterator[Pages]:
    with Pages(page_files) as served:
        yield served


def page_of(variant: str) -> str:
    return f"/{variant.partition('-')[0].partition('.')[0]}.html"


async def opened(context: BrowserContext, url: str) -> tuple[Page, Visited]:
    page = await context.new_page()
    visited = Visited(page)
    await page.goto(url)
    await page.wait_for_function("typeof window.runSuite === 'function'")
    return page, visited


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_step_passes(
    cloud: LiveServer, chromium: Browser, pages: Pages, prepared: Prepared, variant: str
) -> None:
    given = {"variant": variant, "endpoint": cloud.endpoint, "env": prepared.space.id, "input": prepared.input}

    async def run(context: BrowserContext) -> tuple[list[dict[str, Any]], Visited]:
        page, visited = await opened(context, pages.origin + page_of(variant))
        return await page.evaluate("(given) => window.runSuite(given)", given), visited

    steps, visited = chromium.visit(run)
    check(steps, prepared, variant)
    assert visited.foreign == []
