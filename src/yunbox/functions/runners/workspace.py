"""Puts a deployment's files where one process, and only it, may read them."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

FEW = 200
"""Files up to which linking is quicker than handing the work to a thread."""


async def place_code(source: Path, target: Path, tree: Path | None, copy: bool) -> None:
    """Make ``target`` (an empty directory) look like ``source``, with ``tree`` as its ``node_modules``.

    Files are hard links unless ``copy`` is set or the file systems differ: a deployment never changes, a working copy does.
    """
    if copy or _fill(source, target, copy, FEW) > FEW:
        await asyncio.to_thread(_fill, source, target, copy)
    if tree is not None:
        os.symlink(tree, target / "node_modules", target_is_directory=True)


def _fill(source: Path, target: Path, copy: bool, limit: int | None = None) -> int:
    """Links or copies what is not there yet; stops beyond ``limit`` files. The number of files met."""
    count = 0
    pending = [(str(source), str(target))]
    while pending:
        from_directory, to_directory = pending.pop()
        for entry in os.scandir(from_directory):
            if entry.name in (".git", ".yunbox", "node_modules") and from_directory == str(source):
                continue
            destination = os.path.join(to_directory, entry.name)
            if entry.is_dir(follow_symlinks=not entry.is_symlink()):
                os.makedirs(destination, exist_ok=True)
                pending.append((entry.path, destination))
                continue
            count += 1
            if limit is not None and count > limit:
                return count
            _place(entry, destination, copy)
    return count


def _place(entry: os.DirEntry[str], destination: str, copy: bool) -> None:
    if os.path.lexists(destination):
        return
    if entry.is_symlink():
        if os.path.isdir(entry.path):
            shutil.copytree(entry.path, destination, symlinks=True)
        elif os.path.exists(entry.path):
            shutil.copyfile(entry.path, destination)
        return
    if not entry.is_file():
        return
    if not copy:
        try:
            os.link(entry.path, destination)
            return
        except OSError:
            # Another file system, or one without hard links.
            pass
    shutil.copyfile(entry.path, destination)
