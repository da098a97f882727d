"""Installs one set of packages with the machine's own package client, and gets as far as it can when some do not install."""

from __future__ import annotations

import asyncio
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

    def __init__(self, node: Node, directory: Path, on_progress: Callable[[str], None]) -> None:
        self._node = node
        self._directory = directory
        self._on_progress = on_progress
        self._outcome = Outcome()

    async def install(self, packages: dict[str, str], lock: bytes | None) -> Outcome:
        """Install ``packages`` (name -> range) without those that cannot be had."""
        if not self._node.npm:
            reason = "there is no npm to install it with; install Node.js with npm / 没有找到 npm"
            return Outcome(dict.fromkeys(packages, reason), [], permanent=False)
        wanted = dict(packages)
        self._on_progress(f"installing {', '.join(f'{name}@{spec}' for name, spec in wanted.items())}")
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
        return self._outcome

    async def _try(self, wanted: dict[str, str], lock: bytes | None) -> str | None:
        """``None`` when everything was installed, else what the client said."""
        directory = self._directory
        manifest = {"name": "dependencies", "private": True, "dependencies": wanted}
        (directory / "package.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        locked = directory / "package-lock.json"
        if lock is not None:
            locked.write_bytes(lock)
        else:
            locked.unlink(missing_ok=True)
        code, output = await self._run("install", *_FLAGS, cwd=directory)
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
        code, output = await self._run("view", name, "versions", "--json", "--loglevel=error", cwd=self._directory)
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
        failing: dict[str, str] = {}
        for name, spec in wanted.items():
            if (reason := await self._resolve_alone(name, spec)) is not None:
                failing[name] = reason
        for name, reason in (failing or dict.fromkeys(wanted, problem)).items():
            self._leave_out(wanted, name, _first_line(reason))

    async def _resolve_alone(self, name: str, spec: str) -> str | None:
        directory = self._directory / ".alone"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        try:
            manifest = {"name": "alone", "private": True, "dependencies": {name: spec}}
            (directory / "package.json").write_bytes(orjson.dumps(manifest))
            code, output = await self._run("install", "--package-lock-only", *_FLAGS, cwd=directory)
            return None if code == 0 else output
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _leave_out(self, wanted: dict[str, str], name: str, reason: str) -> None:
        del wanted[name]
        self._outcome.missing[name] = reason
        if _UNREACHABLE.search(reason):
            self._outcome.permanent = False
        self._on_progress(f"{name} cannot be installed: {reason}")

    async def _run(self, *arguments: str, cwd: Path) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("YUNBOX_")}
        path = f"{self._node.program.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        process = await asyncio.create_subprocess_exec(
            *self._node.npm,
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
