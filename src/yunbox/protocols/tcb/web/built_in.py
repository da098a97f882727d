"""Functions that the vendor's cloud has by itself: what @cloudbase/wx-cloud-client-sdk calls through ``callFunction``.

A deployed function of the same name counts more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from yunbox.errors import InvalidRequest, YunboxError
from yunbox.protocols.tcb import models
from yunbox.protocols.tcb.errors import vendor_error
from yunbox.protocols.tcb.web.call import Call
from yunbox.protocols.tcb.web.shared import server_call

BuiltIn = Callable[[Call, dict[str, Any]], Awaitable[Any]]
"""A call and its event -> the result."""

_METHODS = {
    "wedaGetItemV2": "get",
    "wedaGetRecordsV2": "list",
    "wedaCreateV2": "create",
    "wedaBatchCreateV2": "createMany",
    "wedaUpdateV2": "update",
    "wedaBatchUpdateV2": "updateMany",
    "wedaUpsertV2": "upsert",
    "wedaDeleteV2": "delete",
    "wedaBatchDeleteV2": "deleteMany",
}
_found: dict[str, BuiltIn] = {}


def built_in(name: str) -> Callable[[BuiltIn], BuiltIn]:
    """Register the decorated function."""

    def register(function: BuiltIn) -> BuiltIn:
        _found[name] = function
        return function

    return register


def find_built_in(name: str) -> BuiltIn | None:
    return _found.get(name)


@built_in("lowcode-datasource")
async def data_source(call: Call, event: dict[str, Any]) -> dict[str, Any]:
    """Models by ``init(wx.cloud)``: ``{data, requestId}``, or ``{code, message, requestId}``."""
    try:
        data = await _data(call, event)
    except YunboxError as error:
        told = vendor_error(error, "database")
        return {"code": told.code, "message": told.message, "requestId": call.caller.request_id}
    return {"data": data, "requestId": call.caller.request_id}


async def _data(call: Call, event: dict[str, Any]) -> dict[str, Any]:
    method = str(event.get("methodName") or "")
    if method == "callWedaApi":
        raise InvalidRequest(NO_SQL, reason="unsupported")
    params = event.get("params")
    if not isinstance(params, dict):
        raise InvalidRequest("`params` must be an object / params 必须是对象")
    operation = models.find_operation(_METHODS.get(method, method))
    env, model = str(event.get("envType") or "prod"), str(event.get("dataSourceName") or "")
    data = await models.run_operation(server_call(call, params), operation, env, model)
    record: dict[str, Any] = data["record"] if method == "wedaGetItemV2" else data
    return record


NO_SQL = "there is no SQL database here; use collections or models / 未配置 SQL 数据库，请使用集合或数据模型"
