"""Rules of collections as projects keep them in YAML or JSON files.

Two forms are met in public projects and understood: a list of ``{collectionName, rules: {read, count, update, remove,
add}}`` whose conditions name the caller's id (``policies/*.yaml``, as the Laf command line writes them), and a mapping
from collections to policies (a preset's name or ``{".read", ".write", "*"}``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.projects.jsonc import plain_json, read_text

_FOLDERS = ("policies", "policy", "rules", "database/policies", "database/rules")
_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 1_000_000

_VERBS = {"read": "read", "add": "create", "update": "update", "remove": "delete"}
"""Our verb for each of a list entry's; ``count`` goes with ``read``."""

_ID = r"(?:\$?(?:openid|uid|userid|user_id)|auth\.(?:openid|uid))"
_FIELD = r"(?:query|doc|data)\._openid"
_SIGNED_IN = re.compile(rf"(?:!!)?{_ID}|{_ID}\s*!==?\s*null", re.IGNORECASE)
_OWNER = re.compile(rf"{_ID}\s*===?\s*{_FIELD}|{_FIELD}\s*===?\s*{_ID}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CollectionRules:
    """The rules of one collection in a notation of the management API: ``{"policy": …}`` or ``{"grants": {…}}``."""

    collection: str
    content: dict[str, Any]
    source: Path


def find_rules(root: Path, notes: list[str]) -> tuple[CollectionRules, ...]:
    """The rules in a project's rule files, one entry for each collection; of two files the later name wins.

    What is no rule file is passed over; one that looks like it and cannot be understood is told in ``notes``.
    """
    found: dict[str, CollectionRules] = {}
    for folder in _FOLDERS:
        for path in sorted((root / folder).glob("*")):
            if path.suffix.lower() in _SUFFIXES and path.is_file() and path.stat().st_size <= _LARGEST:
                try:
                    found.update((rules.collection, rules) for rules in read_rules(path))
                except InvalidRequest as error:
                    notes.append(error.message)
    return tuple(found.values())


def read_rules(path: Path) -> list[CollectionRules]:
    """The rules in one file.

    Raises:
        InvalidRequest: when it is no YAML or JSON, or a rule is not understood; the message names file and collection.
    """
    content = _load(path)
    if isinstance(content, list):
        entries = [entry for entry in content if isinstance(entry, Mapping) and _name(entry)]
        return [CollectionRules(_name(entry), _listed(path, entry), path) for entry in entries]
    if isinstance(content, Mapping):
        pairs = [(str(name), value) for name, value in content.items()]
        return [CollectionRules(name, {"policy": value}, path) for name, value in pairs if _is_policy(value)]
    return []


def _load(path: Path) -> Any:
    import yaml

    text = read_text(path)
    try:
        return yaml.safe_load(plain_json(text) if path.suffix.lower() == ".json" else text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise InvalidRequest(f"{path} cannot be read: {problem} / {path} 无法解析") from None


def _name(entry: Mapping[Any, Any]) -> str:
    name = entry.get("collectionName") or entry.get("collection")
    return name if isinstance(name, str) and isinstance(entry.get("rules"), Mapping) else ""


def _listed(path: Path, entry: Mapping[Any, Any]) -> dict[str, Any]:
    rules: Mapping[Any, Any] = entry["rules"]
    if set(rules) & {".read", ".write", "*"}:
        return {"policy": dict(rules)}
    place = f"{path}: {_name(entry)}"
    grants = {ours: _grant(place, theirs, rules.get(theirs, False)) for theirs, ours in _VERBS.items()}
    return {"grants": {**grants, "create": "none" if grants["create"] == "none" else "all"}}


def _grant(place: str, verb: str, condition: Any) -> str:
    if isinstance(condition, bool) or condition is None:
        return "all" if condition else "none"
    text = str(condition).strip().removesuffix(";")
    if _SIGNED_IN.fullmatch(text) or text == "true":
        return "all"
    if _OWNER.fullmatch(text):
        return "owner"
    if text == "false":
        return "none"
    raise InvalidRequest(
        f"{place}: the condition `{text}` of `{verb}` is not understood; use true, false, openid or"
        " `openid == query._openid` / 无法识别的权限条件"
    )


def _is_policy(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(key, str) and key in (".read", ".write", "*") for key in value)
    return isinstance(value, str) and value.upper() in _PRESETS


_PRESETS: Iterable[str] = frozenset(("PUBLICREAD", "PRIVATE", "ADMINWRITEONLY", "ADMINREADWRITEONLY"))
