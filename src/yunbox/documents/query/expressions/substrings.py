"""Parts of strings by place: $substrBytes $substrCP $indexOfBytes $indexOfCP."""

from __future__ import annotations

from typing import Any

from ..effort import made
from ..values import type_name
from .arrays import search_bounds
from .building import function, nullish
from .failures import failure
from .numbers import as_int32, is_number, truncated_long
from .strings import coerce_to_string


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_continuation(data: bytes, place: int) -> bool:
    return place < len(data) and data[place] & 0xC0 == 0x80


def _substr_bytes(text: Any, start: Any, length: Any) -> str:
    data = _encoded(coerce_to_string(text))
    if not is_number(start):
        raise failure(16034, f"$substrBytes:  starting index must be a numeric type (is BSON type {type_name(start)})")
    if not is_number(length):
        raise failure(16035, f"$substrBytes:  length must be a numeric type (is BSON type {type_name(length)})")
    first, count = truncated_long(start), truncated_long(length)
    if first < 0:
        raise failure(50752, f"$substrBytes:  starting index must be non-negative (got: {first})")
    if _is_continuation(data, first):
        raise failure(28656, "$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.")
    end = len(data) if count < 0 else first + count
    if _is_continuation(data, end):
        raise failure(28657, "$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.")
    return made(data[first:end].decode("utf-8", "surrogatepass"))


function("$substrBytes", 3)(_substr_bytes)
function("$substr", 3)(_substr_bytes)


@function("$substrCP", 3)
def substring_of_code_points(text: Any, start: Any, length: Any) -> str:
    """``length`` code points of a string from ``start``."""
    whole_text = coerce_to_string(text)
    first = _code_point_number(start, 34450, 34451, "starting index")
    count = _code_point_number(length, 34452, 34453, "length")
    if count < 0:
        raise failure(34454, "$substrCP: length must be a nonnegative integer.")
    if first < 0:
        raise failure(34455, "$substrCP: the starting index must be nonnegative integer.")
    return made(whole_text[first : first + count])


def _code_point_number(value: Any, not_number: int, not_int: int, which: str) -> int:
    if not is_number(value):
        raise failure(not_number, f"$substrCP: {which} must be a numeric type (is BSON type {type_name(value)})")
    number = as_int32(value)
    if number is None:
        raise failure(not_int, f"$substrCP: {which} cannot be represented as a 32-bit integral value: {value}")
    return number


@function("$indexOfBytes", 2, 4)
def index_of_bytes(text: Any, token: Any, *bounds: Any) -> int | None:
    """The byte index of the first occurrence between two bounds, or -1."""
    if nullish(text):
        return None
    data, wanted = _search_operands("$indexOfBytes", 40091, 40092, text, token)
    encoded = _encoded(data)
    start, end = search_bounds("$indexOfBytes", len(encoded), *bounds)
    return encoded.find(_encoded(wanted), start, end) if start <= min(end, len(encoded)) else -1


@function("$indexOfCP", 2, 4)
def index_of_code_points(text: Any, token: Any, *bounds: Any) -> int | None:
    """The code point index of the first occurrence between two bounds, or -1."""
    if nullish(text):
        return None
    data, wanted = _search_operands("$indexOfCP", 40093, 40094, text, token)
    start, end = search_bounds("$indexOfCP", len(data), *bounds)
    return data.find(wanted, start, end) if start <= min(end, len(data)) else -1


def _search_operands(name: str, first: int, second: int, text: Any, token: Any) -> tuple[str, str]:
    if not isinstance(text, str):
        raise failure(first, f"{name} requires a string as the first argument, found: {type_name(text)}")
    if not isinstance(token, str):
        raise failure(second, f"{name} requires a string as the second argument, found: {type_name(token)}")
    return text, token
