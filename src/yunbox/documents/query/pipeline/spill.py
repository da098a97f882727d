"""Temporary files for blocking stages that outgrow their memory."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from ..collation import UnicodeCollation
from ..values import MISSING, UNDEFINED


class Spill:
    """A sequence of values on disk. The file is deleted when it is closed, and when the process ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="yunbox-")  # noqa: SIM115
        self._shared: list[Any] = [MISSING, UNDEFINED]
        self._pickler = _Pickler(self._file, self._shared)
        self.count = 0

    def append(self, value: Any) -> None:
        """Write one more value."""
        self._pickler.dump(value)
        self._pickler.clear_memo()
        self.count += 1

    def extend(self, values: Iterable[Any]) -> None:
        """Write more values."""
        for value in values:
            self.append(value)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        """Read the values back in order, then close the file."""
        self._file.seek(0)
        try:
            for _ in range(self.count):
                yield _Unpickler(self._file, self._shared).load()
        finally:
            self._file.close()


class _Pickler(pickle.Pickler):
    """Leaves in memory what must stay the same object: sentinels and collations."""

    def __init__(self, file: IO[bytes], shared: list[Any]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._shared = shared

    def persistent_id(self, value: Any) -> int | None:
        for place, kept in enumerate(self._shared):
            if value is kept:
                return place
        if isinstance(value, UnicodeCollation):
            self._shared.append(value)
            return len(self._shared) - 1
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], shared: list[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, place: Any) -> Any:
        return self._shared[place]
