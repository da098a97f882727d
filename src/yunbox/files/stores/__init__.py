"""Where the bytes of files live: a local directory, or another object store behind the same small interface."""

from __future__ import annotations

from typing import Protocol

from yunbox.files.stores.local import LocalStore


class ObjectWriter(Protocol):
    """An object being written. Calls block: run them in a thread."""

    size: int

    def write(self, data: bytes) -> None: ...

    def finish(self) -> str:
        """Make the bytes durable but not yet visible; their SHA-256 in hex."""

    def publish(self) -> None:
        """Make the finished object readable under its hash."""

    def discard(self) -> None:
        """Forget what was not published; harmless afterwards."""


class ObjectReader(Protocol):
    """An open object. It stays readable until closed, also when it is deleted meanwhile."""

    size: int

    def read(self, offset: int, length: int) -> bytes: ...

    def close(self) -> None: ...


class ObjectStore(Protocol):
    """Objects of every space, each under the SHA-256 of its bytes."""

    def create(self, space: str) -> ObjectWriter: ...

    def open(self, space: str, digest: str) -> ObjectReader:
        """Raises ``FileNotFoundError`` when there is no such object."""

    def delete(self, space: str, digest: str) -> None: ...

    def sweep(self, space: str) -> None:
        """Remove what uploads that never finished have left behind; only before the first upload of a process."""


__all__ = ["LocalStore", "ObjectReader", "ObjectStore", "ObjectWriter"]
