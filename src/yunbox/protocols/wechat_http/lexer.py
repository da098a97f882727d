"""Tokens of the database script: a strict subset of JavaScript (DBA-7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "number", "string", "regex", "punctuation", "end"]


class ScriptError(Exception):
    """The script is not in the subset; ``line`` and ``column`` count from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"{reason} at line {line}, column {column}")
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``text`` is the decoded value of a string, the pattern and flags of a regex as ``/p/f``."""

    kind: Kind
    text: str
    line: int
    column: int
    after_newline: bool = False


_SKIP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_PUNCTUATION = re.compile(r"=>|===|!==|==|!=|<=|>=|&&|\|\||\+\+|--|\.\.\.|[-+*/%=<>!?:;,.(){}\[\]&|^~]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPED = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)")


class Lexer:
    """Splits a script into tokens; a ``/`` starts a regex where a value may stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._previous: Token | None = None

    def __iter__(self) -> Iterator[Token]:
        while True:
            token = self._next()
            self._previous = token
            yield token
            if token.kind == "end":
                return

    def _next(self) -> Token:
        start = self._position
        skipped = _SKIP.match(self._text, start)
        self._position = skipped.end() if skipped else start
        newline = "\n" in self._text[start : self._position]
        if self._text.startswith("/*", self._position):
            raise self._error("the comment is not closed")
        if self._position >= len(self._text):
            return self._token("end", "", self._position, newline)
        return self._read(newline)

    def _read(self, newline: bool) -> Token:
        start = self._position
        character = self._text[start]
        if character in "\"'":
            return self._string(character, newline)
        if character == "`":
            raise self._error("template strings are not supported")
        if character == "/" and self._value_may_start():
            return self._regex(newline)
        for kind, pattern in (("name", _NAME), ("number", _NUMBER), ("punctuation", _PUNCTUATION)):
            if found := pattern.match(self._text, start):
                self._position = found.end()
                return self._token(kind, found.group(), start, newline)  # type: ignore[arg-type]
        raise self._error(f"unexpected character {character!r}")

    def _value_may_start(self) -> bool:
        before = self._previous
        return before is None or (before.kind == "punctuation" and before.text not in (")", "]", "}"))

    def _string(self, quote: str, newline: bool) -> Token:
        start = self._position
        end = start + 1
        while end < len(self._text) and self._text[end] != quote:
            if self._text[end] == "\n":
                break
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text) or self._text[end] != quote:
            raise self._error("the string is not closed")
        self._position = end + 1
        return self._token("string", _ESCAPED.sub(_unescape, self._text[start + 1 : end]), start, newline)

    def _regex(self, newline: bool) -> Token:
        start = self._position
        found = _REGEX.match(self._text, start)
        if not found:
            raise self._error("the regular expression is not closed")
        self._position = found.end()
        return self._token("regex", found.group(), start, newline)

    def _token(self, kind: Kind, text: str, start: int, newline: bool) -> Token:
        line, column = position(self._text, start)
        return Token(kind, text, line, column, newline)

    def _error(self, reason: str) -> ScriptError:
        return ScriptError(reason, *position(self._text, self._position))


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, counted from 1."""
    line_start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - line_start + 1


def _unescape(found: re.Match[str]) -> str:
    braced, long, short, plain = found.groups()
    if code := braced or long or short:
        return chr(int(code, 16))
    return _ESCAPES.get(plain, plain)
