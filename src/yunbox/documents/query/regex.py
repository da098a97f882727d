"""Regular expressions of users: PCRE syntax and options, run with a hard time limit.

MongoDB compiles patterns with PCRE in UTF-8 mode without Unicode classes, so ``\\d \\w \\s \\b`` are ASCII here too. A pattern
that cannot take long on the text at hand runs on the standard library's engine; every other one runs with a time limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import regex

from yunbox.errors import QueryError

from .required_text import required_text

TIME_LIMIT_SECONDS = 0.3
"""For one value, and a second more for each 20 million characters of it. It is the processor's time that counts: on a busy
machine the clock on the wall runs ahead.
"""
_CHARACTERS_PER_SECOND = 20e6

MAX_PATTERN_LENGTH = 32764

# Each quantifier can cost another factor of the text's length: harmless up to so many characters, by their number.
_SHORT_TEXT = (2**62, 2000, 150, 40)

_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE}
# Flags of JavaScript and of old drivers that change nothing for a search.
_IGNORED_FLAGS = frozenset("guydl")
_LEADING_VERB = re.compile(r"(?:\(\*[A-Z0-9_]+\))+")


class Expression:
    """A compiled regular expression. ``test`` tells whether a text contains a match, and raises what `search` raises;
    ``required`` is what a text needs for that.
    """

    __slots__ = ("_fast", "_fast_limit", "_safe", "options", "pattern", "required", "test")

    def __init__(self, pattern: str, options: str, safe: Any, fast: Any, fast_limit: int) -> None:
        self.pattern = pattern
        self.options = options
        self.required = required_text(pattern, options)
        self._safe = safe
        self._fast = fast
        self._fast_limit = fast_limit
        self.test: Callable[[str], bool] = self._tester()

    def search(self, text: str, start: int = 0) -> Any:
        """The first match at or after ``start`` (a match object of `re` or `regex`), or ``None``. Raises `QueryError` when
        the time limit is reached.
        """
        if self._fast is not None and len(text) <= self._fast_limit:
            return self._fast.search(text, start)
        limit = TIME_LIMIT_SECONDS + len(text) / _CHARACTERS_PER_SECOND
        try:
            return self._safe.search(text, start, timeout=limit, concurrent=True)
        except TimeoutError:
            raise QueryError(
                f"the regular expression /{self.pattern}/ took longer than {limit:.1f} s on one value; "
                "avoid nested repetition",
                number=51156,
                name="Location51156",
            ) from None

    def _tester(self) -> Callable[[str], bool]:
        limit, search = self._fast_limit, self.search
        # One call less for each text: a scan calls it for every document.
        fast = search if self._fast is None else self._fast.search

        def test(text: str) -> bool:
            return (fast if len(text) <= limit else search)(text) is not None

        return test


@lru_cache(maxsize=1024)
def compile_regex(pattern: str, options: str = "") -> Expression:
    """Compile a PCRE pattern with the option letters ``i m s x`` (JavaScript's ``g u y`` change nothing).

    Raises `QueryError`: 51091 for a pattern that does not compile, 51108 for an unknown option.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise _invalid(f"{pattern[:50]}…", ValueError(f"longer than {MAX_PATTERN_LENGTH} characters"))
    if "\0" in pattern:
        raise QueryError("Regular expression cannot contain an embedded null byte", number=2, name="BadValue")
    flags = _flags(options)
    # The engines' ASCII mode also narrows \p{…} and case folding, so patterns that need these spell the classes out.
    unicode = "\\p" in pattern or "\\P" in pattern or ("i" in options and not pattern.isascii())
    translation = _Translation(
        _LEADING_VERB.sub("", pattern, count=1) if pattern.startswith("(*") else pattern, unicode
    )
    try:
        translated = translation.run()
        safe = regex.compile(translated, flags | (regex.UNICODE if unicode else regex.ASCII))
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise _invalid(pattern, error) from None
    fast, limit = _fast_form(translation, translated, flags)
    return Expression(pattern, options, safe, fast, limit)


def _flags(options: str) -> int:
    flags = 0
    for letter in options:
        if letter in _FLAGS:
            flags |= _FLAGS[letter]
        elif letter not in _IGNORED_FLAGS:
            raise QueryError(f"invalid flag in regex options: {letter}", number=51108, name="Location51108")
    return flags


def _invalid(pattern: str, error: Exception) -> QueryError:
    return QueryError(f"Regular expression is invalid: {error} in /{pattern}/", number=51091, name="Location51091")


def _fast_form(translation: _Translation, translated: str, flags: int) -> tuple[Any, int]:
    if translation.needs_regex or translation.unicode or translation.quantifiers >= len(_SHORT_TEXT):
        return None, 0
    try:
        compiled = re.compile(translated, int(flags) | re.ASCII)
    except (re.error, OverflowError, RecursionError, ValueError, FutureWarning):
        return None, 0
    return compiled, _SHORT_TEXT[translation.quantifiers]


class _Translation:
    """One pass over a PCRE pattern that rewrites what Python's engines spell differently."""

    def __init__(self, pattern: str, unicode: bool) -> None:
        self.pattern = pattern
        self.unicode = unicode
        self.position = 0
        self.needs_regex = False
        self.quantifiers = 0

    def run(self) -> str:
        parts = []
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            self.position += 1
            if character == "\\":
                parts.append(self._escape(in_class=False))
            elif character == "[":
                parts.append(self._class())
            elif character == "(":
                parts.append(self._group())
            else:
                self._count_quantifier(character)
                parts.append(character)
        return "".join(parts)

    def _count_quantifier(self, character: str) -> None:
        if character in "*+?{":
            self.quantifiers += 1
            if self.pattern[max(self.position - 2, 0)] == ")":
                self.needs_regex = True

    def _group(self) -> str:
        rest = self.pattern[self.position : self.position + 3]
        if not rest.startswith("?"):
            return "("
        self.position += 1
        if rest[1:2] == "<" and rest[2:3] not in ("=", "!", ""):
            self.position += 1
            return "(?P<"
        if rest[1:2] not in (":", "=", "!", "<", "P"):
            self.needs_regex = True
        return "(?"

    def _class(self) -> str:
        parts = ["["]
        if self._take("^"):
            parts.append("^")
        if self._take("]"):
            parts.append("\\]")
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            self.position += 1
            if character == "]":
                parts.append("]")
                break
            parts.append(self._class_character(character))
        return "".join(parts)

    def _class_character(self, character: str) -> str:
        if character == "\\":
            return self._escape(in_class=True)
        if character == "[":
            end = self.pattern.find(":]", self.position)
            if self.pattern.startswith(":", self.position) and end > 0:
                self.needs_regex = True
                name = self.pattern[self.position : end + 2]
                self.position = end + 2
                return "[" + name
            return "\\["
        if character in "&|~":
            return "\\" + character
        if character == "-" and self.pattern.startswith("-", self.position):
            self.needs_regex = True
        return character

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.position):
            self.position += len(text)
            return True
        return False

    def _escape(self, *, in_class: bool) -> str:
        if self.position >= len(self.pattern):
            return "\\"
        letter = self.pattern[self.position]
        self.position += 1
        if letter == "Q":
            return self._quoted()
        if letter == "x" and self._take("{"):
            return re.escape(chr(int(self._until("}"), 16)))
        if letter == "c" and self.position < len(self.pattern):
            self.position += 1
            return re.escape(chr(ord(self.pattern[self.position - 1].upper()) ^ 64))
        if letter in _SPELLINGS:
            return _SPELLINGS[letter]
        if in_class and letter == "h":
            return " \\t"
        return self._plain_escape(letter, in_class)

    def _plain_escape(self, letter: str, in_class: bool) -> str:
        if not in_class:
            if letter == "z":
                return "\\Z"
            if letter == "Z":
                return "(?=\\n?\\Z)"
            if letter == "k":
                return f"(?P={self._name()})"
            if letter == "g":
                return f"(?:\\{self._name()})"
        if self.unicode and letter in _CLASSES:
            return _CLASSES[letter] if in_class else f"[{_CLASSES[letter]}]"
        if self.unicode and letter.lower() in _CLASSES and not in_class:
            return f"[^{_CLASSES[letter.lower()]}]"
        if letter in _REGEX_ONLY:
            self.needs_regex = True
            return self._property(in_class) or "\\" + letter
        if letter.isascii() and letter.isalpha() and letter not in _SHARED_ESCAPES:
            return letter
        return "\\" + letter

    def _property(self, in_class: bool) -> str:
        """The members of one of PCRE's own properties, when one stands here."""
        for name, members in _PROPERTIES.items():
            if self.pattern.startswith("p{" + name + "}", self.position - 1):
                self.position += len(name) + 2
                return members if in_class else f"[{members}]"
        return ""

    def _name(self) -> str:
        for opening, closing in (("{", "}"), ("<", ">"), ("'", "'")):
            if self._take(opening):
                return self._until(closing)
        self.position += 1
        return self.pattern[self.position - 1 : self.position]

    def _until(self, closing: str) -> str:
        end = self.pattern.find(closing, self.position)
        if end < 0:
            raise _invalid(self.pattern, ValueError(f"missing {closing}"))
        text = self.pattern[self.position : end]
        self.position = end + len(closing)
        return text

    def _quoted(self) -> str:
        end = self.pattern.find("\\E", self.position)
        text = self.pattern[self.position :] if end < 0 else self.pattern[self.position : end]
        self.position = len(self.pattern) if end < 0 else end + 2
        return re.escape(text)


_SPELLINGS = {"e": "\\x1b", "E": ""}
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\r\\f\\v"}
_PROPERTIES = {
    "Xan": "\\p{L}\\p{N}",
    "Xwd": "\\p{L}\\p{N}_",
    "Xsp": "\\s\\p{Z}",
    "Xps": "\\s\\p{Z}",
    "L&": "\\p{Lu}\\p{Ll}\\p{Lt}",
}
_REGEX_ONLY = frozenset("hHRNKXGpPvV")
_SHARED_ESCAPES = frozenset("abBdDsSwWAfnrtuUx")
