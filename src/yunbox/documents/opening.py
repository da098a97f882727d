"""The document files that Python callers have open: one engine for each file, and no other process beside it.

What an engine knows of collections and indexes it reads once: a second one that writes to the same file would not know of
the first one's indexes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from yunbox.errors import InvalidRequest

from .stores import Engine


@dataclass(slots=True)
class _Opened:
    engine: Engine
    lock: int
    users: int = 0


_guard = threading.Lock()
_opened: dict[Path, _Opened] = {}


def acquire(path: Path, durability: str) -> Engine:
    """The engine of a file, which is made when it does not exist; a file that is open already keeps its durability.

    Raises:
        InvalidRequest: when another process has it open, or when it is something else.
    """
    path = path.resolve()
    with _guard:
        if path not in _opened:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = _locked(path)
            try:
                _opened[path] = _Opened(Engine.open(path, durability=durability), lock)
            except BaseException:
                _unlock(path, lock)
                raise
        opened = _opened[path]
        opened.users += 1
        return opened.engine


def release(engine: Engine) -> None:
    """Close the engine when this was the last use of it."""
    with _guard:
        opened = _opened[engine.path]
        opened.users -= 1
        if not opened.users:
            del _opened[engine.path]
            engine.close()
            _unlock(engine.path, opened.lock)


def _locked(path: Path) -> int:
    """A lock that ends with this process. It has a file of its own: closing the document file would end SQLite's locks."""
    beside = _beside(path)
    while True:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise InvalidRequest(
                f"the document file {path} is open in another process: close it there, or open a backup of it"
                f" / 文档文件 {path} 正被另一个进程使用：请先在那里关闭，或打开它的备份"
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), beside.stat()):
                return lock
        os.close(lock)  # Who had it before has just taken the file away.


def _unlock(path: Path, lock: int) -> None:
    _beside(path).unlink(missing_ok=True)
    os.close(lock)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + "-lock")
