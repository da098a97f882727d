"""Function packages: a zip whose top folder carries the function's name, or that holds the code itself (FA-1)."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

from yunbox.protocols.mpserverless.openapi.action import Refusal

MAX_UNPACKED = 500 * 2**20
MAX_ENTRIES = 50_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,29}")


def checked_name(name: str) -> str:
    """``name``, when a function may have it (FA-5).

    Raises:
        Refusal: when it may not.
    """
    if not _NAME.fullmatch(name):
        raise Refusal(
            400,
            "InvalidName",
            f"`{name}` cannot be a function's name: 1 to 30 letters, digits, - and _, not starting with a digit or -"
            " / 函数名为 1-30 位字母、数字、- 或 _，不能以数字或 - 开头",
        )
    return name


def unpack(packed: bytes, folder: Path, name: str) -> Path:
    """Unpack a zip into ``folder``; returns the directory with the function's code.

    Raises:
        Refusal: when it is no zip, too large, or names files outside of itself.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            _check(entries)
            for entry in entries:
                _extract(archive, entry, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise _refuse(f"the package cannot be unpacked: {error}") from None
    return _root(folder, name)


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise _refuse(f"the package is larger than {MAX_UNPACKED} bytes or {MAX_ENTRIES} files")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise _refuse(f"the package names a file outside of itself: {entry.filename!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _refuse(f"the package contains a symbolic link: {entry.filename!r}")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename.replace("\\", "/")
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("wb") as file:
        # The declared sizes were checked above; a lying entry ends with a CRC or length error before it gets larger.
        while chunk := source.read(2**20):
            file.write(chunk)


def _root(folder: Path, name: str) -> Path:
    if (folder / name).is_dir():
        return folder / name
    children = [child for child in folder.iterdir() if child.name != "__MACOSX"]
    if len(children) == 1 and children[0].is_dir():
        return children[0]
    return folder


def _refuse(message: str) -> Refusal:
    return Refusal(400, "InvalidPackage", f"{message} / 函数包无效")
