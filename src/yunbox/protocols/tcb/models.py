"""Data models of @cloudbase/wx-cloud-client-sdk: a model is the collection of its name (its typings, 1.8.10).

A record carries ``createdAt`` and ``updatedAt`` (milliseconds), ``createBy``, ``updateBy`` and ``owner`` (user ids),
which clients cannot set. Rules hold as for every other call.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from yunbox.documents import commands
from yunbox.documents.query.values import date_millis, is_date
from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.admin.call import Call
from yunbox.protocols.tcb.admin.database import run
from yunbox.protocols.tcb.values import encode_id, encode_old

Params = Mapping[str, Any]
Operation = Callable[[Call, str, Params], Awaitable[dict[str, Any]]]

PAGE = 10
MOST = 200
_SYSTEM = frozenset({"createdAt", "updatedAt", "createBy", "updateBy", "owner"})
_SAME = frozenset({"$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"})
_SEARCHES = {"$search": (False, ""), "$search_ci": (False, "i"), "$nsearch": (True, ""), "$nsearch_ci": (True, "i")}


async def create(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{id}`` of the new record."""
    return {"id": (await _insert(call, model, [params.get("data")]))[0]}


async def create_many(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{idList}`` of the new records."""
    data = params.get("data")
    if not isinstance(data, list) or not data:
        raise InvalidRequest("`data` must be a list of records / data 必须是非空数组")
    return {"idList": await _insert(call, model, data)}


async def _insert(call: Call, model: str, records: list[Any]) -> list[Any]:
    made = [{**_record(call, item), **_stamps(call, new=True)} for item in records]
    result = await run(call, commands.Insert(model, made))
    return [encode_id(item) for item in result.ids]


async def update(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{count}``: 1 when a record was found."""
    return {"count": await _update(call, model, params, "data", multi=False)}


async def update_many(call: Call, model: str, params: Params) -> dict[str, Any]:
    return {"count": await _update(call, model, params, "data", multi=True)}


async def _update(call: Call, model: str, params: Params, name: str, *, multi: bool) -> int:
    changes = {**_record(call, params.get(name)), **_stamps(call, new=False)}
    command = commands.Update(model, _required_filter(call, params), {"$set": changes}, multi=multi)
    result: commands.UpdateResult = await run(call, command)
    return result.matched


async def upsert(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{count: 1, id: ""}`` for a change, ``{count: 0, id}`` for a new record."""
    if await _update(call, model, params, "update", multi=False):
        return {"count": 1, "id": ""}
    return {"count": 0, "id": (await _insert(call, model, [params.get("create")]))[0]}


async def delete(call: Call, model: str, params: Params) -> dict[str, Any]:
    return {"count": await run(call, commands.Delete(model, _required_filter(call, params)))}


async def delete_many(call: Call, model: str, params: Params) -> dict[str, Any]:
    return {"count": await run(call, commands.Delete(model, _required_filter(call, params), multi=True))}


async def get(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{record}``: the first that is found, or an empty object."""
    find = commands.Find(model, _filter(call, params), projection=_projection(params), limit=1)
    found = await run(call, find)
    return {"record": _plain(found[0]) if found else {}}


async def find(call: Call, model: str, params: Params) -> dict[str, Any]:
    """``{records}`` of a page, and ``total`` with ``getCount``."""
    size = _whole(params, "pageSize", PAGE, MOST)
    command = commands.Find(
        model,
        _filter(call, params),
        projection=_projection(params),
        sort=_sort(params.get("orderBy")),
        skip=size * (_whole(params, "pageNumber", 1, 10**9) - 1),
        limit=size,
    )
    answer: dict[str, Any] = {"records": [_plain(item) for item in await run(call, command)]}
    if params.get("getCount") is True:
        answer["total"] = await run(call, commands.Count(model, command.filter))
    return answer


OPERATIONS: dict[str, Operation] = {
    "get": get,
    "list": find,
    "create": create,
    "createMany": create_many,
    "update": update,
    "updateMany": update_many,
    "upsert": upsert,
    "delete": delete,
    "deleteMany": delete_many,
}


def find_operation(name: str) -> Operation:
    """
    Raises:
        InvalidRequest: when models here have no such operation.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise InvalidRequest(
            f"models have no operation `{name[:40]}` here / 数据模型不支持该操作", reason="unsupported"
        )
    return operation


async def run_operation(call: Call, operation: Operation, env: str, model: str) -> dict[str, Any]:
    """What an operation answers to the call's parameters.

    Raises:
        InvalidRequest: for what models here do not have: trial data and relations.
    """
    if env != "prod":
        raise InvalidRequest("there is no trial data here; use envType `prod` / 仅支持正式数据 envType: prod")
    return await operation(call, model, call.values)


# Parameters


def _record(call: Call, data: Any) -> dict[str, Any]:
    decoded = call.decode_value(data, writing=True)
    if not isinstance(decoded, dict) or any(name.startswith("$") for name in decoded):
        raise InvalidRequest("a record must be an object of fields / 数据必须是对象")
    return {name: value for name, value in decoded.items() if name not in _SYSTEM}


def _stamps(call: Call, *, new: bool) -> dict[str, Any]:
    user = call.caller.owner or ""
    changed = {"updatedAt": call.now_ms, "updateBy": user}
    return {**changed, "createdAt": call.now_ms, "createBy": user, "owner": user} if new else changed


def _required_filter(call: Call, params: Params) -> dict[str, Any]:
    chosen = params.get("filter")
    if not isinstance(chosen, Mapping) or not isinstance(chosen.get("where"), Mapping):
        raise InvalidRequest("`filter.where` is missing / 缺少 filter.where")
    return _filter(call, params)


def _filter(call: Call, params: Params) -> dict[str, Any]:
    chosen = params.get("filter") or {}
    if not isinstance(chosen, Mapping):
        raise InvalidRequest("`filter` must be an object / filter 必须是对象")
    if chosen.get("relateWhere"):
        raise InvalidRequest("relations between models are not supported here / 暂不支持关联查询", reason="unsupported")
    return _conditions(call, chosen.get("where") or {})


def _conditions(call: Call, where: Any) -> dict[str, Any]:
    """A ``where`` as a query: fields with operators, and ``$and`` and ``$or`` of such."""
    if not isinstance(where, Mapping):
        raise InvalidRequest("`where` must be an object / where 必须是对象")
    parts: list[dict[str, Any]] = []
    for name, value in where.items():
        if name in ("$and", "$or"):
            parts.append({name: [_conditions(call, item) for item in (value if isinstance(value, list) else [value])]})
        elif name.startswith("$"):
            raise InvalidRequest(f"unknown logical operator `{name[:40]}` / 不支持的逻辑运算符")
        else:
            parts += [{name: condition} for condition in _field_conditions(call, value)]
    return {"$and": parts} if len(parts) > 1 else parts[0] if parts else {}


def _field_conditions(call: Call, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        return [{"$eq": call.decode_value(value)}]
    return [_condition(call, operator, operand) for operator, operand in value.items()]


def _condition(call: Call, operator: str, operand: Any) -> dict[str, Any]:
    if operator in _SAME:
        return {operator: call.decode_value(operand)}
    if operator in ("$neq", "$ne"):
        return {"$ne": call.decode_value(operand)}
    if operator in ("$empty", "$nempty"):
        return {"$eq" if (operator == "$empty") is (operand is not False) else "$ne": None}
    if operator in _SEARCHES and isinstance(operand, str):
        negated, options = _SEARCHES[operator]
        pattern = {"$regex": re.escape(operand), "$options": options}
        return {"$not": pattern} if negated else pattern
    raise InvalidRequest(f"unknown operator `{operator[:40]}` / 不支持的查询运算符")


def _projection(params: Params) -> dict[str, Any] | None:
    """Named fields, or all with ``$master``."""
    select = params.get("select") or {}
    if not isinstance(select, Mapping):
        raise InvalidRequest("`select` must be an object / select 必须是对象")
    if any(isinstance(value, Mapping) for value in select.values()):
        raise InvalidRequest("relations between models are not supported here / 暂不支持关联查询", reason="unsupported")
    named = {name: 1 for name, value in select.items() if value is True}
    return None if "$master" in named or not named else named


def _sort(order: Any) -> list[tuple[str, int]] | None:
    entries = order if isinstance(order, list) else [order] if order else []
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidRequest("`orderBy` must be a list of objects / orderBy 必须是对象数组")
    pairs = [(str(field), str(direction)) for entry in entries for field, direction in entry.items()]
    return [(field, -1 if direction == "desc" else 1) for field, direction in pairs] or None


def _whole(params: Params, name: str, default: int, most: int) -> int:
    value = params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidRequest(f"`{name}` must be a whole number from 1 to {most} / {name} 必须是 1 到 {most} 的整数")
    return value


def _plain(value: Any) -> Any:
    """A stored value as models show it: times are milliseconds."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return date_millis(value) if is_date(value) else encode_old(value)
