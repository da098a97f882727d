"""Deciding by an expression where everything it speaks of is known: calls of functions, reading and writing files
(semantics.md §8.2). What cannot be computed denies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from yunbox.documents.rules import language as lang
from yunbox.documents.rules.conditions import Always
from yunbox.documents.rules.evaluate import Situation, condition_of
from yunbox.documents.rules.written import parse_rule
from yunbox.errors import InvalidRequest


def compile_rule(written: object, name: str, variables: frozenset[str]) -> lang.Node:
    """The tree of a rule: ``true``, ``false`` or an expression over ``variables``.

    Raises:
        InvalidRequest: for anything else; the message begins with the rule's ``name``.
    """
    node = parse_rule(written, name)
    _check(node, name, variables)
    return node


def _check(node: lang.Node, name: str, variables: frozenset[str]) -> None:
    if isinstance(node, lang.Get):
        raise InvalidRequest(f"the rule `{name}`: get() works in rules of collections only / get() 只能用于集合的规则")
    if isinstance(node, lang.Variable) and node.name not in variables:
        raise InvalidRequest(
            f"the rule `{name}`: `{node.name}` means nothing here; use {', '.join(sorted(variables))}"
            f" / 此处不能使用 {node.name}"
        )
    for child in lang.children(node):
        _check(child, name, variables)


def missing(
    node: lang.Node, *, auth: Mapping[str, Any] | None, now: int, resource: Mapping[str, Any] | None = None
) -> str:
    """``""`` when the rule is true; else the part of it that is not."""
    situation = Situation(auth=auth, now=now, document={}, resource=resource)
    for part in _conjuncts(node):
        condition = condition_of(part, situation)
        if not isinstance(condition, Always):
            why = getattr(condition, "why", "")
            return f"`{text_of(part)}` is not true" + (f": {why}" if why else "")
    return ""


def _conjuncts(node: lang.Node) -> list[lang.Node]:
    if isinstance(node, lang.Both):
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return [node]


def text_of(node: lang.Node) -> str:
    """An expression as it could have been written."""
    match node:
        case lang.Literal(value):
            return json.dumps(value, ensure_ascii=False)
        case lang.Variable(name):
            return name
        case lang.Member(of, lang.Literal(str(key))) if key.isidentifier():
            return f"{text_of(of)}.{key}"
        case lang.Member(of, key):
            return f"{text_of(of)}[{text_of(key)}]"
        case lang.ListOf(items):
            return f"[{', '.join(map(text_of, items))}]"
        case lang.Template(parts):
            return "`" + "".join(_template_part(part) for part in parts) + "`"
        case lang.Get(path):
            return f"get({text_of(path)})"
        case lang.Not(operand):
            return f"!({text_of(operand)})"
        case lang.Both(left, right):
            return f"({text_of(left)} && {text_of(right)})"
        case lang.Either(left, right):
            return f"({text_of(left)} || {text_of(right)})"
        case lang.Compare(operator, left, right):
            return f"{text_of(left)} {operator} {text_of(right)}"
        case lang.In(item, items):
            return f"{text_of(item)} in {text_of(items)}"
    return "?"


def _template_part(part: lang.Node) -> str:
    return str(part.value) if isinstance(part, lang.Literal) else f"${{{text_of(part)}}}"
