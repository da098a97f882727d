"""Function packages on their way: zips that were uploaded to the vendor's temporary bucket, kept until they are deployed.

They lie in the space's directory and not among its files, which may be public. What nobody deploys goes after a day.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

from yunbox.errors import FileNotFound as NoSuchFile
from yunbox.errors import LimitExceeded
from yunbox.spaces import Space

MAX_PACKAGE = 500 * 2**20
_KEPT_S = 24 * 3600
_KEY = re.compile(r"\d{4}-\d\d-\d\d/(?P<account>\d+)/(?P<space>[a-z0-9][a-z0-9_-]{0,63})/[^\x00]{1,300}")


def space_in(key: str) -> str:
    """The space that a package's key names: ``<date>/<account>/<space>/<function>.zip``; ``""`` when it is none."""
    match = _KEY.fullmatch(key.removeprefix("/"))
    return match["space"] if match else ""


async def keep(space: Space, key: str, stream: AsyncIterator[bytes]) -> str:
    """Keep a package; the MD5 of its bytes in hex.

    Raises:
        LimitExceeded: when it is too large.
    """
    path = _path(space, key)
    await asyncio.to_thread(_make_room, path.parent)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        with temporary.open("wb") as file:
            async for chunk in stream:
                size += len(chunk)
                if size > MAX_PACKAGE:
                    raise LimitExceeded(f"the package is larger than {MAX_PACKAGE} bytes / 代码包过大")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()


async def take(space: Space, key: str) -> bytes:
    """The bytes of a package, which is gone then.

    Raises:
        FileNotFound (of ours): when nothing was uploaded under this key.
    """
    return await asyncio.to_thread(_take, _path(space, key))


def _take(path: Path) -> bytes:
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise NoSuchFile("the package was not uploaded, or was deployed already / 代码包不存在或已部署") from None
    path.unlink(missing_ok=True)
    return packed


def _path(space: Space, key: str) -> Path:
    name = hashlib.sha256(key.removeprefix("/").encode()).hexdigest()
    return space.directory / "packages" / name


def _make_room(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    oldest = time.time() - _KEPT_S
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
