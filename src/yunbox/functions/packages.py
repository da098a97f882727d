"""npm packages of functions: immutable trees under ``DATA/deps/<hash>``, shared by equal sets of dependencies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from yunbox.functions.configuration import plain_json
from yunbox.functions.npm import Installer, Outcome
from yunbox.functions.runners.node import Node

Progress = Callable[[str], None]

KEPT_UNUSED = 7 * 86400.0
"""Seconds for which a tree that no deployment uses any more waits for one that wants the same packages."""
INSTALLING = 3600.0
"""Seconds after which an installation that has not ended is broken."""

_BUILTIN = frozenset({
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "dns", "events",
    "fs", "http", "http2", "https", "module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring",
    "readline", "repl", "stream", "string_decoder", "timers", "tls", "tty", "url", "util", "v8", "vm", "worker_threads", "zlib",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a function declares: package -> range, its lock file, and ``main``."""

    packages: Mapping[str, str] = field(default_factory=dict)
    lock: bytes | None = None
    main: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """``tree`` is a ``node_modules`` directory, ``None`` when nothing is needed; ``missing`` maps package -> why not."""

    tree: Path | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_requirements(directory: Path) -> Requirements:
    """What ``directory/package.json`` declares; a file that cannot be read counts as none, with a warning."""
    try:
        text = (directory / "package.json").read_text(encoding="utf-8-sig")
        content = orjson.loads(plain_json(text) or "{}")
    except FileNotFoundError:
        return Requirements()
    except (UnicodeDecodeError, orjson.JSONDecodeError) as error:
        return Requirements(warnings=(f"package.json is not valid JSON, so no packages are installed: {error}",))
    if not isinstance(content, dict):
        return Requirements()
    declared = {**_mapping(content.get("optionalDependencies")), **_mapping(content.get("dependencies"))}
    packages = {name: _locate(spec, directory) for name, spec in declared.items() if name not in _BUILTIN}
    main = content.get("main")
    return Requirements(packages, _lock(directory), main if isinstance(main, str) else None)


def _mapping(value: Any) -> dict[str, str]:
    return {str(name): str(spec) for name, spec in value.items()} if isinstance(value, dict) else {}


def _locate(spec: str, directory: Path) -> str:
    """A package in a folder beside the function is named by its absolute path, so that it is found from elsewhere."""
    for prefix in ("file:", "link:"):
        if spec.startswith(prefix):
            return f"file:{(directory / spec.removeprefix(prefix)).resolve()}"
    return spec


def _lock(directory: Path) -> bytes | None:
    try:
        return (directory / "package-lock.json").read_bytes()
    except FileNotFoundError:
        return None


class PackageStore:
    """The trees in one directory, which several servers may share."""

    def __init__(self, data: Path, node: Node) -> None:
        self._directory = data / "deps"
        self._store = data / "packages"
        self._node = node
        self._locks: dict[str, asyncio.Lock] = {}
        # Installing is bound by the processor: more at once is slower.
        self._turn = asyncio.Semaphore(2)

    async def install(self, requirements: Requirements, on_progress: Progress) -> Installed:
        """The tree for these packages, from the store or installed now. Never raises for a package's sake."""
        if not requirements.packages:
            return Installed()
        key = self._key(requirements)
        place = self._directory / key
        async with self._locks.setdefault(key, asyncio.Lock()):
            if not (place / "yunbox.json").exists():
                async with self._turn:
                    place = await self._build(requirements, place, on_progress)
        outcome = orjson.loads((place / "yunbox.json").read_bytes())
        os.utime(place / "yunbox.json")
        tree = place / "node_modules"
        return Installed(tree if tree.is_dir() else None, outcome["missing"], tuple(outcome["warnings"]))

    def discard_unused(self, used: Collection[Path]) -> list[Path]:
        """Take away the trees outside ``used`` that nothing has asked for in a week, and what broken installations left.

        Returns where they lie now, to be deleted at leisure: under their names nothing finds them any more. Call before
        the first `install`.
        """
        if not self._directory.is_dir():
            return []
        kept = {path.name for tree in used for path in (tree, *tree.parents) if path.parent == self._directory}
        limit = time.time() - KEPT_UNUSED
        return [
            _set_aside(place)
            for place in self._directory.iterdir()
            if place.name not in kept and _last_used(place) < limit
        ]

    async def _build(self, requirements: Requirements, place: Path, on_progress: Progress) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        temporary = self._directory / f"tmp-{secrets.token_hex(6)}"
        temporary.mkdir()
        try:
            installer = Installer(self._node, temporary, self._store, on_progress)
            outcome = await installer.install(dict(requirements.packages), requirements.lock)
            if outcome.missing and not outcome.permanent:
                # Perhaps the registry cannot be reached: the next deployment tries again.
                place = self._directory / f"partial-{secrets.token_hex(6)}"
            _record(temporary, requirements, outcome)
            await asyncio.to_thread(_publish, temporary, place)
            return place
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, temporary, True)
            raise

    def _key(self, requirements: Requirements) -> str:
        identity = {
            "packages": dict(requirements.packages),
            "lock": _lock_identity(requirements.lock),
            "local": {name: _content(spec) for name, spec in requirements.packages.items() if spec.startswith("file:")},
            "node": self._node.major,
            "platform": f"{platform.system()}-{platform.machine()}",
        }
        return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _publish(temporary: Path, place: Path) -> None:
    """Put a finished tree in its place, unless another process has done so meanwhile."""
    try:
        os.rename(temporary, place)
    except OSError:
        if not (place / "yunbox.json").exists():
            raise
        shutil.rmtree(temporary, ignore_errors=True)


def _set_aside(place: Path) -> Path:
    aside = place.with_name(f"tmp-{secrets.token_hex(6)}")
    place.rename(aside)
    return aside


def _last_used(place: Path) -> float:
    """When a deployment last asked for the tree. One that was not finished counts for an hour: another server may be at it."""
    try:
        return (place / "yunbox.json").stat().st_mtime
    except FileNotFoundError:
        return place.stat().st_mtime - KEPT_UNUSED + INSTALLING


def _record(directory: Path, requirements: Requirements, outcome: Outcome) -> None:
    record = {"packages": requirements.packages, "missing": outcome.missing, "warnings": outcome.warnings}
    (directory / "yunbox.json").write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))


def _lock_identity(lock: bytes | None) -> Any:
    """The part of a lock file that decides what is installed; the function's own name does not."""
    if lock is None:
        return None
    try:
        content = orjson.loads(lock)
    except orjson.JSONDecodeError:
        return None
    packages = content.get("packages") or content.get("dependencies") or {}
    return {name: item.get("version") for name, item in packages.items() if name and isinstance(item, dict)}


def _content(spec: str) -> str:
    digest = hashlib.sha256()
    root = Path(spec.removeprefix("file:"))
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_file() and "node_modules" not in path.parts:
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
