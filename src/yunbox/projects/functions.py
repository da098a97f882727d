"""Which directories are functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.projects.jsonc import read_object
from yunbox.projects.project import FunctionSource

_ENTRIES = ("index.js", "index.cjs", "index.mjs", "index.py")
_SUFFIXES = (".js", ".cjs", ".mjs", ".py")
_LEFT_OUT = frozenset(("node_modules", "miniprogram_npm", "__pycache__"))


def has_entry(directory: Path, handler: str | None = None) -> bool:
    """Whether a directory is one function: it has an entry file (DESIGN §6)."""
    if any((directory / name).is_file() for name in _ENTRIES):
        return True
    if handler and "." in handler:
        stem = handler.rpartition(".")[0]
        if any((directory / f"{stem}{suffix}").is_file() for suffix in _SUFFIXES):
            return True
    main = _main(directory)
    return bool(main) and any((directory / name).is_file() for name in (main, f"{main}.js", f"{main}/index.js"))


def _main(directory: Path) -> str:
    try:
        main = read_object(directory / "package.json").get("main")
    except (OSError, InvalidRequest):
        return ""
    return main if isinstance(main, str) else ""


def why_skipped(directory: Path) -> str:
    """Why a directory among the functions is none, for the person who thought it was one."""
    if any(directory.glob("*.ts")):
        return "has only TypeScript; compile it to index.js / 只有 TypeScript，请先编译出 index.js"
    if (directory / "package.json").is_file():
        return "has a package.json but no index.js, and no file that its `main` names / 有 package.json，但没有入口文件"
    return "no entry file, passed over / 没有入口文件，已跳过"


def find_functions(
    directory: Path, name: str | None = None, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[list[FunctionSource], list[Path]]:
    """The functions in ``directory``, which is one itself or a folder of them, and the folders that are none.

    ``name`` names the function when ``directory`` is one. ``settings`` are a project file's, by function name.

    Raises:
        InvalidRequest: when ``name`` is given and ``directory`` holds several functions.
    """
    known = settings or {}
    directory = directory.resolve()
    if has_entry(directory, _handler(known.get(name or directory.name))):
        chosen = name or directory.name
        return [FunctionSource(chosen, directory, known.get(chosen, {}))], []
    if name is not None:
        child = directory / name
        if child.is_dir():
            return find_functions(child, name, settings)
        raise InvalidRequest(f"{directory} is a folder of functions and has no `{name}` / 目录下没有云函数 `{name}`")
    return _children(directory, known)


def _children(directory: Path, known: Mapping[str, Mapping[str, Any]]) -> tuple[list[FunctionSource], list[Path]]:
    found: list[FunctionSource] = []
    skipped: list[Path] = []
    for child in sorted(directory.iterdir()):
        if not child.is_dir() or child.name.startswith(".") or child.name in _LEFT_OUT:
            continue
        own = known.get(child.name, {})
        if has_entry(child, _handler(own)):
            found.append(FunctionSource(child.name, child, own))
        else:
            skipped.append(child)
    return found, skipped


def _handler(settings: Mapping[str, Any] | None) -> str | None:
    handler = (settings or {}).get("handler")
    return handler if isinstance(handler, str) else None
