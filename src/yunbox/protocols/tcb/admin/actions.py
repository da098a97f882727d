"""Every action of ``/admin`` by its name on the wire."""

from __future__ import annotations

from yunbox.protocols.tcb.admin import auth, database, functions, openapi, storage, transactions
from yunbox.protocols.tcb.admin.call import Handler

ACTIONS: dict[str, Handler] = {
    **database.ACTIONS,
    **transactions.ACTIONS,
    **functions.ACTIONS,
    **storage.ACTIONS,
    **auth.ACTIONS,
    **openapi.ACTIONS,
}
