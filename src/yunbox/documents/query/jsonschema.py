"""``$jsonSchema``: MongoDB's dialect of JSON Schema draft 4, with ``bsonType``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bson import Decimal128

from yunbox.errors import QueryError

from . import predicates
from .numbers import as_decimal
from .paths import Predicate
from .regex import compile_regex
from .values import ARRAY, MISSING, OBJECT, TYPE_NUMBERS, is_number, sort_key, type_name

Schema = Mapping[str, Any]

_JSON_TYPES = {
    "object": ("object",),
    "array": ("array",),
    "number": ("int", "long", "double", "decimal"),
    "boolean": ("bool",),
    "string": ("string",),
    "null": ("null",),
}
_UNSUPPORTED = frozenset({"$ref", "$schema", "default", "definitions", "format", "id"})


def compile_schema(schema: Any) -> Callable[[Any], bool]:
    """A test of documents against a schema. Raises `QueryError` for a schema that MongoDB refuses."""
    if not isinstance(schema, Mapping):
        raise _mismatch("$jsonSchema must be an object")
    return _compile(schema)


def _mismatch(message: str) -> QueryError:
    return QueryError(message, number=14, name="TypeMismatch")


def _unparsable(message: str) -> QueryError:
    return QueryError(message, number=9, name="FailedToParse")


def _compile(schema: Schema) -> Predicate:
    _check_keywords(schema)
    tests = [build(schema[name], schema) for name, build in _KEYWORDS.items() if name in schema]
    if not tests:
        return lambda value: True
    return lambda value: all(test(value) for test in tests)


def _check_keywords(schema: Schema) -> None:
    for name in schema:
        if name in _UNSUPPORTED:
            raise _unparsable(f"$jsonSchema keyword '{name}' is not currently supported")
        if name not in _KEYWORDS:
            raise _unparsable(f"Unknown $jsonSchema keyword: {name}")
    if "type" in schema and "bsonType" in schema:
        raise _unparsable("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'")
    if "encrypt" in schema and ("type" in schema or "bsonType" in schema):
        raise _unparsable(
            "$jsonSchema keyword 'encrypt' cannot be used in conjunction with 'type' or 'bsonType': it implies BinData"
        )


def _subschema(value: Any, keyword: str) -> Predicate:
    if not isinstance(value, Mapping):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' must be an object, but got {type_name(value)}")
    return _compile(value)


def _type(operand: Any, schema: Schema) -> Predicate:
    names: set[str] = set()
    for name in _type_list("type", operand):
        if name not in _JSON_TYPES:
            hint = "; use bsonType 'int' or 'long'" if name == "integer" else ""
            raise _unparsable(f"$jsonSchema type '{name}' is not currently supported{hint}")
        names.update(_JSON_TYPES[name])
    return lambda value: type_name(value) in names


def _bson_type(operand: Any, schema: Schema) -> Predicate:
    names: set[str] = set()
    for name in _type_list("bsonType", operand):
        if name not in TYPE_NUMBERS and name != "number":
            raise predicates.bad_value(f"Unknown type name alias: {name}")
        names.update(_JSON_TYPES["number"] if name == "number" else (name,))
    return lambda value: type_name(value) in names


def _type_list(keyword: str, operand: Any) -> list[str]:
    names = operand if isinstance(operand, list) else [operand]
    if not isinstance(operand, (str, list)):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' must be either a string or an array of strings")
    if not names:
        raise _unparsable(f"$jsonSchema keyword '{keyword}' must name at least one type")
    if not all(isinstance(name, str) for name in names):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' array elements must be strings")
    if len(set(names)) < len(names):
        raise _unparsable(f"$jsonSchema keyword '{keyword}' has duplicate value")
    return names


def _unordered_key(value: Any) -> Any:
    """Equality of a value without regard to the order of fields."""
    if type(value) is dict:
        return (OBJECT, frozenset((name, _unordered_key(item)) for name, item in value.items()))
    if type(value) is list:
        return (ARRAY, tuple(_unordered_key(item) for item in value))
    return sort_key(value)


def _enum(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, list):
        raise _mismatch(
            f"$jsonSchema keyword 'enum' must be an array, but found an element of type {type_name(operand)}"
        )
    if not operand:
        raise _unparsable("$jsonSchema keyword 'enum' cannot be an empty array")
    keys = {_unordered_key(item) for item in operand}
    if len(keys) < len(operand):
        raise _unparsable("$jsonSchema keyword 'enum' array cannot contain duplicate values")
    return lambda value: _unordered_key(value) in keys


def _bound(keyword: str, operator: str, exclusive: str) -> Callable[[Any, Schema], Predicate]:
    def build(operand: Any, schema: Schema) -> Predicate:
        if not is_number(operand):
            raise _mismatch(f"$jsonSchema keyword '{keyword}' must be a number")
        strict = schema.get(exclusive, False)
        test = predicates.ordering(operator if strict else f"{operator}e", operand)
        return lambda value: not is_number(value) or test(value)

    return build


def _exclusive(keyword: str, companion: str) -> Callable[[Any, Schema], Predicate]:
    def build(operand: Any, schema: Schema) -> Predicate:
        if not isinstance(operand, bool):
            raise _mismatch(f"$jsonSchema keyword '{keyword}' must be a boolean")
        if companion not in schema:
            raise _unparsable(f"$jsonSchema keyword '{companion}' must be a present if {keyword} is present")
        return lambda value: True

    return build


def _multiple_of(operand: Any, schema: Schema) -> Predicate:
    if not is_number(operand):
        raise _mismatch("$jsonSchema keyword 'multipleOf' must be a number")
    divisor = as_decimal(operand)
    if not divisor.is_finite() or divisor <= 0:
        raise _unparsable("$jsonSchema keyword 'multipleOf' must have a positive value")

    def test(value: Any) -> bool:
        if not is_number(value):
            return True
        number = as_decimal(value)
        return number.is_finite() and _is_multiple(number, divisor)

    return test


def _is_multiple(number: Decimal, divisor: Decimal) -> bool:
    (a, b), (c, d) = number.as_integer_ratio(), divisor.as_integer_ratio()
    return (a * d) % (b * c) == 0


def _count(keyword: str, operand: Any) -> int:
    if not is_number(operand):
        raise _mismatch(f"$jsonSchema keyword '{keyword}': expected a number, got {type_name(operand)}")
    exact = operand.to_decimal() if isinstance(operand, Decimal128) else operand
    number = predicates.integral(operand) if math.isfinite(exact) else None
    if number is None:
        raise _unparsable(f"Expected an integer: {keyword}: {operand}")
    if number < 0:
        raise _unparsable(f"Expected a non-negative number in: {keyword}: {operand}")
    return number


def _sized(keyword: str, kind: Any, *, least: bool) -> Callable[[Any, Schema], Predicate]:
    def build(operand: Any, schema: Schema) -> Predicate:
        count = _count(keyword, operand)
        if least:
            return lambda value: type(value) is not kind or len(value) >= count
        return lambda value: type(value) is not kind or len(value) <= count

    return build


def _pattern(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, str):
        raise _mismatch("$jsonSchema keyword 'pattern' must be a string")
    test = compile_regex(operand).test
    return lambda value: type(value) is not str or test(value)


def _properties(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, Mapping):
        raise _mismatch("$jsonSchema keyword 'properties' must be an object")
    tests = [(name, _property(name, inner)) for name, inner in operand.items()]

    def test(value: Any) -> bool:
        if type(value) is not dict:
            return True
        return all(name not in value or check(value[name]) for name, check in tests)

    return test


def _property(name: str, inner: Any) -> Predicate:
    if not isinstance(inner, Mapping):
        raise _mismatch(f"Nested schema for $jsonSchema property '{name}' must be an object")
    return _compile(inner)


def _pattern_properties(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, Mapping):
        raise _mismatch("$jsonSchema keyword 'patternProperties' must be an object")
    tests = [(compile_regex(pattern).test, _property(pattern, inner)) for pattern, inner in operand.items()]

    def test(value: Any) -> bool:
        if type(value) is not dict:
            return True
        return all(check(item) for name, item in value.items() for matches, check in tests if matches(name))

    return test


def _additional_properties(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, (bool, Mapping)):
        raise _mismatch("$jsonSchema keyword 'additionalProperties' must be an object or a boolean")
    known = set(schema.get("properties", ()))
    patterns = [compile_regex(pattern).test for pattern in schema.get("patternProperties", ())]
    check = _compile(operand) if isinstance(operand, Mapping) else (lambda value: bool(operand))

    def test(value: Any) -> bool:
        if type(value) is not dict:
            return True
        return all(
            name in known or any(matches(name) for matches in patterns) or check(item) for name, item in value.items()
        )

    return test


def _required(operand: Any, schema: Schema) -> Predicate:
    names = _names("required", operand)
    return lambda value: type(value) is not dict or all(name in value for name in names)


def _names(keyword: str, operand: Any) -> list[str]:
    if not isinstance(operand, list):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' must be an array, but found {type_name(operand)}")
    if not operand:
        raise _unparsable(f"$jsonSchema keyword '{keyword}' cannot be an empty array")
    if not all(isinstance(name, str) for name in operand):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' must be an array of strings")
    if len(set(operand)) < len(operand):
        raise _unparsable(f"$jsonSchema keyword '{keyword}' array cannot contain duplicate values")
    return operand


def _dependencies(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, Mapping):
        raise _mismatch("$jsonSchema keyword 'dependencies' must be an object")
    tests = [(name, _dependency(name, inner)) for name, inner in operand.items()]

    def test(value: Any) -> bool:
        return type(value) is not dict or all(name not in value or check(value) for name, check in tests)

    return test


def _dependency(name: str, inner: Any) -> Predicate:
    if isinstance(inner, list):
        return _required(_names("dependencies", inner), {})
    return _subschema(inner, f"dependencies.{name}")


def _items(operand: Any, schema: Schema) -> Predicate:
    if isinstance(operand, Mapping):
        check = _compile(operand)
        return lambda value: type(value) is not list or all(check(item) for item in value)
    if not isinstance(operand, list):
        raise _mismatch(f"$jsonSchema keyword 'items' must be an array or an object, not {type_name(operand)}")
    for inner in operand:
        if not isinstance(inner, Mapping):
            raise _mismatch(
                f"$jsonSchema keyword 'items' requires that each element of the array is an object, but found a {type_name(inner)}"
            )
    checks = [_compile(inner) for inner in operand]
    return lambda value: type(value) is not list or all(check(item) for check, item in zip(checks, value, strict=False))


def _additional_items(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, (bool, Mapping)):
        raise _mismatch(
            f"$jsonSchema keyword 'additionalItems' must be either an object or a boolean, but got a {type_name(operand)}"
        )
    check = _compile(operand) if isinstance(operand, Mapping) else (lambda value: bool(operand))
    items = schema.get("items")
    if not isinstance(items, list):
        return lambda value: True
    listed = len(items)
    return lambda value: type(value) is not list or all(check(item) for item in value[listed:])


def _unique_items(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, bool):
        raise _mismatch("$jsonSchema keyword 'uniqueItems' must be a boolean")
    if not operand:
        return lambda value: True
    return lambda value: type(value) is not list or len({_unordered_key(item) for item in value}) == len(value)


def _schemas(keyword: str, operand: Any) -> list[Predicate]:
    if not isinstance(operand, list):
        raise _mismatch(f"$jsonSchema keyword '{keyword}' must be an array")
    if not operand:
        raise predicates.bad_value(f"$jsonSchema keyword '{keyword}' must be a non-empty array")
    return [_subschema(inner, keyword) for inner in operand]


def _all_of(operand: Any, schema: Schema) -> Predicate:
    tests = _schemas("allOf", operand)
    return lambda value: all(test(value) for test in tests)


def _any_of(operand: Any, schema: Schema) -> Predicate:
    tests = _schemas("anyOf", operand)
    return lambda value: any(test(value) for test in tests)


def _one_of(operand: Any, schema: Schema) -> Predicate:
    tests = _schemas("oneOf", operand)
    return lambda value: sum(test(value) for test in tests) == 1


def _not(operand: Any, schema: Schema) -> Predicate:
    test = _subschema(operand, "not")
    return lambda value: not test(value)


def _text(keyword: str) -> Callable[[Any, Schema], Predicate]:
    def build(operand: Any, schema: Schema) -> Predicate:
        if not isinstance(operand, str):
            raise _mismatch(f"$jsonSchema keyword '{keyword}' must be of type string")
        return lambda value: True

    return build


_ENCRYPTED = 6


def _encrypt(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, Mapping):
        raise _mismatch("$jsonSchema keyword 'encrypt' must be an object")
    _check_encryption("encrypt", operand)
    return lambda value: getattr(value, "subtype", MISSING) == _ENCRYPTED


def _encrypt_metadata(operand: Any, schema: Schema) -> Predicate:
    if not isinstance(operand, Mapping):
        raise _mismatch("$jsonSchema keyword 'encryptMetadata' must be an object")
    _check_encryption("encryptMetadata", operand)
    return lambda value: True


def _check_encryption(keyword: str, operand: Mapping[str, Any]) -> None:
    for name, wanted in (("algorithm", "string"), ("keyId", "array")):
        if name in operand and type_name(operand[name]) != wanted:
            raise _mismatch(
                f"BSON field '{keyword}.{name}' is the wrong type '{type_name(operand[name])}', expected type '{wanted}'"
            )
    for name in operand:
        if name not in ("algorithm", "keyId", "bsonType"):
            raise QueryError(f"BSON field '{keyword}.{name}' is an unknown field.", number=40415, name="Location40415")


_KEYWORDS: dict[str, Callable[[Any, Schema], Predicate]] = {
    "type": _type,
    "bsonType": _bson_type,
    "enum": _enum,
    "minimum": _bound("minimum", "$gt", "exclusiveMinimum"),
    "maximum": _bound("maximum", "$lt", "exclusiveMaximum"),
    "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum"),
    "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum"),
    "multipleOf": _multiple_of,
    "minLength": _sized("minLength", str, least=True),
    "maxLength": _sized("maxLength", str, least=False),
    "pattern": _pattern,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "required": _required,
    "minProperties": _sized("minProperties", dict, least=True),
    "maxProperties": _sized("maxProperties", dict, least=False),
    "dependencies": _dependencies,
    "items": _items,
    "additionalItems": _additional_items,
    "minItems": _sized("minItems", list, least=True),
    "maxItems": _sized("maxItems", list, least=False),
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "title": _text("title"),
    "description": _text("description"),
    "encrypt": _encrypt,
    "encryptMetadata": _encrypt_metadata,
}
