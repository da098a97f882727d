"""What a login provider is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx


@dataclass(frozen=True, slots=True)
class App:
    """An app registered at a platform. ``secret`` is what that platform gave for it, ``config`` all that was registered."""

    app_id: str
    secret: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PlatformUser:
    """Who a platform says the bearer of a login code is.

    ``openid`` is the owner mark that the user gets in documents, when the platform's ids are fit for that.
    """

    external_id: str
    openid: str | None = None
    unionid: str | None = None
    session_key: str | None = None


class Provider(Protocol):
    """Turns a login code into a user by asking the platform; ``platform`` says whose base URL that takes."""

    name: str
    platform: str

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        """
        Raises:
            Unauthenticated: when the platform refuses the code; the message carries its words.
            LimitExceeded: when the platform asks to slow down.
            YunboxError: when the platform cannot be reached or answers nonsense.
        """
        ...
