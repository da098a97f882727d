"""One call of the HTTP API, as its handlers see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yunbox.caller import Caller
from yunbox.protocols.wechat_http.errors import ApiError
from yunbox.services import Services
from yunbox.spaces import Space


@dataclass(frozen=True, slots=True)
class Call:
    """``values`` is the JSON body; ``query`` the parameters of the URL; ``body`` the raw body."""

    services: Services
    space: Space
    caller: Caller
    values: Mapping[str, Any]
    query: Mapping[str, str]
    body: bytes

    def text(self, name: str) -> str:
        """A required string.

        Raises:
            ApiError: 40101 when it is missing, 40097 when it is no string.
        """
        value = self.values.get(name)
        if value is None:
            raise ApiError(40101, f"missing parameter `{name}`")
        if not isinstance(value, str) or not value:
            raise ApiError(40097, f"`{name}` must be a string")
        return value

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ApiError(40097, f"`{name}` must be a whole number")
        return value

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if not isinstance(value, list):
            raise ApiError(40101 if value is None else 40097, f"`{name}` must be an array")
        return value

    def objects(self, name: str) -> list[dict[str, Any]]:
        """An optional array of objects."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError(40097, f"`{name}` must be an array of objects")
        return value


Handler = Callable[[Call], Awaitable[dict[str, Any]]]
