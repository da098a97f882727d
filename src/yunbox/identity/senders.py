"""How one-time codes reach people."""

from __future__ import annotations

import logging
from typing import Literal, Protocol

Channel = Literal["email", "phone"]

_log = logging.getLogger("yunbox.identity")


class Sender(Protocol):
    """Delivers one code."""

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        """
        Raises:
            YunboxError: when it cannot be delivered.
        """
        ...


class LogSender:
    """Writes codes to the server's log, for development."""

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        _log.warning("login code for %s %s in space %s: %s", channel, target, space, code)
