"""One decoded, verified call of a gateway method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yunbox.caller import Caller
from yunbox.protocols.mpserverless.errors import GatewayError
from yunbox.services import Services
from yunbox.spaces.space import Space


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call reached the server: what file URLs in its answer are built from."""

    scheme: str = "http"
    host: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What a method's handler works with. ``params`` is the parsed ``params`` text; ``origin`` where it was sent to."""

    services: Services
    space: Space
    caller: Caller
    method: str
    params: Mapping[str, Any]
    origin: Origin = field(default_factory=Origin)

    def text(self, name: str, default: str | None = None) -> str:
        """A text parameter.

        Raises:
            GatewayError: when it is missing (and there is no ``default``) or not a text.
        """
        value = self.params.get(name)
        if value is None:
            value = default
        if not isinstance(value, str):
            raise GatewayError("InvalidParameter", f"`{name}` must be a string / 参数 `{name}` 应为字符串")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """An object parameter; one that is missing is an empty object (SDK 2.x drops empty objects, PHP writes ``[]``).

        Raises:
            GatewayError: when it is something else.
        """
        value = self.params.get(name)
        if value is None or value == []:
            return {}
        if not isinstance(value, dict):
            raise GatewayError("InvalidParameter", f"`{name}` must be an object / 参数 `{name}` 应为对象")
        return value


Method = Callable[[Call], Awaitable[Any]]
