"""Reaching a server: the one that runs, or the same app inside this process on its data directory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from yunbox.errors import InvalidRequest

if TYPE_CHECKING:
    import httpx

    from yunbox.app import App

DEV_DATA = Path(".yunbox")


class ApiError(Exception):
    """The server answered with an error; ``content`` is its whole answer."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        error = content.get("error")
        self.content = dict(content)
        self.code = str(error.get("code", "internal")) if isinstance(error, dict) else "internal"
        self.message = str(error.get("message", content)) if isinstance(error, dict) else str(content)
        super().__init__(self.message)


def serve_data() -> Path:
    """The data directory of ``serve`` when none is given."""
    root = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(root) / "yunbox"


def default_data() -> Path:
    """The data directory of a command: ``$YUNBOX_DATA``, else ``./.yunbox`` where ``dev`` has been, else that of ``serve``."""
    if given := os.environ.get("YUNBOX_DATA"):
        return Path(given)
    return DEV_DATA if DEV_DATA.is_dir() else serve_data()


class Api:
    """Calls of ``/manage/v1``. Paths are given in parts, each percent-encoded on its own."""

    def __init__(self, client: httpx.AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def get(self, *path: str, **query: Any) -> Any:
        return self.request("GET", path, query=query)

    def post(self, *path: str, content: Any = None) -> Any:
        return self.request("POST", path, content=content)

    def put(self, *path: str, content: Any = None) -> Any:
        return self.request("PUT", path, content=content)

    def patch(self, *path: str, content: Any = None) -> Any:
        return self.request("PATCH", path, content=content)

    def delete(self, *path: str, content: Any = None) -> Any:
        return self.request("DELETE", path, content=content)

    def request(
        self, method: str, path: tuple[str, ...], *, query: Mapping[str, Any] | None = None, content: Any = None
    ) -> Any:
        """The JSON answer of one call; ``content`` is sent as JSON, or as it is when it is ``bytes``.

        Raises:
            ApiError: when the answer is an error.
        """
        return self._runner.run(self._request(method, path, query, content))

    async def _request(self, method: str, path: tuple[str, ...], query: Mapping[str, Any] | None, content: Any) -> Any:
        body = content if isinstance(content, bytes) else None if content is None else json.dumps(content).encode()
        response = await self._client.request(method, _join(path), params=_present(query), content=body)
        return _read(response.status_code, response.content)

    def lines(
        self,
        method: str,
        path: tuple[str, ...],
        on_line: Callable[[bytes], None],
        *,
        query: Mapping[str, Any] | None = None,
        content: Any = None,
    ) -> None:
        """Hand each line of a streamed answer to ``on_line``; ``content`` may be a file open for reading."""
        self._runner.run(self._lines(method, path, on_line, query, content))

    async def _lines(
        self,
        method: str,
        path: tuple[str, ...],
        on_line: Callable[[bytes], None],
        query: Mapping[str, Any] | None,
        content: Any,
    ) -> None:
        body = _pieces(content) if hasattr(content, "read") else content
        async with self._client.stream(method, _join(path), params=_present(query), content=body) as response:
            if response.status_code >= 400:
                _read(response.status_code, await response.aread())
            rest = b""
            async for chunk in response.aiter_bytes():
                *complete, rest = (rest + chunk).split(b"\n")
                for line in complete:
                    on_line(line)
            if rest:
                on_line(rest)

    def upload(self, path: tuple[str, ...], source: Path, content_type: str | None) -> Any:
        """Send a file as the body of a PUT."""
        return self._runner.run(self._upload(path, source, content_type))

    async def _upload(self, path: tuple[str, ...], source: Path, content_type: str | None) -> Any:
        headers = {"content-type": content_type} if content_type else {}
        with source.open("rb") as file:
            response = await self._client.put(_join(path), content=_pieces(file), headers=headers)
        return _read(response.status_code, response.content)

    def download(self, path: tuple[str, ...], write: Callable[[bytes], Any], **query: Any) -> Mapping[str, str]:
        """Hand the bytes of an answer to ``write`` as they come; its headers."""
        return self._runner.run(self._download(path, write, query))

    async def _download(
        self, path: tuple[str, ...], write: Callable[[bytes], Any], query: Mapping[str, Any]
    ) -> Mapping[str, str]:
        async with self._client.stream("GET", _join(path), params=_present(query)) as response:
            if response.status_code >= 400:
                _read(response.status_code, await response.aread())
            async for chunk in response.aiter_bytes():
                write(chunk)
            return response.headers


def _join(path: tuple[str, ...]) -> str:
    return "/".join(quote(part, safe="") for part in path)


def _present(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (query or {}).items() if value is not None}


def _read(status: int, body: bytes) -> Any:
    try:
        content = json.loads(body)
    except ValueError:
        content = {"error": {"code": "internal", "message": f"the server answered {status} / 服务器返回 {status}"}}
    if status >= 400:
        raise ApiError(content if isinstance(content, dict) else {"error": {"message": str(content)}})
    return content


async def _pieces(file: Any) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, 2**20):
        yield piece


@contextlib.contextmanager
def connect(endpoint: str | None, data: Path | None, *, functions: bool = False) -> Iterator[Api]:
    """The server at ``endpoint``, else the one whose address the data directory records and which answers, else the app
    inside this process. ``functions``: code may run, so an app in this process also listens, for what the code asks of it.

    Raises:
        InvalidRequest: when nobody answers, another process holds the data directory, or no token is found.
    """
    import httpx

    directory = data or default_data()
    with asyncio.Runner() as runner:
        address = endpoint or os.environ.get("YUNBOX_ENDPOINT") or runner.run(_running(directory))
        token = os.environ.get("YUNBOX_ADMIN_TOKEN") or (_token(directory) if address else "")
        opened = _remote(address, token) if address else _inside(directory, functions)
        client = runner.run(opened.__aenter__())
        try:
            yield Api(client, runner)
        except httpx.TransportError as error:
            shown = address or "this process"
            raise InvalidRequest(f"no answer from {shown}: {error!r} / 无法连接服务器 {shown}") from None
        finally:
            runner.run(opened.__aexit__(None, None, None))


def running_endpoint(data: Path) -> str | None:
    """The address of the server that runs on ``data``, if one does."""
    return asyncio.run(_running(data))


async def _running(data: Path) -> str | None:
    """The address in ``data/server.json``, if somebody answers there."""
    import httpx

    try:
        endpoint = str(json.loads((data / "server.json").read_text(encoding="utf-8"))["endpoint"])
        async with httpx.AsyncClient(trust_env=False, timeout=3) as client:
            answer = await client.get(f"{endpoint}/healthz")
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return None
    return endpoint if answer.status_code == 200 else None


@contextlib.asynccontextmanager
async def _remote(endpoint: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    import httpx

    timeout = httpx.Timeout(1000, connect=10)
    async with httpx.AsyncClient(
        base_url=f"{endpoint.rstrip('/')}/manage/v1/", headers=_bearer(token), timeout=timeout, trust_env=False
    ) as client:
        yield client


def _token(data: Path) -> str:
    try:
        return (data / "admin.token").read_text(encoding="ascii").strip()
    except OSError:
        raise InvalidRequest(
            f"no administrator's token: set YUNBOX_ADMIN_TOKEN, or give the server's directory with --data ({data} has none)"
            " / 缺少管理员令牌，请设置 YUNBOX_ADMIN_TOKEN 或用 --data 指定数据目录"
        ) from None


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def inside_client(app: App) -> httpx.AsyncClient:
    """A client of an app in this process, with the administrator's token."""
    import httpx

    return httpx.AsyncClient(
        base_url=f"{app.services.address.local}/manage/v1/",
        headers=_bearer(_token(app.settings.data)),
        transport=httpx.ASGITransport(app=app),
        timeout=1000,
    )


def read_answer(response: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises:
        ApiError: when it is an error.
    """
    return _read(response.status_code, response.content)


@contextlib.asynccontextmanager
async def _inside(data: Path, listen: bool) -> AsyncIterator[httpx.AsyncClient]:
    from yunbox.app import create_app
    from yunbox.settings import load_settings

    flags = {"host": "127.0.0.1", "port": 0} if listen else {}
    app = create_app(load_settings(data, "serve", flags))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(app.close)
        if listen:
            await stack.enter_async_context(_listening(app))
            yield await stack.enter_async_context(_remote(app.services.address.local, _token(data)))
        else:
            yield await stack.enter_async_context(inside_client(app))


@contextlib.asynccontextmanager
async def _listening(app: App) -> AsyncIterator[None]:
    """``app`` on a port of this machine, without the timers that a server runs."""
    from yunbox.server import prepare

    ready = asyncio.Event()
    server = prepare(app, ready.set)
    server.config.lifespan = "off"
    task = asyncio.create_task(server._serve())
    await ready.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await task
