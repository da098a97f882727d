"""``scf``: timers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.functions.function import Function, TriggerSettings
from yunbox.protocols.tencentcloud.call import Call, Handler, missing, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError

_MOST = 10
"""Timers of one function, as at the vendor."""


async def create(call: Call) -> dict[str, Any]:
    """Add a timer, or change the one of this name."""
    row = {name: call.values.get(name) for name in ("TriggerName", "Type", "TriggerDesc", "CustomArgument", "Enable")}
    function = await _add(call, [row])
    name = call.text("TriggerName")
    return {"TriggerInfo": next(shown_trigger(item, function) for item in function.triggers if item.name == name)}


async def create_several(call: Call) -> dict[str, Any]:
    """Add the timers in ``Triggers``, an array as JSON text."""
    try:
        rows = orjson.loads(call.text("Triggers"))
    except orjson.JSONDecodeError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ApiError("InvalidParameterValue.Param", "Triggers must be a JSON array of objects / Triggers 格式错误")
    await _add(call, rows)
    return {}


async def delete(call: Call) -> dict[str, Any]:
    """Remove a timer, also one that the function's config.json names."""
    function, name = _function(call), call.text("TriggerName")
    left = [item for item in function.triggers if item.name != name]
    if len(left) == len(function.triggers):
        raise ApiError("ResourceNotFound.Trigger", f"function `{function.name}` has no trigger `{name}` / 触发器不存在")
    await _put(call, function, left)
    return {}


async def list_triggers(call: Call) -> dict[str, Any]:
    function = _function(call)
    rows = [shown_trigger(item, function) for item in function.triggers]
    return {"Triggers": call.page(rows), "TotalCount": len(rows)}


ACTIONS: dict[str, Handler] = {
    "scf.BatchCreateTrigger": create_several,
    "scf.CreateTrigger": create,
    "scf.DeleteTrigger": delete,
    "scf.ListTriggers": list_triggers,
}


def shown_trigger(trigger: TriggerSettings, function: Function) -> dict[str, Any]:
    """A timer as functions list it. ``TriggerDesc`` is ``{"cron": …}`` as JSON text."""
    payload = trigger.payload
    return {
        "TriggerName": trigger.name,
        "Type": "timer",
        "TriggerDesc": orjson.dumps({"cron": trigger.config}).decode(),
        "Enable": 1,
        "AvailableStatus": "Available",
        "CustomArgument": payload if isinstance(payload, str) else "",
        "Qualifier": "$DEFAULT",
        "AddTime": shown_time(function.updated_at),
        "ModTime": shown_time(function.updated_at),
        "BindStatus": "",
        "TriggerAttribute": "",
    }


def _function(call: Call) -> Function:
    return call.services.functions.get(call.space.id, call.text("FunctionName"))


async def _add(call: Call, rows: list[Mapping[str, Any]]) -> Function:
    function = _function(call)
    wanted = {item.name: item for item in function.triggers}
    wanted |= {item.name: item for item in map(_read, rows)}
    if len(wanted) > _MOST:
        raise ApiError("LimitExceeded.Trigger", f"a function has {_MOST} triggers at most / 触发器数量超过 {_MOST}")
    return await _put(call, function, list(wanted.values()))


def _read(row: Mapping[str, Any]) -> TriggerSettings:
    name, kind, config = row.get("TriggerName"), row.get("Type"), row.get("TriggerDesc")
    if not isinstance(name, str) or not name:
        raise missing("TriggerName")
    if kind != "timer":
        raise ApiError("InvalidParameterValue.Type", f"only timers are run here, not `{kind}` / 仅支持定时触发器")
    if str(row.get("Enable") or "OPEN").upper() in ("CLOSE", "0"):
        raise ApiError("InvalidParameterValue.Enable", "delete a timer to stop it / 请删除触发器以停用")
    argument = row.get("CustomArgument")
    return TriggerSettings(name, _cron(config), argument if isinstance(argument, str) and argument else None)


def _cron(config: Any) -> str:
    """The cron text, which may also be ``{"cron": …}`` as JSON text."""
    if not isinstance(config, str) or not config.strip():
        raise ApiError(
            "InvalidParameterValue.TriggerDesc", "TriggerDesc must be a cron text / TriggerDesc 应为 cron 表达式"
        )
    if config.lstrip().startswith("{"):
        try:
            config = orjson.loads(config)["cron"]
        except (orjson.JSONDecodeError, KeyError):
            raise ApiError(
                "InvalidParameterValue.TriggerDesc", "TriggerDesc is no {cron: …} / TriggerDesc 格式错误"
            ) from None
    return str(config).strip()


async def _put(call: Call, function: Function, timers: list[TriggerSettings]) -> Function:
    rows = [{"type": "timer", "name": item.name, "config": item.config, "payload": item.payload} for item in timers]
    return await call.services.functions.configure(call.space.id, function.name, triggers=rows)
