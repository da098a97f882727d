"""Data models on the gateway: what ``app.models`` of js-sdk 2.x and 3.x calls (wx-cloud-client-sdk@1.8.10)."""

from __future__ import annotations

from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.protocols.tcb.gateway.handler import Handler, Resources
from yunbox.protocols.tcb.models import OPERATIONS, Operation, run_operation
from yunbox.protocols.tcb.web.built_in import NO_SQL
from yunbox.protocols.tcb.web.call import Call
from yunbox.protocols.tcb.web.shared import server_call

resources = Resources()

_METHODS = {"update": "PUT", "updateMany": "PUT"}


def _handler(operation: Operation) -> Handler:
    async def handle(call: Call, parts: dict[str, str]) -> Any:
        data = await run_operation(server_call(call), operation, parts["env"], parts["model"])
        return {"data": data, "requestId": call.caller.request_id}

    return handle


for _name, _operation in OPERATIONS.items():
    resources.add(_METHODS.get(_name, "POST"), f"model/{{env}}/{{model}}/{_name}")(_handler(_operation))


async def no_sql(call: Call, parts: dict[str, str]) -> Any:
    """
    Raises:
        InvalidRequest: always: SQL templates and tables have nothing behind them here.
    """
    raise InvalidRequest(NO_SQL, reason="unsupported")


resources.add("POST", "sql/{env}/{template}/run")(no_sql)
for _method in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
    resources.add(_method, "rdb/rest/{table}")(no_sql)
resources.add("POST", "rdb/rest/rpc/{function}")(no_sql)
