"""Actions that web clients and server SDKs have in common: the same handlers, run as another caller."""

from __future__ import annotations

from typing import Any

from yunbox.http import Response
from yunbox.protocols.tcb.admin import call as server
from yunbox.protocols.tcb.admin import database, storage, transactions
from yunbox.protocols.tcb.admin.wechat import WeChatApi
from yunbox.protocols.tcb.objects import upload_metadata
from yunbox.protocols.tcb.origins import public_origin
from yunbox.protocols.tcb.web.call import Action, Actions, Answer, Call

actions = Actions()

TEMPLATE = "{openid}"
"""What stands for the caller's own id in conditions and data (tencent-client.md §12.3)."""

_DATABASE = (
    "database.addCollection",
    "database.addDocument",
    "database.aggregate",
    "database.countDocument",
    "database.deleteDocument",
    "database.queryDocument",
    "database.updateDocument",
)
_STORAGE = (
    "storage.batchCopyFile",
    "storage.batchDeleteFile",
    "storage.batchGetDownloadUrl",
)


def server_call(call: Call, values: dict[str, Any] | None = None) -> server.Call:
    """The call as the shared handlers take it."""
    filled = fill_template(call.params if values is None else values, call.caller.owner)
    wechat = WeChatApi(call.services.settings.wechat_api_url)
    return server.Call(call.services, call.caller, call.request, filled, call.caller.request_id, wechat)


def fill_template(value: Any, owner: str | None) -> Any:
    """``value`` with every text that is ``{openid}`` replaced by the caller's owner mark."""
    if owner is None:
        return value
    if isinstance(value, dict):
        return {name: fill_template(item, owner) for name, item in value.items()}
    if isinstance(value, list):
        return [fill_template(item, owner) for item in value]
    return owner if value == TEMPLATE else value


def _shared(handler: server.Handler) -> Action:
    async def run(call: Call) -> Answer:
        reply = await handler(server_call(call))
        assert not isinstance(reply, Response), "shared actions answer with JSON"
        return reply

    return run


_HANDLERS = {
    **{name: database.ACTIONS[name] for name in _DATABASE},
    **{name: storage.ACTIONS[name] for name in _STORAGE},
    **transactions.ACTIONS,
}
for _name, _handler in _HANDLERS.items():
    actions.add(_name)(_shared(_handler))


@actions.add("storage.getUploadMetadata")
async def get_upload_metadata(call: Call) -> Answer:
    """``method: "post"`` of the mini-program builds sends bare bytes without a form, so the ticket is in the URL."""
    in_url = call.params.get("method") == "post"
    origin = public_origin(call.services, call.caller, call.request)
    return {"data": upload_metadata(call.services, call.caller, call.text("path"), origin=origin, in_url=in_url)}
