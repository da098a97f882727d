"""Project files as people leave them: JSON with comments, trailing commas, a byte order mark, or control characters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from yunbox.errors import InvalidRequest

_STRING = r'("(?:\\.|[^"\\])*")'
_COMMENT = re.compile(_STRING + r"|//[^\n\r]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])")


def plain_json(text: str) -> str:
    """``text`` without comments and trailing commas."""
    for pattern in (_COMMENT, _TRAILING_COMMA):
        text = pattern.sub(lambda match: match[1] or "", text)
    return text


def read_text(path: Path) -> str:
    """A text file in UTF-8 (with or without a mark), UTF-16 with a mark, or GB 18030, which old editors in China wrote."""
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")


def read_object(path: Path) -> dict[str, Any]:
    """The object in a project file; an empty file is an empty object.

    Raises:
        InvalidRequest: when it is not readable even so; the message names the file and the place.
    """
    text = plain_json(read_text(path))
    if not text.strip():
        return {}
    try:
        content = json.loads(text, strict=False)
    except ValueError as error:
        raise InvalidRequest(f"{path} is not valid JSON: {error} / {path} 不是合法的 JSON") from None
    return content if isinstance(content, dict) else {}
