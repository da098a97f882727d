"""One verified call of ``miniprogram-ci``, as its handlers see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yunbox.caller import Caller
from yunbox.errors import YunboxError
from yunbox.protocols.tencentcloud.endpoint import CloudApi
from yunbox.services import Services
from yunbox.spaces import Space


class CiError(YunboxError):
    """An answer with ``errCode`` and ``errMsg``."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True, slots=True)
class Call:
    """``values`` is the JSON body; ``space`` the one whose key has signed it."""

    services: Services
    api: CloudApi
    space: Space
    caller: Caller
    values: Mapping[str, Any]
    origin: str

    def part(self, name: str) -> Mapping[str, Any]:
        """An object in the body.

        Raises:
            CiError: when there is none.
        """
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise CiError(-1, f"`{name}` must be an object / 参数 `{name}` 应为对象")
        return value


Handler = Callable[[Call], Awaitable[dict[str, Any]]]
