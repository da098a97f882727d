"""A function's code: out of what a request brings, and as the zip that a script downloads."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from yunbox.errors import FileNotFound, NotFound
from yunbox.functions.function import Deployment, Function
from yunbox.protocols.tencentcloud import packages
from yunbox.protocols.tencentcloud.addresses import account_of, public_bucket
from yunbox.protocols.tencentcloud.call import Call
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported
from yunbox.services import Services
from yunbox.tools.archive import UnsafeArchive, extract_zip

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Every file in a download has this time, so that the same code gives the same bytes and ``CodeSha256``."""


async def package_of(call: Call, code: Mapping[str, Any]) -> bytes:
    """The zip that ``Code`` names: in the request, in the temporary bucket, at an upload link, or in the space's storage.

    Raises:
        ApiError: when it names none, or something that is not served here.
    """
    if isinstance(text := code.get("ZipFile"), str) and text:
        return _decoded(text)
    if isinstance(name := code.get("TempCosObjectName"), str) and name:
        return await _taken(call, name)
    if stamp := code.get("CosTimestamp"):
        return await _taken(call, stamped_key(call, call.text("FunctionName"), str(stamp)))
    if isinstance(name := code.get("CosObjectName"), str) and name:
        return await _stored(call, str(code.get("CosBucketName", "")), name)
    if code.get("ImageConfig") or code.get("ImageUri"):
        raise unsupported("this server runs functions from code, not from images / 不支持镜像部署，请使用代码部署")
    raise ApiError("MissingParameter.Code", "Code names no package: send ZipFile or TempCosObjectName / 缺少函数代码")


def stamped_key(call: Call, function: str, stamp: str) -> str:
    """Where a package lies that was uploaded with ``DescribeBuildServiceCosInfo``."""
    return f"1970-01-01/{account_of(call.space)}/{call.space.id}/{stamp}/{function}.zip"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ApiError(
            "InvalidParameterValue.ZipFileBase64BinasciiError", f"ZipFile is not base64: {error} / ZipFile 不是 base64"
        ) from None


async def _taken(call: Call, key: str) -> bytes:
    if packages.space_in(key) != call.space.id:
        raise ApiError("InvalidParameterValue.TempCosObjectName", "the package belongs to another environment")
    try:
        return await packages.take(call.space, key)
    except FileNotFound as error:
        raise ApiError("InvalidParameterValue.TempCosObjectName", error.message) from None


async def _stored(call: Call, bucket: str, key: str) -> bytes:
    own = public_bucket(call.space)
    if bucket not in (own, own.rpartition("-")[0]):
        raise ApiError(
            "InvalidParameterValue.CosBucketName",
            f"only the space's own bucket `{own}` can be read / 仅支持本环境的存储桶",
        )
    return await call.services.files.read(call.space.id, key.removeprefix("/"))


async def deploy_package(call: Call, name: str, packed: bytes, settings: Mapping[str, Any]) -> Deployment:
    """Deploy a zip as the function ``name``; it can be called when this returns.

    Raises:
        ApiError: ``InvalidParameterValue.ZipFile`` when it cannot be unpacked.
        InvalidRequest: when it holds no function.
    """
    with _scratch() as folder:
        await asyncio.to_thread(_unpack, packed, folder)
        root = await asyncio.to_thread(_root, folder)
        return await call.services.functions.deploy(call.space.id, root, name, settings=settings)


async def deploy_changes(
    call: Call, function: Function, deleted: Sequence[str], added: bytes | None, settings: Mapping[str, Any]
) -> Deployment:
    """Deploy a function's code once more, without the files ``deleted`` and with those in the zip ``added``."""
    with _scratch() as folder:
        await asyncio.to_thread(_copy_code, function.directory, folder)
        await asyncio.to_thread(_delete, folder, deleted)
        if added is not None:
            await asyncio.to_thread(_unpack, added, folder)
        return await call.services.functions.deploy(call.space.id, folder, function.name, settings=settings)


async def deploy_copy(call: Call, function: Function, name: str, settings: Mapping[str, Any]) -> Deployment:
    """Deploy a function's code under another name."""
    with _scratch() as folder:
        await asyncio.to_thread(_copy_code, function.directory, folder)
        return await call.services.functions.deploy(call.space.id, folder, name, settings=settings)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="yunbox-package-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "code"


def _unpack(packed: bytes, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    try:
        extract_zip(packed, folder)
    except UnsafeArchive as error:
        raise ApiError("InvalidParameterValue.ZipFile", f"{error} / 代码包无效") from None


def _root(folder: Path) -> Path:
    """The code's directory: the only one at the top when there is nothing beside it, as people pack by hand."""
    children = [child for child in folder.iterdir() if child.name != "__MACOSX"]
    return children[0] if len(children) == 1 and children[0].is_dir() else folder


def _copy_code(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=lambda folder, names: _installed(folder, names, source))


def _installed(folder: str, names: list[str], root: Path) -> list[str]:
    """Packages that the deployment installed: a link to a tree outside of the code."""
    tree = root / "node_modules"
    return ["node_modules"] if folder == str(root) and "node_modules" in names and tree.is_symlink() else []


def _delete(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ApiError("InvalidParameterValue", f"`{name[:100]}` in DeleteFiles is no path inside the function")
        place = folder / path
        # A link among the code must not lead a deletion outside of it.
        if not place.parent.resolve().is_relative_to(folder.resolve()):
            raise ApiError("InvalidParameterValue", f"`{name[:100]}` in DeleteFiles leaves the function")
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


async def packed(services: Services, space_id: str, name: str, version: int) -> bytes:
    """The code of a function's current version as a zip, without packages that were installed for it.

    Raises:
        NotFound: when another version is current now.
    """
    function = services.functions.get(space_id, name)
    if function.version != version:
        raise NotFound(f"function `{name}` was deployed anew; ask for a new link / 函数已更新，请重新获取下载链接")
    return await asyncio.to_thread(_zip, function.directory)


def _zip(root: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(root):
            info = zipfile.ZipInfo(path.relative_to(root).as_posix(), _ZIP_TIME)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def _files(root: Path) -> Iterator[Path]:
    """The regular files below ``root``, by name; links are left out, because they may lead anywhere."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def size_of(directory: Path) -> int:
    """The bytes of a function's own files."""
    return sum(path.stat().st_size for path in _files(directory))
