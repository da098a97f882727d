from __future__ import annotations

from typing import Any

import pytest
from bson import Binary, Decimal128, Int64

from yunbox.documents.query.match import compile_filter
from yunbox.errors import QueryError

SCHEMAS: list[tuple[Any, Any, bool]] = [
    ({"required": ["a"]}, {"a": None}, True),
    ({"required": ["a"]}, {"b": 1}, False),
    ({"properties": {"a": {"bsonType": ["int", "long"]}}}, {"a": Int64(1)}, True),
    ({"properties": {"a": {"bsonType": "number"}}}, {"a": "1"}, False),
    ({"properties": {"a": {"type": "number"}}}, {}, True),
    ({"properties": {"a": {"minimum": 3}}}, {"a": 3}, True),
    ({"properties": {"a": {"minimum": 3, "exclusiveMinimum": True}}}, {"a": 3}, False),
    ({"properties": {"a": {"maximum": 3}}}, {"a": "x"}, True),
    ({"properties": {"a": {"multipleOf": 0.1}}}, {"a": 0.3}, True),
    ({"properties": {"a": {"multipleOf": Decimal128("0.2")}}}, {"a": 0.3}, False),
    ({"properties": {"a": {"minLength": 2, "maxLength": 3}}}, {"a": "中文字"}, True),
    ({"properties": {"a": {"pattern": "^x"}}}, {"a": "ax"}, False),
    ({"properties": {"a": {"enum": [1, {"x": 1, "y": 2}]}}}, {"a": {"y": 2, "x": 1}}, True),
    ({"properties": {"a": {"enum": [1, 2]}}}, {"a": 3}, False),
    ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 1]}, False),
    ({"properties": {"a": {"items": [{"type": "string"}], "additionalItems": False}}}, {"a": ["x", 1]}, False),
    ({"properties": {"a": {"items": [{}], "additionalItems": {"type": "number"}}}}, {"a": ["x", 1]}, True),
    ({"properties": {"a": {"minItems": 1, "maxItems": 2, "uniqueItems": True}}}, {"a": [1, 1.0]}, False),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, True),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, False),
    (
        {"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": {"type": "string"}},
        {"n_a": 1, "b": "x"},
        True,
    ),
    ({"patternProperties": {"^n_": {"type": "number"}}}, {"n_a": "x"}, False),
    ({"minProperties": 2}, {"a": 1}, False),
    ({"dependencies": {"a": ["b"]}}, {"a": 1}, False),
    ({"dependencies": {"a": {"required": ["b"]}}}, {"a": 1, "b": 1}, True),
    ({"allOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, False),
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, True),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 1}, False),
    ({"not": {"required": ["a"]}}, {"b": 1}, True),
    ({"properties": {"a": {"properties": {"b": {"type": "object"}}}}}, {"a": {"b": 1}}, False),
    ({"properties": {"a": {"encrypt": {}}}}, {"a": Binary(b"x", 6)}, True),
    ({"title": "t", "description": "d"}, {}, True),
]


@pytest.mark.parametrize(("schema", "document", "valid"), SCHEMAS)
def test_schemas(schema: Any, document: Any, valid: bool) -> None:
    assert compile_filter({"$jsonSchema": schema})(document) is valid


@pytest.mark.parametrize(
    ("schema", "number"),
    [
        (5, 14),
        ({"foo": 1}, 9),
        ({"$ref": "x"}, 9),
        ({"type": "integer"}, 9),
        ({"type": "string", "bsonType": "int"}, 9),
        ({"bsonType": "nope"}, 2),
        ({"required": []}, 9),
        ({"required": ["a", "a"]}, 9),
        ({"properties": {"a": 1}}, 14),
        ({"minimum": "x"}, 14),
        ({"exclusiveMinimum": True}, 9),
        ({"multipleOf": 0}, 9),
        ({"maxLength": -1}, 9),
        ({"maxLength": 1.5}, 9),
        ({"enum": []}, 9),
        ({"allOf": []}, 2),
        ({"items": 5}, 14),
        ({"uniqueItems": 1}, 14),
        ({"pattern": "("}, 51091),
        ({"encrypt": {}, "bsonType": "int"}, 9),
    ],
)
def test_refused_schemas(schema: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_filter({"$jsonSchema": schema})
    assert caught.value.number == number
