"""Where test clouds keep their files: in memory where the system has room there, and nothing is left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

_PREFIX = "yunbox-test-"
_SETTLING_S = 60


def new_place() -> Path:
    """A new, empty directory for one cloud."""
    _sweep()
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_root()))


def package_cache() -> Path:
    """Where the packages of functions are kept from one test run to the next: in the account's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "yunbox"


def _root() -> Path:
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


@cache
def _sweep() -> None:
    """Remove what killed test runs have left, once for each process."""
    for place in _root().glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - (place / "lock").stat().st_mtime > _SETTLING_S and _is_abandoned(place):
                shutil.rmtree(place, ignore_errors=True)


def _is_abandoned(place: Path) -> bool:
    with (place / "lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
