"""$arrayToObject $objectToArray $getField $setField $unsetField."""

from __future__ import annotations

from typing import Any

from ..values import MISSING, is_text, type_name
from .building import nullish, single
from .compiler import compile_in
from .failures import failure
from .registry import Constant, Document, Evaluate, Variables, fold, operator
from .scope import Scope


@single("$objectToArray")
def object_to_array(value: Any) -> list[dict[str, Any]]:
    """The members as documents ``{k, v}``."""
    if not isinstance(value, dict):
        raise failure(40390, f"$objectToArray requires a document input, found: {type_name(value)}")
    return [{"k": key, "v": member} for key, member in value.items()]


@single("$arrayToObject")
def array_to_object(value: Any) -> dict[str, Any]:
    """An object of the pairs ``[key, value]`` or documents ``{k, v}`` of an array; later keys win."""
    if not isinstance(value, list):
        raise failure(40386, f"$arrayToObject requires an array input, found: {type_name(value)}")
    if not value:
        return {}
    pair = _pair_of_array if isinstance(value[0], list) else _pair_of_document
    if not isinstance(value[0], list | dict):
        raise failure(40398, f"Unrecognised input type format for $arrayToObject: {type_name(value[0])}")
    return dict(pair(item) for item in value)


def _pair_of_array(item: Any) -> tuple[str, Any]:
    if not isinstance(item, list):
        raise failure(
            40396, f"$arrayToObject requires a consistent input format. Expected array, found: {type_name(item)}"
        )
    if len(item) != 2:
        raise failure(40397, f"$arrayToObject requires an array of size 2 arrays, found array of size: {len(item)}")
    if not isinstance(item[0], str):
        raise failure(
            40395, f"$arrayToObject requires an array of key-value pairs, found key of type: {type_name(item[0])}"
        )
    return _without_null(item[0], 4940400), item[1]


def _pair_of_document(item: Any) -> tuple[str, Any]:
    if not isinstance(item, dict):
        raise failure(
            40391, f"$arrayToObject requires a consistent input format. Expected object, found: {type_name(item)}"
        )
    if len(item) != 2:
        raise failure(
            40392, f"$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys: {len(item)}"
        )
    if "k" not in item or "v" not in item:
        raise failure(40393, "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys")
    if not isinstance(item["k"], str):
        raise failure(40394, f"$arrayToObject requires 'k' to be of type string. Found type: {type_name(item['k'])}")
    return _without_null(item["k"], 4940401), item["v"]


def _without_null(key: str, number: int) -> str:
    if "\0" in key:
        raise failure(number, "Key field cannot contain an embedded null byte")
    return key


@operator("$getField")
def build_get_field(operand: Any, scope: Scope) -> Evaluate:
    """The member of ``input`` (default: the current document) whose name is ``field``, dots and dollars included."""
    short = not isinstance(operand, dict) or (operand != {} and next(iter(operand)).startswith("$"))
    arguments = {"field": operand} if short else operand
    for key in arguments:
        if key not in ("field", "input"):
            raise failure(3041701, f"$getField found an unknown argument: {key}")
    if "field" not in arguments:
        raise failure(3041702, "$getField requires 'field' to be specified")
    if "input" not in arguments and not short:
        raise failure(3041703, "$getField requires 'input' to be specified")
    name = _field_name("$getField", arguments["field"], scope, 5654601, 5654602)
    source = compile_in(arguments.get("input", "$$CURRENT"), scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        value = source(document, variables)
        if isinstance(value, dict):
            return value.get(name, MISSING)
        return None if value is None else MISSING

    return fold(evaluate, (source,))


def _field_name(operator_name: str, expression: Any, scope: Scope, not_constant: int, not_string: int) -> str:
    if is_text(expression) and expression.startswith("$"):
        message = (
            f"A field path reference which is not allowed in this context. Did you mean {{$literal: '{expression}'}}?"
        )
        raise failure(not_constant, message)
    part = compile_in(expression, scope)
    if not isinstance(part, Constant):
        raise failure(not_constant, f"{operator_name} requires 'field' to evaluate to a constant")
    if not is_text(part.value):
        message = f"{operator_name} requires 'field' to evaluate to type String, but got {type_name(part.value)}"
        raise failure(not_string, message)
    return part.value


@operator("$setField")
def build_set_field(operand: Any, scope: Scope) -> Evaluate:
    """``input`` with the member ``field`` set to ``value``; ``$$REMOVE`` takes the member away."""
    return _set_field("$setField", operand, ("field", "input", "value"), scope)


@operator("$unsetField")
def build_unset_field(operand: Any, scope: Scope) -> Evaluate:
    """``input`` without the member ``field``."""
    return _set_field("$unsetField", operand, ("field", "input"), scope)


def _set_field(operator_name: str, operand: Any, required: tuple[str, ...], scope: Scope) -> Evaluate:
    if not isinstance(operand, dict):
        raise failure(4161100, f"{operator_name} only supports an object as its argument")
    for key in operand:
        if key not in required:
            raise failure(4161101, f"{operator_name} found an unknown argument: {key}")
    for key in required:
        if key not in operand:
            raise failure(4161102, f"{operator_name} requires '{key}' to be specified")
    name = _field_name(operator_name, operand["field"], scope, 4161106, 4161107)
    source = compile_in(operand["input"], scope)
    value = compile_in(operand["value"], scope) if "value" in operand else Constant(MISSING)

    def evaluate(document: Document, variables: Variables) -> Any:
        target = source(document, variables)
        if nullish(target):
            return None
        if not isinstance(target, dict):
            raise failure(4161105, f"{operator_name} requires 'input' to evaluate to type Object")
        return with_member(target, name, value(document, variables))

    return fold(evaluate, (source, value))


def with_member(target: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A copy of ``target`` with one member set, or removed when ``value`` is `MISSING`."""
    result = dict(target)
    if value is MISSING:
        result.pop(name, None)
    else:
        result[name] = value
    return result
