"""Policies: one JSON rule per collection with the keys ``.read``, ``.write`` and ``*`` (semantics.md §8.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.documents.rules.rules import MODES, Grant, Rules
from yunbox.errors import InvalidRequest

EXTENDED = "EXTENDED"

PRESETS: dict[str, Rules] = {
    "PUBLICREAD": MODES["READONLY"],
    "PRIVATE": MODES["PRIVATE"],
    "ADMINWRITEONLY": MODES["ADMINWRITE"],
    "ADMINREADWRITEONLY": MODES["ADMINONLY"],
}
"""The preset policies by name."""

_OWNER_TEXT = "request.auth.userId==resource.auth.userId"
_OWNER = re.compile(
    r"\s*(?:request\.auth\.userId\s*===?\s*resource\.auth\.userId|resource\.auth\.userId\s*===?\s*request\.auth\.userId)\s*"
)
_SIGNED_IN = re.compile(r"\s*request\.auth\.userId\s*!==?\s*null\s*")
"""Holds for every caller: who has not signed in reaches no collection."""
_KEYS = (".read", ".write", "*")


def parse_policy(policy: str | Mapping[str, Any]) -> Rules:
    """The rules of a preset's name, of a policy's JSON text or of the policy itself.

    Raises:
        InvalidRequest: for an unknown preset, key or condition; the message names it.
    """
    if isinstance(policy, str):
        if policy.upper() in PRESETS:
            return PRESETS[policy.upper()]
        policy = _parse(policy)
    for key in policy:
        if key not in _KEYS:
            raise InvalidRequest(f"unknown policy key `{key}`; use .read, .write and *")
    read, write = _grant(policy, ".read"), _grant(policy, ".write")
    # Nobody owns a document before it exists, so the owner's right to write lets everybody create.
    return Rules(read=read, create="none" if write == "none" else "all", update=write, delete=write)


def policy_of(rules: Rules) -> tuple[str, dict[str, Any]]:
    """The name (``EXTENDED`` when it is no preset) and the policy that shows ``rules``."""
    name = next((name for name, preset in PRESETS.items() if preset == rules), EXTENDED)
    return name, {".read": _condition(rules.read), ".write": _condition(_write_grant(rules))}


def _parse(text: str) -> Mapping[str, Any]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        policy = None
    if not isinstance(policy, dict):
        raise InvalidRequest(f"`{text}` is no policy; use one of {', '.join(PRESETS)} or a JSON object")
    return policy


def _grant(policy: Mapping[str, Any], key: str) -> Grant:
    if key not in policy and "*" not in policy:
        raise InvalidRequest(f"the policy has no `{key}`; without `*` both .read and .write must be present")
    condition = policy.get(key, policy.get("*"))
    if isinstance(condition, bool):
        return "all" if condition else "none"
    if isinstance(condition, str) and condition.strip() in ("true", "false"):
        return "all" if condition.strip() == "true" else "none"
    if isinstance(condition, str) and _OWNER.fullmatch(condition):
        return "owner"
    if isinstance(condition, str) and _SIGNED_IN.fullmatch(condition):
        return "all"
    raise InvalidRequest(f"unknown condition {condition!r} of `{key}`; use true, false or {_OWNER_TEXT!r}")


def _condition(grant: Grant) -> bool | str:
    return _OWNER_TEXT if grant == "owner" else grant == "all"


def _write_grant(rules: Rules) -> Grant:
    """What the writing rights come to in a policy, which has one key for all of them: the narrowest."""
    grants = (rules.update, rules.delete, "none" if rules.create == "none" else "all")
    return "none" if "none" in grants else "owner" if "owner" in grants else "all"
