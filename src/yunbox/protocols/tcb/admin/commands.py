"""Query commands that the SDKs leave unencoded.

@cloudbase/database 0.1 (wx-server-sdk 0.8) does so in ``aggregate().match()``; all later ones below an ``elemMatch`` inside
another command: ``_.all([_.elemMatch({ n: _.gt(1) })])``. They arrive as the SDK's own objects,
``{"operator": "gt", "operands": [0], "fieldName": {}}``, in the old dialect with dates as ISO texts.
"""

from __future__ import annotations

import re
from typing import Any

_OPERATORS = {
    "eq": "$eq",
    "neq": "$ne",
    "gt": "$gt",
    "gte": "$gte",
    "lt": "$lt",
    "lte": "$lte",
    "in": "$in",
    "nin": "$nin",
    "not": "$not",
    "all": "$all",
    "elemMatch": "$elemMatch",
    "exists": "$exists",
    "size": "$size",
    "mod": "$mod",
}
_OF_LISTS = ("in", "nin")
"""Their operands are the list itself (database 0.9.22 and later) or hold it."""
_LOGIC = {"and": "$and", "or": "$or", "nor": "$nor"}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def encode_commands(stage: Any) -> Any:
    """A stage's value with such commands in the form of the query language; everything else stays as it is."""
    try:
        return _encode(stage)
    except RecursionError:  # nested more deeply than the decoder allows, which tells the caller
        return stage


def _encode(stage: Any) -> Any:
    if isinstance(stage, list):
        return [_encode(item) for item in stage]
    if not isinstance(stage, dict):
        return stage
    if _is_logic(stage):
        return _logic(stage, "")
    encoded: dict[str, Any] = {}
    conditions: list[Any] = []
    for name, value in stage.items():
        if _is_logic(value):
            conditions.append(_logic(value, name))
        else:
            encoded[name] = _comparison(value) if _is_command(value, _OPERATORS) else _encode(value)
    return {**encoded, "$and": [*_branches(encoded), *conditions]} if conditions else encoded


def _branches(encoded: dict[str, Any]) -> list[Any]:
    branches = encoded.get("$and")
    return branches if isinstance(branches, list) else []


def _is_command(value: Any, known: dict[str, str]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"operator", "operands", "fieldName"}
        and isinstance(value["operator"], str)
        and value["operator"] in known
        and isinstance(value["operands"], list)
    )


def _is_logic(value: Any) -> bool:
    return _is_command(value, _LOGIC)


def _logic(command: dict[str, Any], field: str) -> dict[str, Any]:
    """The branches of a logic command; those of one below a field are conditions on that field."""
    branches = [_encode({field: item} if field else item) for item in command["operands"]]
    return {_LOGIC[command["operator"]]: branches}


def _comparison(command: dict[str, Any]) -> dict[str, Any]:
    operator, operands = command["operator"], command["operands"]
    if operator in _OF_LISTS and not (len(operands) == 1 and isinstance(operands[0], list)):
        return {_OPERATORS[operator]: _operand(operands)}
    return {_OPERATORS[operator]: _operand(operands[0] if operands else None)}


def _operand(value: Any) -> Any:
    if isinstance(value, list):
        return [_operand(item) for item in value]
    if _is_command(value, _OPERATORS):
        return _comparison(value)
    if isinstance(value, dict):
        return _encode(value)
    return {"$date": value} if isinstance(value, str) and _DATE.fullmatch(value) else value
