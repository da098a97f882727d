"""The language of security rules (semantics.md §8.2): text to a tree.

Grammar: ``||``, ``&&``, ``!``, ``== === != !== > >= < <= in``, members (``.`` and ``[]``), numbers, strings, templates,
lists, ``true false null undefined``, the variables of :data:`VARIABLES` and ``get(path)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yunbox.errors import InvalidRequest

VARIABLES = frozenset({"auth", "doc", "request", "now", "resource"})
MAX_LENGTH = 1024
MAX_GETS = 3
MAX_GET_DEPTH = 2
_MAX_DEPTH = 60
_COMPARISONS = {"==": "==", "===": "==", "!=": "!=", "!==": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_$][\w$]*)|(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<template>`(?:[^`\\]|\\.)*`)|(?P<symbol>===|!==|==|!=|>=|<=|&&|\|\||[><!()\[\].,-]))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_HOLE = re.compile(r"\$\{([^{}]*)\}")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}


class Node:
    """Base of all parts of an expression."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Any


@dataclass(frozen=True, slots=True)
class Variable(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Template(Node):
    """Text with values in it."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Get(Node):
    """Another document, by its path ``database.COLLECTION.ID``."""

    path: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: Node


@dataclass(frozen=True, slots=True)
class Both(Node):
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Either(Node):
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class In(Node):
    item: Node
    items: Node


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        InvalidRequest: when it is no expression of the language, or beyond its limits; the message says where.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"a rule has at most {MAX_LENGTH} characters / 规则表达式不能超过 {MAX_LENGTH} 个字符")
    tree = _Parser(text, 0).whole()
    depths = list(_get_depths(tree, 0))
    if len(depths) > MAX_GETS:
        raise InvalidRequest(f"a rule has at most {MAX_GETS} get() / 每条规则最多 {MAX_GETS} 个 get")
    if max(depths, default=0) > MAX_GET_DEPTH:
        raise InvalidRequest(f"get() nests at most {MAX_GET_DEPTH} deep / get 最多嵌套 {MAX_GET_DEPTH} 层")
    return tree


def _get_depths(node: Node, depth: int) -> Iterator[int]:
    if isinstance(node, Get):
        depth += 1
        yield depth
    for child in children(node):
        yield from _get_depths(child, depth)


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node."""
    match node:
        case Member(of, key):
            return (of, key)
        case ListOf(items) | Template(items):
            return items
        case Get(path):
            return (path,)
        case Not(operand):
            return (operand,)
        case Both(left, right) | Either(left, right) | Compare(_, left, right) | In(left, right):
            return (left, right)
    return ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise InvalidRequest(
                f"the rule cannot be read at character {position + 1}: `{text[position : position + 20]}`"
            )
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent; every method reads one level of precedence."""

    def __init__(self, text: str, depth: int) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = depth

    def whole(self) -> Node:
        node = self._either()
        if self._next < len(self._tokens):
            raise self._unexpected()
        return node

    def _unexpected(self) -> InvalidRequest:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            return InvalidRequest(f"unexpected `{token.text}` at character {token.at + 1} of the rule `{self._text}`")
        return InvalidRequest(f"the rule `{self._text}` ends too early")

    def _peek(self) -> str:
        return self._tokens[self._next].text if self._next < len(self._tokens) else ""

    def _take(self, *texts: str) -> str:
        """The next token when it is one of ``texts`` (and no string that looks like one), else ``""``."""
        text = self._peek()
        if text in texts and self._tokens[self._next].kind in ("symbol", "name"):
            self._next += 1
            return text
        return ""

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected()

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise InvalidRequest("the rule is nested too deep / 规则嵌套过深")
        node = self._both()
        while self._take("||"):
            node = Either(node, self._both())
        self._depth -= 1
        return node

    def _both(self) -> Node:
        node = self._comparison()
        while self._take("&&"):
            node = Both(node, self._comparison())
        return node

    def _comparison(self) -> Node:
        node = self._unary()
        if operator := self._take(*_COMPARISONS):
            return Compare(_COMPARISONS[operator], node, self._unary())
        if self._take("in"):
            return In(node, self._unary())
        return node

    def _unary(self) -> Node:
        if self._take("!"):
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise InvalidRequest("the rule is nested too deep / 规则嵌套过深")
            node = Not(self._unary())
            self._depth -= 1
            return node
        if self._take("-"):
            return self._negative()
        return self._members(self._primary())

    def _negative(self) -> Node:
        node = self._primary()
        if not isinstance(node, Literal) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise InvalidRequest("`-` stands only before a number")
        return Literal(-node.value)

    def _members(self, node: Node) -> Node:
        while True:
            if self._take("."):
                token = self._read()
                if token.kind != "name":
                    self._next -= 1
                    raise self._unexpected()
                node = Member(node, Literal(token.text))
            elif self._take("["):
                node = Member(node, self._either())
                self._expect("]")
            else:
                return node

    def _read(self) -> _Token:
        if self._next >= len(self._tokens):
            raise self._unexpected()
        self._next += 1
        return self._tokens[self._next - 1]

    def _primary(self) -> Node:
        token = self._read()
        match token.kind:
            case "number":
                return Literal(float(token.text) if "." in token.text else int(token.text))
            case "string":
                return Literal(_unescape(token.text[1:-1]))
            case "template":
                return self._template(token.text[1:-1])
            case "name":
                return self._name(token)
        if token.text == "(":
            node = self._either()
            self._expect(")")
            return node
        if token.text == "[":
            return ListOf(self._items())
        self._next -= 1
        raise self._unexpected()

    def _items(self) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take("]"):
            if items:
                self._expect(",")
            items.append(self._either())
        return tuple(items)

    def _name(self, token: _Token) -> Node:
        if token.text in _WORDS:
            return Literal(_WORDS[token.text])
        if token.text == "get":
            self._expect("(")
            path = self._either()
            self._expect(")")
            return Get(path)
        if token.text not in VARIABLES:
            raise InvalidRequest(
                f"unknown name `{token.text}` in the rule `{self._text}`; use {', '.join(sorted(VARIABLES))} or get()"
            )
        return Variable(token.text)

    def _template(self, text: str) -> Node:
        parts: list[Node] = []
        end = 0
        for hole in _HOLE.finditer(text):
            parts.append(Literal(_unescape(text[end : hole.start()])))
            parts.append(_Parser(hole[1], self._depth + 1).whole())
            end = hole.end()
        if "${" in text[end:]:
            raise InvalidRequest(f"a template in the rule `{self._text}` is not closed")
        parts.append(Literal(_unescape(text[end:])))
        return Template(tuple(parts))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)
