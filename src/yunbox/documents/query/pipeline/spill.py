"""Temporary files for blocking stages that outgrow their memory."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any


class Spill:
    """A sequence of values on disk. The file is deleted when it is closed, and when the process ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="yunbox-")  # noqa: SIM115
        self._pickler = self._new_pickler()
        self.count = 0

    def _new_pickler(self) -> pickle.Pickler:
        pickler = pickle.Pickler(self._file, protocol=pickle.HIGHEST_PROTOCOL)
        return pickler

    def append(self, value: Any) -> None:
        """Write one more value."""
        self._pickler.dump(value)
        self._pickler.clear_memo()
        self.count += 1

    def extend(self, values: Iterable[Any]) -> None:
        """Write more values."""
        for value in values:
            self.append(value)

    def __iter__(self) -> Iterator[Any]:
        """Read the values back in order, then close the file."""
        self._file.seek(0)
        try:
            for _ in range(self.count):
                yield pickle.load(self._file)
        finally:
            self._file.close()

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
