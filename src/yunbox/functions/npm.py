"""Installs one set of packages with the machine's own package client, and gets as far as it can when some do not install."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from yunbox.functions.runners.node import Node

TIME = 600.0
"""Seconds for one run of the package client."""

_FLAGS = (
    "--ignore-scripts", "--omit=dev", "--legacy-peer-deps", "--prefer-offline", "--install-links", "--no-audit", "--no-fund",
    "--no-progress", "--no-update-notifier", "--workspaces=false", "--omit-lockfile-registry-resolved", "--loglevel=error",
    "--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000", "--fetch-timeout=60000",
)  # fmt: skip

_PNPM_FLAGS = (
    "--prod", "--ignore-scripts", "--prefer-offline", "--ignore-workspace", "--reporter=silent", "--config.node-linker=hoisted",
    "--config.auto-install-peers=false", "--config.strict-peer-dependencies=false", "--config.fetch-retries=1",
)  # fmt: skip

_NO_VERSION = re.compile(r"No matching version found for (@?[^@\s]+)@")
_NOT_THERE = re.compile(
    r"404\s+(?:The requested resource )?'?(@?[^@'\s]+)@[^'\s]*'?.*(?:not in this registry|could not be found|is not in)"
)
_NOT_THERE_URL = re.compile(
    r"404 Not Found - GET \S+/((?:@[^/\s]+(?:%2f|/))?[^/\s]+?)(?:/-/\S+)?(?: |$)", re.IGNORECASE
)
_UNREACHABLE = re.compile(
    r"\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b"
)
_VERSION = re.compile(r"(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?")


@dataclass(slots=True)
class Outcome:
    """What came of an installation. ``permanent``: another try later would end the same."""

    missing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    permanent: bool = True


class Installer:
    """One installation into one directory."""

    def __init__(self, node: Node, directory: Path, store: Path, on_progress: Callable[[str], None]) -> None:
        self._node = node
        self._directory = directory
        self._store = store
        self._on_progress = on_progress
        self._outcome = Outcome()
        self._probes = asyncio.Semaphore(2)

    async def install(self, packages: dict[str, str], lock: bytes | None) -> Outcome:
        """Install ``packages`` (name -> range) without those that cannot be had."""
        if not self._node.npm:
            reason = "there is no npm to install it with; install Node.js with npm / 没有找到 npm"
            return Outcome(dict.fromkeys(packages, reason), [], permanent=False)
        wanted = dict(packages)
        self._on_progress(f"installing {', '.join(f'{name}@{spec}' for name, spec in wanted.items())}")
        if await self._try_pnpm(wanted, lock):
            return self._outcome
        for _ in range(2 * len(packages) + 3):
            if not wanted:
                break
            problem = await self._try(wanted, lock)
            if problem is None:
                break
            if lock is not None:
                lock = None
                self._outcome.warnings.append("package-lock.json could not be followed; versions were chosen anew")
                continue
            await self._repair(wanted, problem)
        _remove(self._directory / ".alone")
        return self._outcome

    async def _try_pnpm(self, wanted: dict[str, str], lock: bytes | None) -> bool:
        """pnpm is several times faster when its store has the packages; whatever it cannot do is left to npm."""
        pnpm = shutil.which("pnpm")
        if pnpm is None or lock is not None or any(spec.startswith("file:") for spec in wanted.values()):
            return False
        self._write_manifest(wanted)
        code, _ = await self._run(
            (pnpm,), "install", *_PNPM_FLAGS, "--store-dir", str(self._store), cwd=self._directory
        )
        if code != 0:
            for name in ("node_modules", "pnpm-lock.yaml"):
                _remove(self._directory / name)
        return code == 0

    def _write_manifest(self, wanted: dict[str, str]) -> None:
        manifest = {"name": "dependencies", "private": True, "dependencies": wanted}
        (self._directory / "package.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))

    async def _try(self, wanted: dict[str, str], lock: bytes | None) -> str | None:
        """``None`` when everything was installed, else what the client said."""
        directory = self._directory
        self._write_manifest(wanted)
        locked = directory / "package-lock.json"
        if lock is not None:
            locked.write_bytes(lock)
        else:
            locked.unlink(missing_ok=True)
        code, output = await self._run(self._node.npm, "install", *_FLAGS, cwd=directory)
        return None if code == 0 else output

    async def _repair(self, wanted: dict[str, str], problem: str) -> None:
        """Change or leave out at least one package, so that the next try gets further."""
        if (match := _NO_VERSION.search(problem)) and match[1] in wanted:
            await self._nearest(wanted, match[1])
        elif (name := _not_there(problem)) in wanted:
            assert name is not None
            self._leave_out(wanted, name, "the package is not in the registry / 源上没有这个包")
        else:
            await self._single_out(wanted, problem)

    async def _nearest(self, wanted: dict[str, str], name: str) -> None:
        code, output = await self._run(
            self._node.npm, "view", name, "versions", "--json", "--loglevel=error", cwd=self._directory
        )
        version = nearest_version(wanted[name], _versions(output)) if code == 0 else None
        if version is None or version == wanted[name]:
            self._leave_out(wanted, name, f"no published version matches {wanted[name]}")
            return
        self._outcome.warnings.append(
            f"{name}@{wanted[name]} was never published or is gone; {version} is used instead"
        )
        self._on_progress(self._outcome.warnings[-1])
        wanted[name] = version

    async def _single_out(self, wanted: dict[str, str], problem: str) -> None:
        """Find which packages fail by resolving each alone; when none does, their combination fails: give up on all."""
        if len(wanted) == 1:
            reasons: dict[str, str] = dict.fromkeys(wanted, problem)
        else:
            names = list(wanted)
            results = await asyncio.gather(*(self._resolve_alone(name, wanted[name]) for name in names))
            reasons = {name: reason for name, reason in zip(names, results, strict=True) if reason is not None}
        for name, reason in (reasons or dict.fromkeys(wanted, problem)).items():
            self._leave_out(wanted, name, _first_line(reason))

    async def _resolve_alone(self, name: str, spec: str) -> str | None:
        directory = self._directory / ".alone" / hashlib.sha256(name.encode()).hexdigest()[:12]
        directory.mkdir(parents=True, exist_ok=True)
        try:
            manifest = {"name": "alone", "private": True, "dependencies": {name: spec}}
            (directory / "package.json").write_bytes(orjson.dumps(manifest))
            async with self._probes:
                flags = (*_FLAGS, "--fetch-retries=0")
                code, output = await self._run(self._node.npm, "install", "--package-lock-only", *flags, cwd=directory)
            return None if code == 0 else output
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _leave_out(self, wanted: dict[str, str], name: str, reason: str) -> None:
        del wanted[name]
        self._outcome.missing[name] = reason
        if _UNREACHABLE.search(reason):
            self._outcome.permanent = False
        self._on_progress(f"{name} cannot be installed: {reason}")

    async def _run(self, program: tuple[str, ...], *arguments: str, cwd: Path) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("YUNBOX_")}
        path = f"{self._node.program.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        process = await asyncio.create_subprocess_exec(
            *program,
            *arguments,
            cwd=cwd,
            env={**environment, "PATH": path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), TIME)
        except TimeoutError:
            process.kill()
            await process.wait()
            return 1, f"ETIMEDOUT: the package client took longer than {TIME:g} seconds"
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, output.decode(errors="replace")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _not_there(problem: str) -> str | None:
    match = _NOT_THERE.search(problem)
    if match is None:
        match = _NOT_THERE_URL.search(problem)
    return re.sub("%2f", "/", match[1], flags=re.IGNORECASE) if match else None


def _first_line(problem: str) -> str:
    """The sentence of the client's report that a person can use."""
    lines = [re.sub(r"^npm (ERR!|error)\s*", "", line).strip() for line in problem.splitlines()]
    useful = [line for line in lines if line and not line.startswith(("A complete log", "code ", "errno", "syscall"))]
    return (useful or ["the package client gave no reason"])[0][:300]


def _versions(output: str) -> list[str]:
    try:
        found = orjson.loads(output)
    except orjson.JSONDecodeError:
        return []
    return [found] if isinstance(found, str) else [item for item in found if isinstance(item, str)]


def nearest_version(spec: str, published: list[str]) -> str | None:
    """The published release closest to what ``spec`` asks for; a later minor version before an earlier one, because later
    ones keep what earlier ones had. ``None`` when there is none."""
    wanted = _numbers(spec)
    releases = [(numbers, text) for text in published if "-" not in text and (numbers := _numbers(text))]
    if wanted is None or not releases:
        return None

    def distance(item: tuple[tuple[int, int, int], str]) -> tuple[int, ...]:
        major, minor, patch = (number - target for number, target in zip(item[0], wanted, strict=True))
        return abs(major), minor < 0, abs(minor), abs(patch), -patch

    return min(releases, key=distance)[1]


def _numbers(text: str) -> tuple[int, int, int] | None:
    match = _VERSION.search(text)
    if match is None:
        return None
    major, minor, patch = (int(part) if part and part.isdigit() else 0 for part in match.groups())
    return major, minor, patch
