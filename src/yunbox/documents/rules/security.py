"""Security rules of a collection: an expression for each verb (semantics.md §8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from yunbox.documents.rules import language as lang
from yunbox.documents.rules.rules import Grant, Rules, Verb
from yunbox.documents.rules.written import WrittenRules, parse_rule, source_of
from yunbox.errors import InvalidRequest

KEYS = ("read", "write", "create", "update", "delete")
_VERBS: tuple[Verb, ...] = ("read", "create", "update", "delete")
_OWNER_NODES = {
    lang.parse("doc._openid == auth.openid"),
    lang.parse("auth.openid == doc._openid"),
}


@dataclass(frozen=True, slots=True)
class SecurityRules(WrittenRules):
    """Compiled expressions by verb, and the JSON they come from. A verb without one is denied."""

    expressions: tuple[tuple[Verb, lang.Node], ...]

    def expression(self, verb: Verb) -> lang.Node:
        return next((node for name, node in self.expressions if name == verb), lang.Literal(False))

    def may_change(self, verb: Verb) -> bool:
        """Whether the verdict may be another one later, although neither the rules nor the caller have changed."""
        return _may_change(self.expression(verb))


@lru_cache(maxsize=1024)
def _may_change(node: lang.Node) -> bool:
    return isinstance(node, lang.Get) or node == lang.Variable("now") or any(map(_may_change, lang.children(node)))


def security_rules(written: Mapping[str, Any]) -> Rules:
    """Rules that hold ``written``: an object with the keys ``read``, ``write``, ``create``, ``update``, ``delete``, whose
    values are booleans or expressions. ``write`` stands for the last three where they are missing.

    Raises:
        InvalidRequest: for an unknown key or an expression that cannot be read; the message names it.
    """
    return _compiled(source_of(written, "security rules"))


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Rules:
    written = orjson.loads(source)
    if unknown := set(written) - set(KEYS):
        raise InvalidRequest(f"unknown key `{sorted(unknown)[0]}` in security rules; use {', '.join(KEYS)}")
    expressions = tuple((verb, _expression(written, verb)) for verb in _VERBS)
    grants: dict[Verb, Grant] = {verb: _grant(node) for verb, node in expressions}
    if grants["create"] == "owner":
        grants["create"] = "none"
    return Rules(
        grants["read"], grants["create"], grants["update"], grants["delete"], SecurityRules(source, expressions)
    )


def _expression(written: Mapping[str, Any], verb: Verb) -> lang.Node:
    return parse_rule(written.get(verb, False if verb == "read" else written.get("write", False)), verb)


def _grant(node: lang.Node) -> Grant:
    """What the expression surely grants, for those who only know plain grants: never more than it does."""
    if isinstance(node, lang.Literal) and node.value is True:
        return "all"
    return "owner" if node in _OWNER_NODES else "none"
