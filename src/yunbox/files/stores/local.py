"""Objects in ``DATA/spaces/<space>/objects``: a file named by the hash of its bytes, written once."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path


class LocalWriter:
    """Writes to a temporary name beside the final one, so that publishing is a rename."""

    def __init__(self, root: Path) -> None:
        self._root = root
        incoming = root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        self._path: Path | None = incoming / secrets.token_hex(16)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> str:
        os.fsync(self._descriptor)
        self._close()
        return self._hash.hexdigest()

    def publish(self) -> None:
        assert self._path is not None
        target = object_path(self._root, self._hash.hexdigest())
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self._path, target)
        self._path = None
        _sync_directory(target.parent)

    def discard(self) -> None:
        self._close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalReader:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalStore:
    """The object store of one machine; ``spaces`` is the directory that holds a directory for each space."""

    def __init__(self, spaces: Path) -> None:
        self._spaces = spaces

    def _root(self, space: str) -> Path:
        return self._spaces / space / "objects"

    def create(self, space: str) -> LocalWriter:
        return LocalWriter(self._root(space))

    def open(self, space: str, digest: str) -> LocalReader:
        return LocalReader(object_path(self._root(space), digest))

    def delete(self, space: str, digest: str) -> None:
        object_path(self._root(space), digest).unlink(missing_ok=True)

    def sweep(self, space: str) -> None:
        with suppress(FileNotFoundError):
            for path in (self._root(space) / "incoming").iterdir():
                path.unlink(missing_ok=True)


def object_path(root: Path, digest: str) -> Path:
    """Where the bytes with this SHA-256 (64 hex digits) are kept."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise FileNotFoundError(digest)
    return root / digest[:2] / digest


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
