"""$regexMatch $regexFind $regexFindAll."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bson import Regex

from yunbox.errors import QueryError

from ..regex import compile_regex
from ..values import type_name
from .building import nullish
from .compiler import compile_in
from .failures import failure
from .registry import Constant, Document, Evaluate, Variables, fold, operator
from .scope import Scope

Search = Callable[[str, Any], Any]
OPTIONS = "imsx"
_FLAGS = {"i": 2, "m": 8, "s": 16, "x": 64}


def _register(name: str, absent: Any, search: Search) -> None:
    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        parts = _arguments(name, operand, scope)

        def evaluate(document: Document, variables: Variables) -> Any:
            text, pattern, options = (parts[key](document, variables) for key in ("input", "regex", "options"))
            expression = _compiled(name, pattern, options)
            if not nullish(text) and not isinstance(text, str):
                raise failure(51104, f"{name} needs 'input' to be of type string, found {type_name(text)}")
            return absent() if expression is None or nullish(text) else search(text, expression)

        return fold(evaluate, parts.values())


def _arguments(name: str, operand: Any, scope: Scope) -> dict[str, Evaluate]:
    if not isinstance(operand, dict):
        raise failure(51103, f"{name} expects an object of named arguments but found: {type_name(operand)}")
    for key in operand:
        if key not in ("input", "regex", "options"):
            raise failure(31024, f"{name} found an unknown argument: {key}")
    for key, number in (("input", 31022), ("regex", 31023)):
        if key not in operand:
            raise failure(number, f"{name} requires '{key}' parameter")
    parts = {key: compile_in(value, scope) for key, value in operand.items()}
    parts.setdefault("options", Constant(None))
    return parts


def _compiled(name: str, pattern: Any, options: Any) -> Any:
    if not nullish(options) and not isinstance(options, str):
        raise failure(51106, f"{name} needs 'options' to be of type string")
    letters = "" if nullish(options) else str(options)
    if isinstance(pattern, Regex):
        own = "".join(letter for letter, bit in _FLAGS.items() if pattern.flags & bit)
        if own and letters:
            raise failure(51107, f"{name} found regex option(s) specified in both 'regex' and 'option' fields")
        letters, pattern = letters or own, pattern.pattern
        pattern = pattern.decode() if isinstance(pattern, bytes) else pattern
    elif not nullish(pattern) and not isinstance(pattern, str):
        raise failure(51105, f"{name} needs 'regex' to be of type string or regex")
    _check_text(name, pattern, letters)
    if nullish(pattern):
        return None
    try:
        return compile_regex(pattern, letters)
    except QueryError as error:
        raise failure(51111, f"Invalid Regex in {name}: {error}") from error


def _check_text(name: str, pattern: Any, letters: str) -> None:
    if "\0" in letters:
        raise failure(51110, f"{name}:  regular expression options must not have an embedded null byte")
    for letter in letters:
        if letter not in OPTIONS:
            raise failure(51108, f"{name} invalid flag in regex options: {letter}")
    if isinstance(pattern, str) and "\0" in pattern:
        raise failure(51109, f"{name}: regular expression cannot contain an embedded null byte")


def _description(match: Any) -> dict[str, Any]:
    return {"match": match.group(), "idx": match.start(), "captures": list(match.groups())}


def _matches(text: str, expression: Any) -> Iterator[Any]:
    """All matches; none begins at the end of a text that is not empty."""
    start = 0
    while start < len(text) or start == 0:
        match = expression.search(text, start)
        if match is None:
            return
        yield match
        start = match.end() if match.end() > match.start() else match.end() + 1


def _first(text: str, expression: Any) -> Any:
    match = expression.search(text)
    return None if match is None else _description(match)


_register("$regexMatch", lambda: False, lambda text, expression: expression.test(text))
_register("$regexFind", lambda: None, _first)
_register("$regexFindAll", list, lambda text, expression: [_description(match) for match in _matches(text, expression)])
