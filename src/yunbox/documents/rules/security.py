"""Security rules: ``{"read": …, "write": …, "create": …, "update": …, "delete": …}`` (semantics.md §8.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from yunbox.documents.rules.rules import Grant, Rules
from yunbox.errors import InvalidRequest

_KEYS = ("read", "write", "create", "update", "delete")
_OWNER_TEXT = "doc._openid == auth.openid"
_OWNER = re.compile(r"doc\._openid\s*===?\s*auth\.(?:openid|uid)|auth\.(?:openid|uid)\s*===?\s*doc\._openid", re.ASCII)
_SIGNED_IN = re.compile(r"auth\s*!==?\s*null|auth\.(?:openid|uid)\s*!==?\s*null", re.ASCII)


def parse_security_rules(rules: Mapping[str, Any]) -> Rules:
    """The rules in ``rules``; ``create``, ``update`` and ``delete`` fall back to ``write``, what is not said is refused.

    Raises:
        InvalidRequest: for an unknown key, or a condition that cannot be enforced here; the message shows it.
    """
    if unknown := [key for key in rules if key not in _KEYS]:
        raise InvalidRequest(f"unknown rule `{unknown[0]}`; use {', '.join(_KEYS)}")
    write = rules.get("write", False)
    create = _grant("create", rules.get("create", write))
    return Rules(
        read=_grant("read", rules.get("read", False)),
        create="none" if create == "none" else "all",
        update=_grant("update", rules.get("update", write)),
        delete=_grant("delete", rules.get("delete", write)),
    )


def security_rules_of(rules: Rules) -> dict[str, bool | str]:
    """The security rules that show ``rules``."""
    return {verb: _condition(rules.grant(verb)) for verb in ("read", "create", "update", "delete")}


def _grant(verb: str, condition: Any) -> Grant:
    if isinstance(condition, bool):
        return "all" if condition else "none"
    text = str(condition).strip()
    if text in ("true", "false"):
        return "all" if text == "true" else "none"
    if _OWNER.fullmatch(text):
        return "owner"
    if _SIGNED_IN.fullmatch(text):
        return "all"
    raise InvalidRequest(
        f"the condition of `{verb}` cannot be enforced: {text!r}; use true, false, 'auth != null' or {_OWNER_TEXT!r}"
        " / 暂不支持该安全规则表达式"
    )


def _condition(grant: Grant) -> bool | str:
    return _OWNER_TEXT if grant == "owner" else grant == "all"
