"""A function's directory as an archive to upload."""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_LEFT_OUT = frozenset((".git", ".svn", ".DS_Store", ".yunbox"))


@contextlib.contextmanager
def pack(directory: Path) -> Iterator[IO[bytes]]:
    """The files of ``directory`` as a gzipped tar, open for reading from its start.

    Links that stay inside are kept as links (packages link to each other); others become what they point to.
    """
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
            _add(tar, directory.resolve(), directory.resolve())
        file.seek(0)
        yield file


def _add(tar: tarfile.TarFile, root: Path, folder: Path) -> None:
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        if entry.name in _LEFT_OUT:
            continue
        path = Path(entry.path)
        name = str(path.relative_to(root))
        if entry.is_symlink():
            _add_link(tar, root, path, name)
        elif entry.is_dir():
            tar.add(path, arcname=name, recursive=False)
            _add(tar, root, path)
        elif entry.is_file():
            tar.add(path, arcname=name, recursive=False)


def _add_link(tar: tarfile.TarFile, root: Path, path: Path, name: str) -> None:
    target = path.resolve()
    if not target.exists():
        return
    if target.is_relative_to(root) and not os.path.isabs(os.readlink(path)):
        tar.add(path, arcname=name, recursive=False)
    elif target.is_file():
        tar.add(target, arcname=name, recursive=False)
    else:
        for folder, _, files in os.walk(target):
            for file in files:
                inner = Path(folder, file)
                tar.add(inner, arcname=f"{name}/{inner.relative_to(target)}", recursive=False)
