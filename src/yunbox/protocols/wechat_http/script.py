"""The database script language: parsing into a small tree (DBA-7).

Allowed: declarations (``const``, ``let``, ``var``, also with object destructuring), member access, calls, ``new``,
literals, arrays, objects, negative numbers, comments. Everything else is refused with its line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yunbox.protocols.wechat_http.lexer import Lexer, ScriptError, Token

_MAX_DEPTH = 100
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": ...}
_REFUSED = {
    "function": "functions", "class": "classes", "if": "`if`", "switch": "`switch`", "for": "loops", "while": "loops",
    "do": "loops", "try": "`try`", "throw": "`throw`", "return": "`return`", "import": "`import`", "async": "functions",
    "await": "`await`", "typeof": "`typeof`", "delete": "`delete`", "void": "`void`", "in": "`in`", "this": "`this`",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """Where a part of the script stands."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A value; ``...`` stands for ``undefined``."""

    value: Any


@dataclass(frozen=True, slots=True)
class RegexLiteral(Node):
    pattern: str
    flags: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Array(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Object(Node):
    items: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Member(Node):
    target: Node
    name: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    target: Node
    arguments: tuple[Node, ...]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Declaration(Node):
    """``names`` maps what is bound to the property it comes from; ``None`` takes the whole value."""

    names: tuple[tuple[str, str | None], ...]
    value: Node


def parse(text: str) -> list[Node]:
    """The statements of a script.

    Raises:
        ScriptError: when it is not in the subset.
    """
    return _Parser(text).script()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(Lexer(text))
        self._index = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _error(self, reason: str, token: Token | None = None) -> ScriptError:
        at = token or self._token
        return ScriptError(reason, at.line, at.column)

    def _advance(self) -> Token:
        token = self._token
        self._index += token.kind != "end"
        return token

    def _at(self, text: str) -> bool:
        return self._token.kind == "punctuation" and self._token.text == text

    def _accept(self, text: str) -> bool:
        if self._at(text):
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            raise self._error(f"expected `{text}` but found `{self._token.text or 'the end'}`")
        return self._advance()

    def script(self) -> list[Node]:
        statements: list[Node] = []
        while self._token.kind != "end":
            if not self._accept(";"):
                statements.extend(self._statement())
        return statements

    def _statement(self) -> list[Node]:
        if self._token.kind == "name" and self._token.text in ("const", "let", "var"):
            self._advance()
            found = [self._declaration()]
            while self._accept(","):
                found.append(self._declaration())
        else:
            found = [self._expression()]
        self._end_of_statement()
        return found

    def _end_of_statement(self) -> None:
        if self._accept(";") or self._token.kind == "end" or self._token.after_newline:
            return
        if self._at("="):
            raise self._error("assignments are not supported")
        if self._at("?"):
            raise self._error("the ternary operator is not supported")
        raise self._error(f"unexpected `{self._token.text}`")

    def _declaration(self) -> Node:
        start = self._token
        names = self._pattern() if self._at("{") else ((self._identifier(), None),)
        self._expect("=")
        return Declaration(start.line, start.column, names, self._expression())

    def _pattern(self) -> tuple[tuple[str, str | None], ...]:
        self._expect("{")
        names: list[tuple[str, str | None]] = []
        while not self._accept("}"):
            source = self._identifier()
            names.append((self._identifier() if self._accept(":") else source, source))
            if not self._at("}"):
                self._expect(",")
        return tuple(names)

    def _identifier(self) -> str:
        if self._at("["):
            raise self._error("array destructuring is not supported")
        if self._token.kind != "name":
            raise self._error(f"expected a name but found `{self._token.text or 'the end'}`")
        return self._advance().text

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error("the script is nested too deeply")
        node = self._postfix(self._primary())
        self._depth -= 1
        if self._token.kind == "punctuation" and self._token.text in (
            "+",
            "-",
            "*",
            "/",
            "%",
            "&&",
            "||",
            "==",
            "===",
            "!=",
            "!==",
            "<",
            ">",
            "<=",
            ">=",
            "++",
            "--",
        ):
            raise self._error(f"the operator `{self._token.text}` is not supported")
        if self._at("=>"):
            raise self._error("functions are not supported")
        return node

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind:
            case "number":
                return Literal(token.line, token.column, _number(token.text))
            case "string":
                return Literal(token.line, token.column, token.text)
            case "regex":
                pattern, _, flags = token.text[1:].rpartition("/")
                return RegexLiteral(token.line, token.column, pattern, flags)
            case "name":
                return self._named(token)
            case "punctuation":
                return self._bracketed(token)
        raise self._error("the script ends too early", token)

    def _named(self, token: Token) -> Node:
        if token.text in _LITERALS:
            return Literal(token.line, token.column, _LITERALS[token.text])
        if token.text in _REFUSED:
            raise self._error(f"{_REFUSED[token.text]} are not supported".replace("` are", "` is"), token)
        if token.text == "new":
            return self._new(token)
        return Name(token.line, token.column, token.text)

    def _new(self, token: Token) -> Node:
        target: Node = Name(token.line, token.column, self._identifier())
        while self._accept("."):
            target = Member(token.line, token.column, target, self._identifier())
        arguments = self._arguments() if self._at("(") else ()
        return Call(token.line, token.column, target, arguments, is_new=True)

    def _bracketed(self, token: Token) -> Node:
        if token.text == "-" and self._token.kind == "number":
            return Literal(token.line, token.column, -_number(self._advance().text))
        if token.text == "[":
            return Array(token.line, token.column, self._items("]"))
        if token.text == "{":
            return self._object(token)
        if token.text == "(":
            inner = self._expression()
            if self._at("=>"):
                raise self._error("functions are not supported")
            self._expect(")")
            return inner
        raise self._error(f"unexpected `{token.text}`", token)

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._accept(closing):
            items.append(self._expression())
            if not self._at(closing):
                self._expect(",")
        return tuple(items)

    def _object(self, start: Token) -> Node:
        items: list[tuple[str, Node]] = []
        while not self._accept("}"):
            key = self._advance()
            if key.kind not in ("name", "string", "number"):
                raise self._error(f"expected a property but found `{key.text or 'the end'}`", key)
            if self._accept(":"):
                items.append((key.text, self._expression()))
            elif key.kind == "name":
                items.append((key.text, Name(key.line, key.column, key.text)))
            if not self._at("}"):
                self._expect(",")
        return Object(start.line, start.column, tuple(items))

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        return self._items(")")

    def _postfix(self, node: Node) -> Node:
        while True:
            token = self._token
            if self._accept("."):
                node = Member(token.line, token.column, node, self._identifier())
            elif self._at("("):
                node = Call(token.line, token.column, node, self._arguments())
            elif self._at("["):
                self._advance()
                if self._token.kind != "string":
                    raise self._error("only a string may stand in `[ ]`")
                node = Member(token.line, token.column, node, self._advance().text)
                self._expect("]")
            else:
                return node


def _number(text: str) -> int | float:
    if text[:2].lower() == "0x":
        return int(text, 16)
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
