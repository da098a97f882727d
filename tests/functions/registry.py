"""A package registry on loopback with a few tiny packages."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import orjson


@dataclass
class Registry:
    """``packages``: name -> version -> fields added to its package.json. ``requests`` are the paths that were asked for."""

    packages: dict[str, dict[str, dict[str, Any]]]
    requests: list[str] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Registry:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = unquote(head.split()[1]).lstrip("/").partition("?")[0]
            self.requests.append(path)
            status, body = self._answer(path)
            writer.write(
                f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, path: str) -> tuple[str, bytes]:
        name, _, file = path.partition("/-/")
        versions = self.packages.get(name)
        if versions is None:
            return "404 Not Found", b'{"error": "Not found"}'
        if file:
            return "200 OK", self._tarball(name, file.removesuffix(".tgz"))
        return "200 OK", orjson.dumps(
            {
                "name": name,
                "dist-tags": {"latest": list(versions)[-1]},
                "versions": {version: self._manifest(name, version) for version in versions},
            }
        )

    def _manifest(self, name: str, version: str) -> dict[str, Any]:
        packed = self._tarball(name, version)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()
        dist = {"tarball": f"{self.url}{name}/-/{version}.tgz", "integrity": integrity}
        return {"name": name, "version": version, **self.packages[name][version], "dist": dist}

    def _tarball(self, name: str, version: str) -> bytes:
        files = {
            "package.json": orjson.dumps({"name": name, "version": version, **self.packages[name][version]}),
            "index.js": f"module.exports = '{name}@{version}'".encode(),
        }
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            for path, content in files.items():
                item = tarfile.TarInfo(f"package/{path}")
                item.size = len(content)
                archive.addfile(item, io.BytesIO(content))
        return _without_time(buffer.getvalue())


def _without_time(packed: bytes) -> bytes:
    """The same bytes for the same content: gzip's header carries the time."""
    return packed[:4] + b"\0\0\0\0" + packed[8:]
