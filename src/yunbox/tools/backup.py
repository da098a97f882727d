"""A data directory as one archive, taken while it is in use, and put back while it is not."""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from yunbox.tools.archive import extract

SUFFIX = ".tar.gz"
AUTOMATIC = "-auto"
"""What the names of automatic backups end with."""
_LEFT_OUT = frozenset(("backups", "run", "packages", "lock", "server.json"))
"""What is not part of a backup: itself, what lives only while the server runs, and a download cache."""


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """One kept archive; ``size`` in bytes, ``created_at`` in milliseconds since 1970."""

    name: str
    path: Path
    size: int
    created_at: int

    @property
    def automatic(self) -> bool:
        """Whether it was made by the daily schedule."""
        return self.name.endswith(AUTOMATIC)


def write_backup(data: Path, *, automatic: bool = False, files: bool = True) -> BackupInfo:
    """Archive ``data`` into ``data/backups``. Databases are copied through SQLite, so that each is consistent.

    Without ``files``, the bytes of uploaded files and the downloaded packages of functions are left out: both are kept
    under their hash, so that a restore finds those that are still there.
    """
    directory = data / "backups"
    directory.mkdir(parents=True, exist_ok=True)
    ending = AUTOMATIC if automatic else ""
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}{ending}"
    temporary = directory / f".{name}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
            _add_databases(tar, data)
            _add_files(tar, data, files)
        target = directory / f"{name}{SUFFIX}"
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    return _info(target)


def _add_databases(tar: tarfile.TarFile, data: Path) -> None:
    for path in _walk(data):
        if path.suffix == ".sqlite":
            with tempfile.TemporaryDirectory(dir=data / "backups") as scratch:
                copy = Path(scratch) / path.name
                _copy_database(path, copy)
                tar.add(copy, arcname=str(path.relative_to(data)))


def _copy_database(source: Path, target: Path) -> None:
    # One statement is one snapshot: a backup in steps would begin again with every write of somebody else.
    reading = apsw.Connection(str(source))
    try:
        reading.set_busy_timeout(30_000)
        reading.execute("VACUUM INTO ?", (str(target),))
    finally:
        reading.close()


def _add_files(tar: tarfile.TarFile, data: Path, files: bool) -> None:
    for path in _walk(data):
        if not files and _is_kept_by_hash(path.relative_to(data).parts):
            continue
        if path.suffix != ".sqlite" and not path.name.endswith((".sqlite-wal", ".sqlite-shm")):
            try:
                tar.add(path, arcname=str(path.relative_to(data)), recursive=False)
            except FileNotFoundError:
                continue  # deleted meanwhile, which is as good as before


def _is_kept_by_hash(parts: tuple[str, ...]) -> bool:
    in_space = parts[2:] if parts[0] == "spaces" else ()
    return parts[0] == "deps" or in_space[:1] == ("objects",) or in_space[:2] == ("site", "objects")


def _walk(data: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(data):
        here = Path(folder)
        if here == data:
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
            files = [name for name in files if name not in _LEFT_OUT]
        for name in [*folders, *files]:
            path = here / name
            if path.is_symlink() or path.is_file() or path.is_dir():
                yield path


def list_backups(data: Path) -> list[BackupInfo]:
    """The archives in ``data/backups``, newest first."""
    found = sorted((data / "backups").glob(f"[!.]*{SUFFIX}"), reverse=True)
    return [_info(path) for path in found]


def _info(path: Path) -> BackupInfo:
    stat = path.stat()
    return BackupInfo(path.name.removesuffix(SUFFIX), path, stat.st_size, int(stat.st_mtime * 1000))


def prune_backups(data: Path, days: int) -> None:
    """Remove the automatic archives that are older than ``days``, and what killed processes have left behind."""
    now = time.time()
    for info in list_backups(data):
        if info.automatic and info.created_at < (now - days * 86400) * 1000:
            info.path.unlink(missing_ok=True)
    for path in (data / "backups").glob(".*"):
        if path.stat().st_mtime < now - 86400:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def database_bytes(data: Path) -> int:
    """The size of all databases."""
    return sum(path.stat().st_size for path in _walk(data) if path.suffix == ".sqlite")


def restore_backup(data: Path, archive: Path) -> Path:
    """Replace what is in ``data`` by the archive's content; where the replaced content was put.

    No server may be using ``data``. Raises ``tarfile.TarError`` or ``OSError`` when the archive cannot be read; ``data``
    is then as it was.
    """
    data.mkdir(parents=True, exist_ok=True)
    (data / "backups").mkdir(exist_ok=True)
    incoming = Path(tempfile.mkdtemp(prefix=".restore-", dir=data / "backups"))
    try:
        with tarfile.open(archive, mode="r:*") as tar:
            extract(tar, incoming)
        replaced = data / "backups" / f"replaced-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        _move_content(data, replaced)
        _move_content(incoming, data)
        _keep_by_hash(replaced, data)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    for private in ("secret.key", "admin.token", "server.sqlite"):
        if (data / private).exists():
            (data / private).chmod(0o600)
    return replaced


def _move_content(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.name not in _LEFT_OUT:
            path.rename(target / path.name)


def _keep_by_hash(replaced: Path, data: Path) -> None:
    """Give the restored data the files and packages that its archive left out."""
    for path in [replaced / "deps", *replaced.glob("spaces/*/objects"), *replaced.glob("spaces/*/site/objects")]:
        target = data / path.relative_to(replaced)
        if path.is_dir() and target.parent.is_dir() and not target.exists():
            shutil.copytree(path, target, symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)
