"""Where clients find this server: the origin of the addresses that it hands out."""

from __future__ import annotations

import re

from yunbox.caller import Caller
from yunbox.http import Request
from yunbox.services import Services

SENT_TO = "x-yunbox-host"
"""Where redirect.js has sent a request."""

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_VENDOR = (".tencentcloudapi.com", ".tencentyun.com", ".tcloudbasegateway.com")
"""Hosts that only lead here where requests are redirected."""


def public_origin(services: Services, caller: Caller, request: Request) -> str:
    """``public_url`` where it is set, else the address by which a client came: it may be on a phone, or on TLS.

    A function's own address means nothing to the clients that its answer goes to. Requests that `yunbox exec` leads here
    have the vendor's host, and say in a header where they went.
    """
    address, host = services.address, request.header(SENT_TO) or request.header("host")
    if address.configured or caller.kind == "function" or not _HOST.fullmatch(host) or host.endswith(_VENDOR):
        return address.public
    return f"{request.scheme}://{host}"
