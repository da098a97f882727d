"""What pages of real applications do with the web SDKs: reloads, tabs, refused origins, large files, TLS."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser import Browser, Pages
from tests.compat.test_cloudbase_in_chromium import opened, page_files, page_of, pages
from tests.compat.test_cloudbase_js_sdk import VARIANTS, Prepared, check, node, prepared
from tests.server import LiveServer
from yunbox.tools.certificate import ensure_certificate

__all__ = ["node", "page_files", "pages", "prepared"]

TWO_GENERATIONS = ("1.8.4", "3.7.0")


class Visitor:
    """Somebody who uses one variant of the SDK on the pages' origin."""

    def __init__(self, cloud: LiveServer, pages: Pages, prepared: Prepared, variant: str) -> None:
        self._url = pages.origin + page_of(variant)
        self._given = {"variant": variant, "endpoint": cloud.endpoint, "env": prepared.space.id}

    async def open(self, context: BrowserContext) -> Page:
        """A tab with ``window.client``."""
        page, _ = await opened(context, self._url)
        await self.start(page)
        return page

    async def start(self, page: Page) -> None:
        await page.evaluate("(given) => { window.client = window.openClient(given) }", self._given)

    async def reload(self, page: Page) -> None:
        await page.reload()
        await page.wait_for_function("typeof window.runSuite === 'function'")
        await self.start(page)


async def run(page: Page, script: str, given: Any = None) -> Any:
    """The value of an expression in which ``client`` is the page's client."""
    return await page.evaluate(f"async (given) => {{ const {{ client }} = window; return ({script}) }}", given)


@pytest.fixture
def visitor(cloud: LiveServer, pages: Pages, prepared: Prepared, variant: str) -> Visitor:
    return Visitor(cloud, pages, prepared, variant)


@pytest.mark.parametrize("variant", VARIANTS[:-1])
def test_a_login_lasts_over_reloads_and_in_other_tabs(chromium: Browser, visitor: Visitor, variant: str) -> None:
    async def work(context: BrowserContext) -> list[str]:
        page = await visitor.open(context)
        await run(page, "client.signIn()")
        users = [await run(page, "client.uid()")]
        await visitor.reload(page)
        users.append(await run(page, "client.auth.getLoginState().then(() => client.uid())"))
        tab = await visitor.open(context)
        users.append(await run(tab, "client.auth.getLoginState().then(() => client.uid())"))
        return users

    assert len(set(chromium.visit(work))) == 1


COUNT = "client.app.database().collection('notes').count().then((answer) => answer.total ?? JSON.stringify(answer))"
EXPIRE = """
Object.keys(localStorage).forEach((key) => {
  const change = (fields) => localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage[key]), ...fields }))
  if (key.startsWith('credentials_')) change({ expires_at: new Date(0) })
  if (key.startsWith('access_token_expire')) change({ content: 1 })
})
"""


@pytest.mark.parametrize("variant", TWO_GENERATIONS)
def test_two_tabs_renew_an_expired_login_at_once(chromium: Browser, visitor: Visitor, variant: str) -> None:
    """Both hold the same refresh token; neither may end the other's session."""

    async def work(context: BrowserContext) -> tuple[list[Any], set[str]]:
        found: list[Any] = []
        first, second = await visitor.open(context), await visitor.open(context)
        await run(first, "client.signIn()")
        user, tokens = await run(first, "client.uid()"), {await run(first, "client.token()")}
        for _ in range(2):
            await first.evaluate(EXPIRE)
            await asyncio.gather(visitor.reload(first), visitor.reload(second))
            found += await asyncio.gather(run(first, COUNT), run(second, COUNT))
            tokens.add(await run(first, "client.token()"))
        found.append(await run(first, "client.uid()") == user)
        return found, tokens

    found, tokens = chromium.visit(work)
    assert found == [0] * 4 + [True]
    assert len(tokens) == 3


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SHOW_IMAGE = """
client.app.uploadFile({ cloudPath: '相册/图 1.png', filePath: new File([new Uint8Array(given)], '图 1.png', { type: 'image/png' }) })
  .then(({ fileID }) => client.app.getTempFileURL({ fileList: [fileID] }))
  .then(({ fileList: [{ tempFileURL, download_url }] }) => new Promise((resolve, reject) => {
    const image = document.body.appendChild(new Image())
    image.onload = () => resolve(image.naturalWidth)
    image.onerror = () => reject(new Error('not shown'))
    image.src = tempFileURL || download_url
  }))
"""
LARGE = """
client.app.uploadFile({
  cloudPath: 'large.bin',
  filePath: new File([new Uint8Array(given).fill(7)], 'large.bin'),
  onUploadProgress: (event) => { window.progress = (window.progress || []).concat(event.loaded) },
}).then(({ fileID }) => client.app.getTempFileURL({ fileList: [fileID] }))
  .then(({ fileList: [{ tempFileURL }] }) => fetch(tempFileURL)).then((answer) => answer.arrayBuffer())
  .then((bytes) => [bytes.byteLength, window.progress.at(-1) >= given, window.progress.every((size, i, all) => i === 0 || size >= all[i - 1])])
"""


@pytest.mark.parametrize("variant", TWO_GENERATIONS)
def test_images_and_large_files(chromium: Browser, visitor: Visitor, variant: str) -> None:
    size = 12 * 2**20

    async def work(context: BrowserContext) -> tuple[int, list[Any]]:
        page = await visitor.open(context)
        await run(page, "client.signIn()")
        return await run(page, SHOW_IMAGE, list(PNG)), await run(page, LARGE, size)

    assert chromium.visit(work) == (1, [size, True, True])


FAILURE = "Promise.resolve().then(() => {call}).then((answer) => JSON.stringify(answer), (error) => `${{JSON.stringify(error)}} ${{error.message}}`)"


@pytest.mark.parametrize("variant", TWO_GENERATIONS)
def test_pages_of_other_origins_are_refused(
    cloud: LiveServer, chromium: Browser, visitor: Visitor, prepared: Prepared, pages: Pages, variant: str
) -> None:
    settings = cloud.services.spaces

    async def work(context: BrowserContext) -> list[str]:
        page = await visitor.open(context)
        await run(page, "client.signIn()")
        upload = "client.app.uploadFile({ cloudPath: 'a.txt', filePath: new File(['a'], 'a.txt') })"
        file_id = (await run(page, upload))["fileID"]
        link = f"client.app.getTempFileURL({{ fileList: ['{file_id}'] }}).then(({{ fileList: [one] }}) => one.tempFileURL || one.download_url)"
        url = await run(page, link)
        settings.set(prepared.space.id, {"cors_origins": "https://app.example"})
        calls = ("client.app.callFunction({ name: 'echo' })", "client.signIn()", upload, f"fetch('{url}')")
        refused = [await run(page, FAILURE.format(call=call)) for call in calls]
        settings.set(prepared.space.id, {"cors_origins": f"https://app.example, {pages.origin}"})
        return [*refused, await run(page, f"fetch('{url}').then((answer) => answer.text())")]

    function, sign_in, upload, file, allowed = chromium.visit(work)
    words = "is not allowed|INVALID_REQUEST_SOURCE|permission_denied"
    assert re.search(words, function), function
    assert re.search(words, sign_in), sign_in
    assert re.search(words, upload), upload
    assert "Failed to fetch" in file
    assert allowed == "a"


PREFLIGHT = """
fetch(`${given}/web?env=x`, {
  method: 'POST', credentials: 'include', headers: { 'x-my-trace': '1', 'x-tcb-region': 'ap', 'content-type': 'application/json' }, body: '{}',
}).then((answer) => answer.headers.get('x-request-id'))
"""


@pytest.mark.parametrize("variant", ["1.8.4"])
def test_unusual_headers_pass_the_preflight(
    cloud: LiveServer, chromium: Browser, visitor: Visitor, variant: str
) -> None:
    async def work(context: BrowserContext) -> Any:
        return await run(await visitor.open(context), PREFLIGHT, cloud.endpoint)

    assert chromium.visit(work)


@pytest.mark.parametrize("variant", ["3.7.0"])
def test_everything_over_tls(
    cloud: LiveServer,
    chromium: Browser,
    prepared: Prepared,
    page_files: dict[str, Path | str],
    tmp_path: Path,
    variant: str,
) -> None:
    """A page on HTTPS may neither call nor watch over plain connections; one port takes both kinds."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*ensure_certificate(tmp_path / "tls"))
    endpoint = cloud.endpoint.replace("http", "https")
    given = {"variant": variant, "endpoint": endpoint, "env": prepared.space.id, "input": prepared.input}
    plain: list[str] = []

    async def work(context: BrowserContext) -> list[dict[str, Any]]:
        page, _ = await opened(context, secure.origin + page_of(variant))
        page.on("request", lambda request: plain.append(request.url) if request.url.startswith("http:") else None)
        page.on("websocket", lambda socket: plain.append(socket.url) if socket.url.startswith("ws:") else None)
        steps: list[dict[str, Any]] = await page.evaluate("(given) => window.runSuite(given)", given)
        return steps

    with Pages(page_files, tls) as secure:
        check(chromium.visit(work), prepared, variant)
    assert plain == []
