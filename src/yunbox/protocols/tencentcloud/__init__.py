"""Tencent Cloud API 3.0 and the object API of COS, as deploy scripts on ``@cloudbase/manager-node`` use them.

Scripts call fixed hosts of the vendor; ``yunbox exec`` makes Node.js send those requests here, below
``/tencentcloud/<host of the vendor>/``, unchanged and with their own signatures.
"""

from __future__ import annotations

from yunbox.http import Route
from yunbox.protocols.tencentcloud.addresses import PREFIX
from yunbox.protocols.tencentcloud.front import Front
from yunbox.services import Services

__all__ = ["routes"]


def routes(services: Services) -> list[Route]:
    """Where this protocol answers."""
    return [Route("prefix", PREFIX, Front(services))]
