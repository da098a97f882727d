"""Turns a directory of code into a deployment: copies it, sees to its packages."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import time
from pathlib import Path

from yunbox.errors import InvalidRequest
from yunbox.functions.function import Deployment, FunctionSettings
from yunbox.functions.packages import Installed, PackageStore, Progress, Requirements, read_requirements

ENTRY_FILES = ("index.js", "index.cjs", "index.mjs")
FALLBACK = {"wx-server-sdk": "~2.6.3"}
"""What a function that uses it without declaring it gets; the range the vendor's own templates declare."""

_USES_SDK = re.compile(rb"""['"]wx-server-sdk['"]""")
_SOURCE = (".js", ".cjs", ".mjs")


class Deployer:
    """Makes deployments under DATA."""

    def __init__(self, data: Path, packages: PackageStore) -> None:
        self._data = data
        self._packages = packages

    async def deploy(
        self,
        space: str,
        name: str,
        version: int,
        source: Path,
        target: Path,
        settings: FunctionSettings,
        in_place: bool,
        on_progress: Progress,
    ) -> Deployment:
        """Copy ``source`` to ``target`` (not ``in_place``) and install what it needs.

        Raises:
            InvalidRequest: when ``source`` holds no function.
        """
        check_entry(source, settings.handler)
        directory = source if in_place else target
        if not in_place:
            await asyncio.to_thread(_copy, source, target)
        requirements = await asyncio.to_thread(read_requirements, source)
        committed = (directory / "node_modules").resolve()
        installed = Installed()
        if _lacks(committed, requirements):
            installed = await self._packages.install(requirements, on_progress)
        tree = committed if committed.is_dir() else installed.tree
        # Packages that a committed node_modules lacks are found behind it.
        fallback = installed.tree if committed.is_dir() else None
        warnings = [*requirements.warnings, *installed.warnings]
        if fallback is None and await asyncio.to_thread(_wants_sdk, directory, tree):
            extra = await self._packages.install(Requirements(FALLBACK), on_progress)
            fallback = extra.tree
            warnings += extra.warnings
        if tree is not None and not in_place and tree != committed:
            os.symlink(os.path.relpath(tree, directory), directory / "node_modules", target_is_directory=True)
        return Deployment(
            space=space,
            function=name,
            version=version,
            created_at=int(time.time() * 1000),
            directory=directory,
            in_place=in_place,
            tree=tree,
            fallback=fallback,
            settings=settings,
            missing=installed.missing,
            warnings=tuple(warnings),
        )


def check_entry(directory: Path, handler: str | None = None) -> None:
    """See that ``directory`` is a function.

    Raises:
        InvalidRequest: when it is not; the message says what is looked for.
    """
    if not directory.is_dir():
        raise InvalidRequest(f"{directory} is not a directory")
    if not is_function(directory, handler):
        raise InvalidRequest(
            f"{directory} has neither index.js nor a package.json whose `main` exists / 没有 index.js，也没有可用的 package.json main"
        )


def is_function(directory: Path, handler: str | None = None) -> bool:
    """Whether ``directory`` has an entry file (DESIGN §6)."""
    names = [*ENTRY_FILES]
    if handler and "." in handler:
        stem = handler.rpartition(".")[0]
        names += [stem + suffix for suffix in _SOURCE]
    main = read_requirements(directory).main if (directory / "package.json").is_file() else None
    if main:
        names += [main, f"{main}.js", f"{main}/index.js"]
    return any((directory / name).is_file() for name in names)


def _lacks(committed: Path, requirements: Requirements) -> bool:
    return any(not (committed / package).exists() for package in requirements.packages)


def _wants_sdk(directory: Path, tree: Path | None) -> bool:
    if tree is not None and (tree / "wx-server-sdk").exists():
        return False
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if name != "node_modules" and not name.startswith(".")]
        for file in files:
            if file.endswith(_SOURCE) and _USES_SDK.search(Path(folder, file).read_bytes()):
                return True
    return False


def _copy(source: Path, target: Path) -> None:
    """A copy that appears complete or not at all. Links are followed, except among packages, which link to each other."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        shutil.copytree(
            source,
            temporary,
            symlinks=False,
            ignore_dangling_symlinks=True,
            ignore=lambda folder, names: [name for name in names if _left_out(folder, name, str(source))],
        )
        packages = source / "node_modules"
        if packages.is_dir():
            shutil.copytree(packages, temporary / "node_modules", symlinks=True)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _left_out(folder: str, name: str, source: str) -> bool:
    return name in (".git", ".svn", ".yunbox") or (name == "node_modules" and folder == source)
