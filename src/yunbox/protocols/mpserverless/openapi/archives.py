"""Function packages: a zip whose top folder carries the function's name, or that holds the code itself (FA-1)."""

from __future__ import annotations

import re
from pathlib import Path

from yunbox.protocols.mpserverless.openapi.action import Refusal
from yunbox.tools.archive import UnsafeArchive, extract_zip

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
        extract_zip(packed, folder)
    except UnsafeArchive as error:
        raise Refusal(400, "InvalidPackage", f"{error} / 函数包无效") from None
    return _root(folder, name)


def _root(folder: Path, name: str) -> Path:
    if (folder / name).is_dir():
        return folder / name
    children = [child for child in folder.iterdir() if child.name != "__MACOSX"]
    if len(children) == 1 and children[0].is_dir():
        return children[0]
    return folder
