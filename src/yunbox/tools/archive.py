"""Unpacking archives that others made, without letting them write anywhere else.

Python's own filter is not used because the first releases of 3.11, which distributions still ship, do not have it.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_UNPACKED = 500 * 2**20
MAX_ENTRIES = 50_000


class UnsafeArchive(tarfile.TarError):
    """A member would leave the directory, or is no file, directory or link."""


def extract(tar: tarfile.TarFile, target: Path) -> None:
    """Unpack files, directories and relative links that stay inside ``target``.

    Raises:
        UnsafeArchive: for a member that would leave it or is a device; what came before stays.
    """
    root = target.resolve()
    links: list[Path] = []
    for member in tar:
        named = _inside(root, root / member.name, member)
        if named == root:
            continue
        # Where it really comes to lie: links that came before change what `..` in the next one means.
        place = _inside(root, named.parent.resolve() / named.name, member)
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
        _write(tar, member, root, place)
        if member.issym():
            _check_link(root, place)
            links.append(place)
    for link in links:
        # What came after it may be on its way.
        _check_link(root, link)


def _check_link(root: Path, link: Path) -> None:
    """See where a link really leads; one that leads outside is taken away."""
    if link.is_symlink() and not Path(os.path.realpath(link)).is_relative_to(root):
        link.unlink()
        raise UnsafeArchive(f"the link `{link.relative_to(root)}` leaves the directory")


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
        linked = _inside(root, root / member.linkname, member).resolve(strict=True)
        shutil.copyfile(_inside(root, linked, member), place)
    elif member.isfile():
        source = tar.extractfile(member)
        assert source is not None
        with source, place.open("wb") as file:
            shutil.copyfileobj(source, file)
        place.chmod(member.mode & 0o755 | 0o600)
    else:
        raise UnsafeArchive(f"`{member.name}` is no file, directory or link")


def extract_zip(packed: bytes, target: Path) -> None:
    """Unpack the files and directories of a zip into ``target``.

    Raises:
        UnsafeArchive: when it is no zip, too large, or holds a link or a name outside of ``target``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            _check_zip(entries)
            for entry in entries:
                _extract_entry(archive, entry, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UnsafeArchive(f"the package cannot be unpacked: {error}") from None


def _check_zip(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise UnsafeArchive(f"the package is larger than {MAX_UNPACKED} bytes or {MAX_ENTRIES} files")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise UnsafeArchive(f"the package names a file outside of itself: {entry.filename!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnsafeArchive(f"the package contains a symbolic link: {entry.filename!r}")


def _extract_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename.replace("\\", "/")
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("wb") as file:
        # The declared sizes were checked above; a lying entry ends with a CRC or length error before it gets larger.
        while chunk := source.read(2**20):
            file.write(chunk)
