"""Finds the cloud part of a mini-program project (specs: measured over public projects, their layouts differ a lot)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.projects.code import VALID_SPACE, Findings
from yunbox.projects.functions import find_functions, has_entry
from yunbox.projects.jsonc import read_object
from yunbox.projects.project import FunctionSource, Kind, Project
from yunbox.projects.rule_files import find_rules
from yunbox.projects.seeds import find_seeds

_CONFIGS = ("project.config.json", "cloudbaserc.json", "mini.project.json")
_FOLDERS = ("cloudfunctions", "cloudfunction", "cloudFunctions", "functions", "cloud", "serverless", "server")
_DEPTH = 3
_NOBODY = "touristappid"
"""What the developer tools write for a project without an app id."""
_LEFT_OUT = frozenset(("node_modules", "miniprogram_npm", "unpackage", "dist"))
_Found = tuple[Path | None, list[FunctionSource], list[Path]]
"""A folder of functions, they, and the folders in it that are none."""
_HANDLERS = re.compile(rb"module\.exports\s*=\s*(?:async\b|function\b|\(|\w+\s*=>)")


def find_project(directory: Path) -> Project:
    """The project in ``directory``: one with a project file, one with a folder of functions, a folder of functions, or a
    single function.

    Raises:
        InvalidRequest: when nothing of the kind is there; the message says what was looked for.
    """
    root = directory.resolve()
    if not root.is_dir():
        raise InvalidRequest(f"{directory} is not a directory / {directory} 不是目录")
    notes: list[str] = []
    configs = _read_configs(root, notes)
    findings = Findings(root)
    functions_root, functions, skipped = _functions(root, configs, contexts_first=findings.speaks_mpserverless)
    if functions_root is None and not configs:
        raise InvalidRequest(
            f"{directory} is no mini-program project: no project.config.json, cloudbaserc.json or mini.project.json, and "
            f"no functions in {', '.join(_FOLDERS[:4])} or in the directory itself / 未找到小程序项目或云函数目录"
        )
    return Project(
        root=root,
        kind=_kind(root, findings, functions),
        space_id=_space_id(root, configs, findings),
        functions_root=functions_root,
        functions=tuple(functions),
        skipped=tuple(skipped),
        app_id=_app_id(configs),
        client_secret=findings.client_secret,
        collections=tuple(sorted(findings.collections)),
        rules=find_rules(root, notes),
        seeds=find_seeds(list(_folders(root, _DEPTH))),
        notes=tuple(notes),
    )


# Project files


def _read_configs(root: Path, notes: list[str]) -> dict[Path, dict[str, Any]]:
    """Project files by path, the outermost first."""
    found: dict[Path, dict[str, Any]] = {}
    for folder in _folders(root, _DEPTH):
        for name in _CONFIGS:
            path = folder / name
            if path.is_file():
                try:
                    found[path] = read_object(path)
                except InvalidRequest as error:
                    notes.append(error.message)
                    found[path] = {}
    return found


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """``root`` and the folders below it, breadth first."""
    level = [root]
    for _ in range(depth):
        yield from level
        level = [child for folder in level for child in _children(folder)]


def _children(folder: Path) -> list[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        Path(entry.path)
        for entry in entries
        if entry.is_dir(follow_symlinks=False) and entry.name not in _LEFT_OUT and not entry.name.startswith(".")
    ]


def _app_id(configs: Mapping[Path, Mapping[str, Any]]) -> str:
    for content in configs.values():
        app_id = content.get("appid")
        if isinstance(app_id, str) and re.fullmatch(r"[\w-]{6,64}", app_id) and app_id != _NOBODY:
            return app_id
    return ""


# Functions


def _functions(root: Path, configs: Mapping[Path, Mapping[str, Any]], *, contexts_first: bool) -> _Found:
    """The functions of the surest place that has any; with ``contexts_first`` of the one with most ``(ctx)`` functions:
    projects that changed clouds keep the folders of each.
    """
    settings = _settings(configs)
    empty: _Found = (None, [], [])
    filled: list[_Found] = []
    for candidate in _candidates(root, configs):
        if not candidate.is_dir() or (candidate == root and (filled or empty[0] is not None)):
            continue
        found, skipped = find_functions(candidate, None, settings)
        if found:
            filled.append((candidate, found, skipped))
            if not contexts_first:
                break
        elif empty[0] is None and candidate != root:
            empty = (candidate, [], skipped)
    return max(filled, key=_count_contexts, default=empty) if contexts_first else (filled or [empty])[0]


def _count_contexts(found: _Found) -> int:
    return sum(_is_context_handler(source.directory) for source in found[1])


def _candidates(root: Path, configs: Mapping[Path, Mapping[str, Any]]) -> Iterator[Path]:
    """Where functions may be, the surest place first."""
    for path, content in configs.items():
        for key in ("cloudfunctionRoot", "functionRoot", "cloudfunctionroot"):
            value = content.get(key)
            if isinstance(value, str) and value.strip():
                yield _inside(root, path.parent, value.strip())
    if has_entry(root) and not configs and not any((root / name).is_dir() for name in _FOLDERS):
        yield root
    for folder in _folders(root, _DEPTH):
        for name in _FOLDERS:
            yield folder / name
            # The developer tools show the chosen environment behind a bar, and some projects keep a folder so named.
            yield from sorted(folder.glob(f"{name}[|]*"))
    for folder in _folders(root, _DEPTH):
        yield from (child for child in _children(folder) if "function" in child.name.lower())
    if not configs:
        yield root


def _inside(root: Path, folder: Path, value: str) -> Path:
    """The folder a project file names; a ``|env`` behind it, or a wrong case, is forgiven."""
    relative = value.replace("\\", "/").lstrip("/")
    for text in (relative, relative.partition("|")[0].rstrip("/")):
        path = (folder / text).resolve()
        if path.is_dir() and path != root:
            return path
        for child in _children(path.parent):
            if child.name.lower() == path.name.lower():
                return child
    return folder / relative


def _settings(configs: Mapping[Path, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What ``cloudbaserc.json`` says of each function."""
    found: dict[str, dict[str, Any]] = {}
    for content in configs.values():
        functions = content.get("functions")
        if isinstance(functions, Mapping):
            functions = [{"name": name, **value} for name, value in functions.items() if isinstance(value, Mapping)]
        for entry in functions if isinstance(functions, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                nested = entry.get("config")
                values = {**(nested if isinstance(nested, Mapping) else {}), **entry}
                found.setdefault(str(entry["name"]), _without_placeholders(values))
    return found


def _without_placeholders(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{{env.X}}`` is filled in by the vendor's tool from the shell; here such a value counts as not given."""
    return {
        key: _without_placeholders(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not (isinstance(value, str) and "{{" in value)
    }


# Kind and space


def _kind(root: Path, findings: Findings, functions: list[FunctionSource]) -> Kind:
    if findings.speaks_mpserverless or _only_context_handlers(functions):
        return "mpserverless"
    if (root / "project.config.json").is_file() or findings.environments or _has_client(root):
        return "wechat"
    return "functions"


def _only_context_handlers(functions: list[FunctionSource]) -> bool:
    """Whether every function is ``module.exports = async (ctx) => …``."""
    return bool(functions) and all(_is_context_handler(source.directory) for source in functions)


def _is_context_handler(directory: Path) -> bool:
    try:
        return bool(_HANDLERS.search((directory / "index.js").read_bytes()))
    except OSError:
        return False


def _has_client(root: Path) -> bool:
    return any((folder / "project.config.json").is_file() for folder in _folders(root, _DEPTH))


def _space_id(root: Path, configs: Mapping[Path, Mapping[str, Any]], findings: Findings) -> str:
    for content in configs.values():
        for key in ("envId", "envid", "env"):
            value = content.get(key)
            if isinstance(value, str) and VALID_SPACE.fullmatch(value):
                return value
    return findings.space_id or name_of(root)


def name_of(root: Path) -> str:
    """A space id made of a directory's name; what cannot be written in one is told apart by a digest."""
    slug = re.sub(r"[^a-z0-9_-]+", "-", root.name.lower()).strip("-_")[:48]
    if slug == root.name.lower():
        return slug
    digest = hashlib.sha256(root.name.encode()).hexdigest()[:6]
    return f"{slug}-{digest}" if slug else f"app-{digest}"
