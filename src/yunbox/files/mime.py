"""Content types of stored files: what the uploader said, else what the extension says."""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"

_EXTRA = {
    ".3gpp": "audio/3gpp",
    ".amr": "audio/amr",
    ".avif": "image/avif",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".flac": "audio/flac",
    ".flv": "video/x-flv",
    ".heic": "image/heic",
    ".image": "image/jpeg",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".silk": "audio/silk",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


def _table() -> mimetypes.MimeTypes:
    table = mimetypes.MimeTypes()  # the built-in map only, so that every machine answers alike
    for extension, content_type in _EXTRA.items():
        table.add_type(content_type, extension)
    return table


_TYPES = _table()


def guess(key: str) -> str:
    """The content type that the extension of ``key`` stands for, else ``application/octet-stream``."""
    found, encoding = _TYPES.guess_type("file:/" + key.replace("?", "_").replace("#", "_"))
    return UNKNOWN if found is None or encoding else found


def choose(key: str, declared: str) -> str:
    """The type to store: what the uploader declared, unless that says nothing."""
    declared = declared.strip()
    if not declared or not declared.isprintable() or "/" not in declared:
        return guess(key)
    kind = declared.partition(";")[0].strip().lower()
    if kind in (UNKNOWN, "multipart/form-data", "application/x-www-form-urlencoded"):
        return guess(key)
    return declared
