"""String operators on whole strings: $concat, $split, case, trimming, replacement, lengths."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bson import DatetimeMS, Timestamp

from ..effort import MAX_DOCUMENT_BYTES, made, out_of_memory
from ..values import type_name
from .building import apply, function, nullish, variadic
from .calendar import iso_text
from .compiler import compile_in
from .failures import failure
from .numbers import is_number, text_of
from .registry import Evaluate, fold, operator
from .scope import Scope

_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
WHITESPACE = "\0 \t\n\v\f\r\u00a0\u1680" + "".join(chr(code) for code in range(0x2000, 0x200B))


def coerce_to_string(value: Any) -> str:
    """``value`` as the string that string operators make of numbers, dates and nothing."""
    if isinstance(value, str):
        return value
    if nullish(value):
        return ""
    if is_number(value):
        return text_of(value)
    if isinstance(value, datetime | DatetimeMS):
        return iso_text(value)
    if isinstance(value, Timestamp):
        return f"{datetime.fromtimestamp(value.time, UTC):%b %d %H:%M:%S}:{value.inc:03x}"
    raise failure(16007, f"can't convert from BSON type {type_name(value)} to String")


@variadic("$concat")
def concat(values: list[Any]) -> str | None:
    """All strings as one; null when any is null or missing."""
    for value in values:
        if nullish(value):
            return None
        if not isinstance(value, str):
            raise failure(16702, f"$concat only supports strings, not {type_name(value)}")
    length = sum(map(len, values))
    if length > MAX_DOCUMENT_BYTES:
        raise out_of_memory("$concat", length, MAX_DOCUMENT_BYTES)
    return made("".join(values))


@function("$split", 2)
def split(text: Any, separator: Any) -> list[str] | None:
    """The parts of a string between separators."""
    if nullish(text) or nullish(separator):
        return None
    if not isinstance(text, str):
        raise failure(
            40085,
            f"$split requires an expression that evaluates to a string as a first argument, found: {type_name(text)}",
        )
    if not isinstance(separator, str):
        raise failure(
            40086,
            f"$split requires an expression that evaluates to a string as a second argument, found: {type_name(separator)}",
        )
    if not separator:
        raise failure(40087, "$split requires a non-empty separator")
    return made(text.split(separator))


@function("$toUpper", 1)
def to_upper(value: Any) -> str:
    """The string with ASCII letters in upper case."""
    return made(coerce_to_string(value).translate(_ASCII_UPPER))


@function("$toLower", 1)
def to_lower(value: Any) -> str:
    """The string with ASCII letters in lower case."""
    return made(coerce_to_string(value).translate(_ASCII_LOWER))


@function("$strcasecmp", 2)
def compare_ignoring_case(left: Any, right: Any) -> int:
    """-1, 0 or 1, ASCII letters' case ignored."""
    first, second = (coerce_to_string(value).translate(_ASCII_UPPER) for value in (left, right))
    return (first > second) - (first < second)


@function("$strLenBytes", 1)
def length_in_bytes(value: Any) -> int:
    """The number of UTF-8 bytes."""
    if not isinstance(value, str):
        raise failure(34473, f"$strLenBytes requires a string argument, found: {type_name(value)}")
    return len(value.encode("utf-8", "surrogatepass"))


@function("$strLenCP", 1)
def length_in_code_points(value: Any) -> int:
    """The number of code points."""
    if not isinstance(value, str):
        raise failure(34471, f"$strLenCP requires a string argument, found: {type_name(value)}")
    return len(value)


def _register_trim(name: str, strip: Callable[[str, str], str]) -> None:
    def trim(text: Any, characters: Any) -> str | None:
        if nullish(text) or characters is None:
            return None
        if not isinstance(text, str):
            raise failure(
                50699, f"{name} requires its input to be a string, got {text!r} (of type {type_name(text)}) instead."
            )
        if nullish(characters):
            return None
        if not isinstance(characters, str):
            raise failure(50700, f"{name} requires 'chars' to be a string, got {type_name(characters)} instead.")
        return strip(text, characters)

    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        if not isinstance(operand, dict):
            raise failure(50696, f"{name} only supports an object as an argument, found {type_name(operand)}")
        for key in operand:
            if key not in ("input", "chars"):
                raise failure(50694, f"{name} found an unknown argument: {key}")
        if "input" not in operand:
            raise failure(50695, f"{name} requires an 'input' field")
        characters = operand.get("chars", WHITESPACE)
        return apply(trim, [compile_in(operand["input"], scope), compile_in(characters, scope)])


_register_trim("$trim", lambda text, characters: text.strip(characters) if characters else text)
_register_trim("$ltrim", lambda text, characters: text.lstrip(characters) if characters else text)
_register_trim("$rtrim", lambda text, characters: text.rstrip(characters) if characters else text)


def _replaced(text: str, find: str, replacement: str, count: int) -> str:
    longer = len(replacement) - len(find)
    if longer > 0 and len(text) + longer * min(text.count(find), count % 2**63) > MAX_DOCUMENT_BYTES:
        raise out_of_memory("$replaceAll", len(text) * longer, MAX_DOCUMENT_BYTES)
    return made(text.replace(find, replacement, count))


def _register_replace(name: str, count: int) -> None:
    def replace(text: Any, find: Any, replacement: Any) -> str | None:
        for value, field, number in (
            (text, "input", 51746),
            (find, "find", 51745),
            (replacement, "replacement", 51744),
        ):
            if not nullish(value) and not isinstance(value, str):
                raise failure(number, f"{name} requires that '{field}' be a string, found: {value!r}")
        if nullish(text) or nullish(find) or nullish(replacement):
            return None
        return _replaced(str(text), find, replacement, count)

    @operator(name)
    def build(operand: Any, scope: Scope) -> Evaluate:
        if not isinstance(operand, dict):
            raise failure(51751, f"{name} requires an object as an argument, found: {type_name(operand)}")
        for key in operand:
            if key not in ("input", "find", "replacement"):
                raise failure(51750, f"{name} found an unknown argument: {key}")
        for key, number in (("input", 51749), ("find", 51748), ("replacement", 51747)):
            if key not in operand:
                raise failure(number, f"{name} requires '{key}' to be specified")
        parts = [compile_in(operand[key], scope) for key in ("input", "find", "replacement")]
        return fold(apply(replace, parts), parts)


_register_replace("$replaceOne", 1)
_register_replace("$replaceAll", -1)
