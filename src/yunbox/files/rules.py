"""Security rules of files: an expression each for reading and writing (semantics.md §8.2, tencent-client.md §12.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson

from yunbox.documents.rules import Grant, Rules
from yunbox.documents.rules import language as lang
from yunbox.documents.rules.decision import compile_rule
from yunbox.documents.rules.written import WrittenRules, source_of
from yunbox.errors import InvalidRequest

CUSTOM = "CUSTOM"
"""The storage mode in which these rules hold."""

Verb = Literal["read", "write"]
VERBS: tuple[Verb, ...] = ("read", "write")
_VARIABLES = frozenset({"auth", "now", "resource"})


@dataclass(frozen=True, slots=True)
class FileRules(WrittenRules):
    """``read`` and ``write`` as expressions over ``auth``, ``resource.openid`` (the file's owner) and ``now``."""

    expressions: Mapping[Verb, lang.Node]

    def grants(self) -> Rules:
        """What the expressions surely grant, never more than they do."""
        read, write = (_grant(self.expressions[verb]) for verb in VERBS)
        return Rules(read=read, create="none" if write == "none" else "all", update=write, delete=write)


def file_rules(written: Mapping[str, Any]) -> FileRules:
    """Rules in the form ``{"read": true, "write": "resource.openid == auth.openid"}``; what is missing is denied.

    Raises:
        InvalidRequest: for an unknown key or an expression that cannot be read; the message names it.
    """
    return _compiled(source_of(written, "the rules of files"))


@lru_cache(maxsize=256)
def _compiled(source: str) -> FileRules:
    written = orjson.loads(source)
    if unknown := set(written) - set(VERBS):
        raise InvalidRequest(f"unknown key `{sorted(unknown)[0]}` in the rules of files; use {' and '.join(VERBS)}")
    return FileRules(source, {verb: compile_rule(written.get(verb, False), verb, _VARIABLES) for verb in VERBS})


_OWNER = {lang.parse("resource.openid == auth.openid"), lang.parse("auth.openid == resource.openid")}


def _grant(node: lang.Node) -> Grant:
    if isinstance(node, lang.Literal) and node.value is True:
        return "all"
    return "owner" if node in _OWNER else "none"
