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
    locks: list[int]
    users: int = 0


_guard = threading.Lock()
_opened: dict[Path, _Opened] = {}


def acquire(path: Path, durability: str) -> Engine:
    """The engine of a file, which is made when it does not exist; a file that is open already keeps its durability.

    Raises:
        InvalidRequest: when another process or a server has it open, or when it is something else.
    """
    path = path.resolve()
    with _guard:
        if path not in _opened:
            path.parent.mkdir(parents=True, exist_ok=True)
            locks = _locked(path)
            try:
                _opened[path] = _Opened(Engine.open(path, durability=durability), locks)
            except BaseException:
                _unlock(path, locks)
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
            _unlock(engine.path, opened.locks)


def _locked(path: Path) -> list[int]:
    """Locks that end with this process: one of the file, beside it because closing the file itself would end SQLite's, and
    one of the server's data directory that the file may be in.
    """
    own = _taken(_beside(path), path, fcntl.LOCK_EX)
    served = path.parent.parent.parent / "lock"
    try:
        return [own, _taken(served, path, fcntl.LOCK_SH)] if served.is_file() else [own]
    except BaseException:
        _unlock(path, [own])
        raise


def _taken(file: Path, path: Path, kind: int) -> int:
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise InvalidRequest(
                f"the document file {path} is open elsewhere, in another process or a running server: close it there, or open"
                f" a backup of it / 文档文件 {path} 正被另一个进程或服务器使用：请先在那里关闭，或打开它的备份"
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), file.stat()):
                return lock
        os.close(lock)  # Who had it before has just taken the file away.


def _unlock(path: Path, locks: list[int]) -> None:
    _beside(path).unlink(missing_ok=True)
    for lock in locks:
        os.close(lock)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + "-lock")
