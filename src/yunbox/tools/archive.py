"""Unpacking archives that others made, without letting them write anywhere else.

Python's own filter is not used because the first releases of 3.11, which distributions still ship, do not have it.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path


class UnsafeArchive(tarfile.TarError):
    """A member would leave the directory, or is no file, directory or link."""


def extract(tar: tarfile.TarFile, target: Path) -> None:
    """Unpack files, directories and relative links that stay inside ``target``.

    Raises:
        UnsafeArchive: for a member that would leave it or is a device; what came before stays.
    """
    root = target.resolve()
    for member in tar:
        place = _inside(root, root / member.name, member)
        if place == root:
            continue
        if not place.parent.resolve().is_relative_to(root):
            raise UnsafeArchive(f"`{member.name}` lies behind a link that leaves the directory")
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
        _write(tar, member, root, place)


def _inside(root: Path, path: Path, member: tarfile.TarInfo) -> Path:
    place = Path(os.path.normpath(path))
    if not place.is_relative_to(root):
        raise UnsafeArchive(f"`{member.name}` leaves the directory")
    return place


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, place: Path) -> None:
    if member.issym():
        if os.path.isabs(member.linkname):
            raise UnsafeArchive(f"`{member.name}` is a link to {member.linkname}")
        _inside(root, place.parent / member.linkname, member)
        place.symlink_to(member.linkname)
    elif member.islnk():
        shutil.copyfile(_inside(root, root / member.linkname, member).resolve(strict=True), place)
    elif member.isfile():
        source = tar.extractfile(member)
        assert source is not None
        with source, place.open("wb") as file:
            shutil.copyfileobj(source, file)
        place.chmod(member.mode & 0o755 | 0o600)
    else:
        raise UnsafeArchive(f"`{member.name}` is no file, directory or link")
