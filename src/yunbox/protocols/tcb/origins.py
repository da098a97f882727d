"""Where clients find this server: the origin of the addresses that it hands out."""

from __future__ import annotations

import re

from yunbox.caller import Caller
from yunbox.http import Request
from yunbox.services import Services

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


def public_origin(services: Services, caller: Caller, request: Request) -> str:
    """``public_url`` where it is set, else the address by which a client came: it may be on a phone, or on TLS.

    A function's own address means nothing to the clients that its answer goes to.
    """
    address, host = services.address, request.header("host")
    if address.configured or caller.kind == "function" or not _HOST.fullmatch(host):
        return address.public
    return f"{request.scheme}://{host}"
