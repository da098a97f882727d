"""Object keys: the names of files inside a space. They never reach the disk."""

from __future__ import annotations

import re

from yunbox.errors import InvalidRequest

MAX_KEY_BYTES = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def check_key(key: str, max_bytes: int = MAX_KEY_BYTES) -> str:
    """``key``, when it is a usable name (ST-3): not empty, no leading or doubled ``/``, no ``.`` segments.

    Raises:
        InvalidRequest: naming what is wrong with it.
    """
    problem = _problem(key, max_bytes)
    if problem:
        raise InvalidRequest(f"the file path {key[:80]!r} {problem} / 文件路径不合法")
    return key


def _problem(key: str, max_bytes: int) -> str:
    if not key:
        return "is empty"
    if key.startswith("/"):
        return "starts with `/`"
    if "//" in key:
        return "contains `//`"
    if _CONTROL.search(key):
        return "contains control characters"
    if len(key.encode("utf-8")) > max_bytes:
        return f"is longer than {max_bytes} bytes"
    if any(segment in (".", "..") for segment in key.split("/")):
        return "contains a `.` or `..` segment"
    return ""
