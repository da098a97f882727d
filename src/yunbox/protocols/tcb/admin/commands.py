"""Query commands that @cloudbase/database 0.1 (wx-server-sdk 0.8) leaves unencoded in ``aggregate().match()``.

They arrive as the SDK's own objects, ``{"operator": "gt", "operands": [0], "fieldName": {}}``, with dates as ISO texts.
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
}
_LOGIC = {"and": "$and", "or": "$or", "nor": "$nor"}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def encode_commands(stage: Any) -> Any:
    """A stage's value with such commands in the form of the query language; everything else stays as it is."""
    if isinstance(stage, list):
        return [encode_commands(item) for item in stage]
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
            encoded[name] = _comparison(value) if _is_command(value, _OPERATORS) else encode_commands(value)
    return {**encoded, "$and": conditions} if conditions else encoded


def _is_command(value: Any, known: dict[str, str]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"operator", "operands", "fieldName"}
        and value["operator"] in known
        and isinstance(value["operands"], list)
    )


def _is_logic(value: Any) -> bool:
    return _is_command(value, _LOGIC)


def _logic(command: dict[str, Any], field: str) -> dict[str, Any]:
    """The branches of a logic command; those of one below a field are conditions on that field."""
    branches = [encode_commands({field: item} if field else item) for item in command["operands"]]
    return {_LOGIC[command["operator"]]: branches}


def _comparison(command: dict[str, Any]) -> dict[str, Any]:
    return {_OPERATORS[command["operator"]]: _operand(command["operands"][0] if command["operands"] else None)}


def _operand(value: Any) -> Any:
    if isinstance(value, list):
        return [_operand(item) for item in value]
    return {"$date": value} if isinstance(value, str) and _DATE.fullmatch(value) else value
