"""Values as MongoDB sees them: types, the order of all values across types, equality, dates.

The order is the one of BSON comparison: MinKey, missing and undefined, null, NaN, numbers (int, long, double and Decimal128
together, compared exactly), strings, objects, arrays, binary, ObjectId, booleans, dates, timestamps, regular expressions,
code, MaxKey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from re import Pattern
from typing import Any, Final, Protocol, TypeGuard

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

Document = dict[str, Any]


class Collation(Protocol):
    """How strings compare; see ``collation.compile_collation``."""

    def key(self, text: str) -> Any:
        """A value that orders and equals as ``text`` does under this collation."""

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for collations that order all strings alike."""


class _Missing:
    """The value of a field that is not there. Falsy, and equal only to itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> _Missing:
        return self

    def __deepcopy__(self, memo: Any) -> _Missing:
        return self


class _Undefined(_Missing):
    """BSON's deprecated ``undefined``: a stored value that mostly behaves as null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"


MISSING: Final = _Missing()
UNDEFINED: Final = _Undefined()

INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1
INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MILLIS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
_LAST_MILLIS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
# Up to the year 2038 seconds as a double are exact to a quarter of a microsecond, and twice as fast.
_NEAR_MILLIS = 2**31 * 1000

# Brackets of the value order (also the first column of index keys).
MIN_KEY, UNDEFINED_BRACKET, NULL, NAN, NUMBER, STRING, OBJECT, ARRAY = 0, 0.5, 1, 2, 3, 4, 5, 6
BINARY, OBJECT_ID, BOOLEAN, DATE, TIMESTAMP, REGEX, CODE, CODE_WITH_SCOPE, MAX_KEY = (
    7,
    8,
    9,
    10,
    11,
    12,
    12.25,
    12.5,
    13,
)

_BRACKETS: dict[type, float] = {
    type(None): NULL,
    bool: BOOLEAN,
    int: NUMBER,
    Int64: NUMBER,
    str: STRING,
    dict: OBJECT,
    list: ARRAY,
    tuple: ARRAY,
    bytes: BINARY,
    Binary: BINARY,
    ObjectId: OBJECT_ID,
    datetime: DATE,
    DatetimeMS: DATE,
    Timestamp: TIMESTAMP,
    Regex: REGEX,
    Pattern: REGEX,
    MinKey: MIN_KEY,
    MaxKey: MAX_KEY,
    _Missing: UNDEFINED_BRACKET,
    _Undefined: UNDEFINED_BRACKET,
}


def bracket(value: Any) -> float | int:
    """The place of the value's type in the order of types: 0 MinKey, 0.5 missing or undefined, 1 null, 2 NaN, 3 numbers,
    4 strings, 5 objects, 6 arrays, 7 binary, 8 ObjectId, 9 booleans, 10 dates, 11 timestamps, 12 regex, 13 MaxKey.
    """
    found = _BRACKETS.get(type(value))
    if found is not None:
        return found
    return _unusual_bracket(value)


def _unusual_bracket(value: Any) -> float | int:
    if isinstance(value, float):
        return NUMBER if value == value else NAN
    if isinstance(value, Decimal128):
        return NAN if value.to_decimal().is_nan() else NUMBER
    if isinstance(value, Code):
        return CODE if value.scope is None else CODE_WITH_SCOPE
    for kind, place in _BRACKETS.items():
        if isinstance(value, kind):
            return place
    if isinstance(value, Mapping):
        return OBJECT
    raise TypeError(f"a document cannot hold a {type(value).__name__}")


def sort_key(value: Any, collation: Collation | None = None) -> tuple[Any, ...]:
    """A tuple that orders and hashes as the value does in MongoDB: 1, 1.0, Int64(1) and Decimal128("1") give equal keys."""
    kind = type(value)
    if kind is int:
        return (NUMBER, value)
    if kind is str:
        return (STRING, value if collation is None else collation.key(value))
    if kind is float:
        return (NUMBER, value) if value == value else (NAN, 0)
    if kind is dict:
        return (OBJECT, tuple([_field_key(name, item, collation) for name, item in value.items()]))
    if kind is list:
        return (ARRAY, tuple([sort_key(item, collation) for item in value]))
    place = bracket(value)
    return (place, _INNER_KEYS[place](value, collation))


def _field_key(name: str, value: Any, collation: Collation | None) -> tuple[Any, ...]:
    # Objects compare field by field: type of the value first, then the name, then the value.
    key = sort_key(value, collation)
    return (key[0], name, key[1])


def _constant(value: Any, collation: Collation | None) -> int:
    return 0


def _number_key(value: Any, collation: Collation | None) -> int | float | Decimal:
    return value.to_decimal() if isinstance(value, Decimal128) else value


def _string_key(value: Any, collation: Collation | None) -> Any:
    return str(value) if collation is None else collation.key(str(value))


def _object_key(value: Any, collation: Collation | None) -> tuple[Any, ...]:
    return tuple(_field_key(name, item, collation) for name, item in value.items())


def _array_key(value: Any, collation: Collation | None) -> tuple[Any, ...]:
    return tuple(sort_key(item, collation) for item in value)


def _binary_key(value: Any, collation: Collation | None) -> tuple[int, int, bytes]:
    return (len(value), getattr(value, "subtype", 0), bytes(value))


def _code_with_scope_key(value: Any, collation: Collation | None) -> tuple[Any, ...]:
    return (str(value), sort_key(dict(value.scope)))


_INNER_KEYS: dict[float, Callable[[Any, Collation | None], Any]] = {
    MIN_KEY: _constant,
    UNDEFINED_BRACKET: _constant,
    NULL: _constant,
    NAN: _constant,
    NUMBER: _number_key,
    STRING: _string_key,
    OBJECT: _object_key,
    ARRAY: _array_key,
    BINARY: _binary_key,
    OBJECT_ID: lambda value, collation: value.binary,
    BOOLEAN: lambda value, collation: value,
    DATE: lambda value, collation: date_millis(value),
    TIMESTAMP: lambda value, collation: (value.time, value.inc),
    REGEX: lambda value, collation: regex_parts(value),
    CODE: lambda value, collation: str(value),
    CODE_WITH_SCOPE: _code_with_scope_key,
    MAX_KEY: _constant,
}


def compare(a: Any, b: Any, collation: Collation | None = None) -> int:
    """-1, 0 or 1 as ``a`` sorts before, with or after ``b``."""
    left, right = sort_key(a, collation), sort_key(b, collation)
    if left == right:
        return 0
    return -1 if left < right else 1


def equal(a: Any, b: Any, collation: Collation | None = None) -> bool:
    """Whether two values are the same to MongoDB: numbers by value, objects with the same fields in the same order."""
    return sort_key(a, collation) == sort_key(b, collation)


TYPE_NUMBERS: Final[dict[str, int]] = {
    "double": 1,
    "string": 2,
    "object": 3,
    "array": 4,
    "binData": 5,
    "undefined": 6,
    "objectId": 7,
    "bool": 8,
    "date": 9,
    "null": 10,
    "regex": 11,
    "dbPointer": 12,
    "javascript": 13,
    "symbol": 14,
    "javascriptWithScope": 15,
    "int": 16,
    "timestamp": 17,
    "long": 18,
    "decimal": 19,
    "minKey": -1,
    "maxKey": 127,
}

_TYPE_NAMES: dict[float, str] = {
    MIN_KEY: "minKey",
    NULL: "null",
    STRING: "string",
    OBJECT: "object",
    ARRAY: "array",
    BINARY: "binData",
    OBJECT_ID: "objectId",
    BOOLEAN: "bool",
    DATE: "date",
    TIMESTAMP: "timestamp",
    REGEX: "regex",
    CODE: "javascript",
    CODE_WITH_SCOPE: "javascriptWithScope",
    MAX_KEY: "maxKey",
}


def type_name(value: Any) -> str:
    """The ``$type`` alias of a value (``int``, ``long``, ``double``, ``objectId`` …); ``missing`` for MISSING."""
    if type(value) is int:
        return "int" if INT32_MIN <= value <= INT32_MAX else "long"
    if isinstance(value, float):
        return "double"
    if isinstance(value, Int64):
        return "long"
    if isinstance(value, Decimal128):
        return "decimal"
    if isinstance(value, _Missing):
        return "undefined" if value is UNDEFINED else "missing"
    place = bracket(value)
    return "int" if place == NUMBER else _TYPE_NAMES[place]


def is_number(value: Any) -> bool:
    """Whether the value is an int, long, double or Decimal128 (a bool is not)."""
    kind = type(value)
    return kind is int or kind is float or kind is Int64 or kind is Decimal128


def is_text(value: Any) -> TypeGuard[str]:
    """Whether the value is a string: ``Code`` is none, although its class is one of Python's strings."""
    return isinstance(value, str) and not isinstance(value, Code)


def is_truthy(value: Any) -> bool:
    """Truth in aggregation: everything but missing, undefined, null, false and zero."""
    if value is None or isinstance(value, _Missing):
        return False
    if isinstance(value, Decimal128):
        return value.to_decimal() != 0
    if isinstance(value, (bool, int, float)):
        return value != 0
    return True


def date_millis(value: Any) -> int:
    """Milliseconds since 1970 of a date; a naive ``datetime`` counts as UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        since = aware - EPOCH
        return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    if isinstance(value, DatetimeMS):
        return int(value)
    raise TypeError(f"not a date: {type(value).__name__}")


def from_millis(millis: int) -> datetime | DatetimeMS:
    """The date at ``millis`` since 1970; a ``DatetimeMS`` outside the years 1 to 9999."""
    if 0 <= millis < _NEAR_MILLIS:
        return datetime.fromtimestamp(millis / 1000, UTC)
    if _FIRST_MILLIS <= millis <= _LAST_MILLIS:
        return EPOCH + timedelta(milliseconds=millis)
    return DatetimeMS(millis)


def is_date(value: Any) -> bool:
    """Whether the value is a BSON date."""
    return isinstance(value, (datetime, DatetimeMS))


_REGEX_LETTERS = (("i", 2), ("l", 4), ("m", 8), ("s", 16), ("u", 32), ("x", 64))


def regex_parts(value: Any) -> tuple[str, str]:
    """Pattern and option letters, in alphabetical order, of a BSON regular expression."""
    pattern = value.pattern
    if isinstance(pattern, bytes):
        pattern = pattern.decode("utf-8", "replace")
    flags = int(value.flags)
    if isinstance(value, Pattern):
        flags &= ~32  # Python sets its Unicode flag on every str pattern.
    return pattern, "".join(letter for letter, bit in _REGEX_LETTERS if flags & bit)
