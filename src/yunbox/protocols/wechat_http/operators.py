"""The commands of a database script (``_.gt(1)``, ``_.push([…])``) and how conditions and changes are written with them.

The same rules as the SDKs' own serialisers (@cloudbase/database 1.4.3): nested objects of a condition or a change become
dotted paths, logic on one field is hoisted to the top (semantics.md DBQ-2, DBQ-9, DBW-3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import Regex

from yunbox.errors import InvalidRequest

COMPARISONS = {
    "eq": "$eq", "neq": "$ne", "lt": "$lt", "lte": "$lte", "gt": "$gt", "gte": "$gte", "in": "$in", "nin": "$nin",
    "all": "$all", "size": "$size", "exists": "$exists", "mod": "$mod", "elemMatch": "$elemMatch",
    "geoNear": "$nearSphere", "geoWithin": "$geoWithin", "geoIntersects": "$geoIntersects",
}  # fmt: skip
LOGIC = {"and": "$and", "or": "$or", "nor": "$nor", "not": "$not"}
UPDATES = {
    "set": "$set", "remove": "$unset", "inc": "$inc", "mul": "$mul", "min": "$min", "max": "$max", "rename": "$rename",
    "push": "$push", "pop": "$pop", "shift": "$pop", "unshift": "$push", "addToSet": "$addToSet", "pull": "$pull",
    "pullAll": "$pullAll", "bit": "$bit",
}  # fmt: skip
_GEOMETRIES = {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"}


@dataclass(frozen=True, slots=True)
class Operator:
    """A command: its name and its arguments."""

    name: str
    operands: tuple[Any, ...] = field(default_factory=tuple)

    @property
    def is_update(self) -> bool:
        return self.name in UPDATES and self.name not in LOGIC

    def chain(self, name: str, operands: tuple[Any, ...]) -> Operator:
        """``_.gt(1).and(_.lt(5))`` and ``_.gt(1).lt(5)``."""
        if name in ("and", "or"):
            return Operator(name, (self, *_flat(operands)))
        if name in COMPARISONS:
            return Operator("and", (self, Operator(name, operands)))
        raise InvalidRequest(f"`{name}` cannot follow `{self.name}`")


def _flat(operands: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(operands[0]) if len(operands) == 1 and isinstance(operands[0], list) else tuple(operands)


def is_plain_object(value: Any) -> bool:
    """Whether ``value`` is an object whose fields are conditions of their own (GeoJSON is a value)."""
    return isinstance(value, dict) and not (value.get("type") in _GEOMETRIES and "coordinates" in value)


# Conditions


def condition(query: Any) -> dict[str, Any]:
    """The filter of a ``where``: an object of conditions, or logic over several.

    Raises:
        InvalidRequest: for an update command in a condition, or wrong operands.
    """
    if isinstance(query, Operator):
        return _logic_of_conditions(query)
    if not isinstance(query, dict):
        raise InvalidRequest("a condition is an object or a command")
    parts = [part for path, value in query.items() for part in _conditions_at(path, value)]
    return _merge(parts)


def _logic_of_conditions(operator: Operator) -> dict[str, Any]:
    if operator.name == "expr":
        return {"$expr": aggregate_value(operator.operands[0])}
    if operator.name not in ("and", "or", "nor"):
        raise InvalidRequest(f"`{operator.name}` needs a field")
    return {LOGIC[operator.name]: [condition(branch) for branch in _flat(operator.operands)]}


def _conditions_at(path: str, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, Operator):
        return [_operator_at(path, value)]
    if is_plain_object(value):
        return [part for key, inner in value.items() for part in _conditions_at(f"{path}.{key}", inner)]
    return [{path: value if isinstance(value, Regex) else {"$eq": value}}]


def _operator_at(path: str, operator: Operator) -> dict[str, Any]:
    if operator.name in ("and", "or", "nor"):
        branches = [_merge(_conditions_at(path, branch)) for branch in _flat(operator.operands)]
        return {LOGIC[operator.name]: branches}
    if operator.name == "not":
        inner = _operator_at(path, operator.operands[0]) if operator.operands else {}
        if list(inner) != [path]:
            raise InvalidRequest("`not` takes one comparison")
        return {path: {"$not": inner[path]}}
    if operator.name in COMPARISONS:
        return {path: {COMPARISONS[operator.name]: _operand(operator)}}
    raise InvalidRequest(f"`{operator.name}` is not a query command")


def _operand(operator: Operator) -> Any:
    special: dict[str, Callable[[Operator], Any]] = {
        "mod": lambda o: list(o.operands[:2]),
        "exists": lambda o: o.operands[0] if o.operands else True,
        "elemMatch": lambda o: _element(o.operands[0]),
        "all": lambda o: [_element_of_all(item) for item in o.operands[0]],
        "geoNear": lambda o: _near(o.operands[0]),
        "geoWithin": lambda o: _within(o.operands[0]),
        "geoIntersects": lambda o: {"$geometry": o.operands[0].get("geometry")},
    }
    if operator.name in special:
        return special[operator.name](operator)
    if len(operator.operands) != 1:
        raise InvalidRequest(f"`{operator.name}` takes one argument")
    return operator.operands[0]


def _element(wanted: Any) -> dict[str, Any]:
    if isinstance(wanted, Operator):
        inner = _operator_at("", wanted)
        return dict(inner[""]) if "" in inner else {key: [branch[""] for branch in inner[key]] for key in inner}
    return condition(wanted)


def _element_of_all(item: Any) -> Any:
    return {"$elemMatch": _operand(item)} if isinstance(item, Operator) and item.name == "elemMatch" else item


def _near(options: Mapping[str, Any]) -> dict[str, Any]:
    near = {"$geometry": options.get("geometry")}
    return near | {f"${key}": options[key] for key in ("maxDistance", "minDistance") if key in options}


def _within(options: Mapping[str, Any]) -> dict[str, Any]:
    if "centerSphere" in options:
        return {"$centerSphere": options["centerSphere"]}
    return {"$geometry": options.get("geometry")}


def _merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """All parts in one document; parts that would overwrite each other are joined by ``$and``."""
    merged: dict[str, Any] = {}
    for part in parts:
        if any(key in merged for key in part):
            return {"$and": parts}
        merged |= part
    return merged


# Changes


def changes(data: Any) -> dict[str, Any]:
    """The update operators of an ``update({data})``: values are set, nested objects merge.

    Raises:
        InvalidRequest: when ``data`` is no object or holds a query command.
    """
    if not isinstance(data, dict):
        raise InvalidRequest("`data` must be an object")
    update: dict[str, Any] = {}
    for path, value in data.items():
        _change_at(update, path, value)
    return update


def _change_at(update: dict[str, Any], path: str, value: Any) -> None:
    if isinstance(value, Operator):
        if not value.is_update:
            raise InvalidRequest(f"`{value.name}` is not an update command")
        update.setdefault(UPDATES[value.name], {})[path] = _change(value)
    elif is_plain_object(value):
        for key, inner in value.items():
            _change_at(update, f"{path}.{key}", inner)
    else:
        update.setdefault("$set", {})[path] = value


def _change(operator: Operator) -> Any:
    match operator.name:
        case "remove":
            return ""
        case "pop":
            return 1
        case "shift":
            return -1
        case "unshift":
            return {"$each": list(_flat(operator.operands)), "$position": 0}
        case "push":
            return _push(operator)
        case "addToSet":
            return _each(operator.operands[0])
        case "pull":
            wanted = operator.operands[0]
            return _pulled(wanted)
        case _:
            if len(operator.operands) != 1:
                raise InvalidRequest(f"`{operator.name}` takes one argument")
            return operator.operands[0]


def _push(operator: Operator) -> dict[str, Any]:
    first = operator.operands[0] if operator.operands else None
    if len(operator.operands) == 1 and isinstance(first, dict) and "each" in first:
        names = ("each", "position", "sort", "slice")
        return {f"${name}": first[name] for name in names if name in first}
    return {"$each": list(_flat(operator.operands))}


def _each(value: Any) -> Any:
    if isinstance(value, dict) and ("each" in value or "$each" in value):
        return {"$each": value.get("each", value.get("$each"))}
    return value


def _pulled(wanted: Any) -> Any:
    if isinstance(wanted, Operator):
        return _operator_at("", wanted)[""]
    return condition(wanted) if isinstance(wanted, dict) and _holds_operator(wanted) else wanted


def _holds_operator(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_operator(inner) for inner in value.values())
    return isinstance(value, Operator)


# Aggregation


def aggregate_value(value: Any) -> Any:
    """An aggregation expression: ``$.sum('$n')`` becomes ``{"$sum": "$n"}`` at any depth."""
    if isinstance(value, Operator):
        name = {"neq": "ne"}.get(value.name, value.name)
        operands = [aggregate_value(operand) for operand in value.operands]
        return {f"${name}": operands[0] if len(operands) == 1 else operands}
    if isinstance(value, dict):
        return {key: aggregate_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [aggregate_value(inner) for inner in value]
    return value
