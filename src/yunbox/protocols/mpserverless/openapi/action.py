"""One verified OpenAPI request, and how an action refuses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import YunboxError
from yunbox.protocols.mpserverless.call import Call, Origin
from yunbox.services import Services
from yunbox.spaces import Space

MAX_PAGE_SIZE = 100
_LONGEST_NUMBER = 18


class Refusal(YunboxError):
    """An answer with a ``Code`` of the POP family and its HTTP status."""

    def __init__(self, status: int, pop_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.pop_code = pop_code


@dataclass(frozen=True)
class Action:
    """What an action's handler works with. ``account`` is the space whose access key signed the request."""

    services: Services
    account: Space
    name: str
    parameters: Mapping[str, str]
    request_id: str
    origin: Origin

    @cached_property
    def space(self) -> Space:
        """The space that ``SpaceId`` names.

        Raises:
            Refusal: when it is missing, or is neither the account's own space nor one that the account created.
        """
        wanted = self.text("SpaceId")
        if wanted not in self.services.spaces or not self.may_manage(wanted):
            raise Refusal(
                403, "AccessDenied", f"You are not authorized to access this space. / 无权访问空间 `{wanted}`"
            )
        return self.services.spaces.get(wanted)

    def may_manage(self, space_id: str) -> bool:
        """Whether the account may manage a space: its own, or one it has made."""
        return space_id == self.account.id or profile(self.services, space_id).get("account") == self.account.id

    @property
    def caller(self) -> Caller:
        return Caller("admin", self.space.id, source="server", request_id=self.request_id)

    def gateway_call(self, method: str, params: Mapping[str, Any]) -> Call:
        """The same request as a gateway call of an administrator."""
        return Call(self.services, self.space, self.caller, method, params, self.origin)

    def text(self, name: str, default: str | None = None) -> str:
        """A parameter.

        Raises:
            Refusal: ``Missing<name>`` when it is absent and there is no ``default``.
        """
        value = self.parameters.get(name)
        if not value:
            if default is None:
                raise Refusal(400, f"Missing{name}", f"{name} is mandatory for this action. / 缺少参数 {name}")
            return default
        return value

    def number(self, name: str, default: int) -> int:
        """An integer parameter.

        Raises:
            Refusal: ``Invalid<name>`` when it is no integer of 64 bits.
        """
        text = self.parameters.get(name)
        if not text:
            return default
        try:
            value = int(text) if len(text) <= _LONGEST_NUMBER else None
        except ValueError:
            value = None
        if value is None:
            raise Refusal(400, f"Invalid{name}", f"{name} must be an integer. / 参数 {name} 应为整数")
        return value

    def texts(self, name: str) -> list[str]:
        """A list parameter: ``Name.1``, ``Name.2`` …, a JSON array or one value."""
        numbered = [(key, value) for key, value in self.parameters.items() if key.startswith(f"{name}.")]
        if numbered:
            return [value for _, value in sorted(numbered, key=lambda pair: (len(pair[0]), pair[0]))]
        text = self.parameters.get(name, "")
        if text.startswith("["):
            return [str(item) for item in self.json(name)]
        return [text] if text else []

    def json(self, name: str) -> Any:
        """A parameter that holds JSON.

        Raises:
            Refusal: ``Invalid<name>`` when it does not.
        """
        try:
            return orjson.loads(self.text(name))
        except orjson.JSONDecodeError:
            raise Refusal(400, f"Invalid{name}", f"{name} must be JSON. / 参数 {name} 应为 JSON") from None

    def page(self) -> tuple[int, int]:
        """Page number (from 1) and size. Some actions spell the first ``PageNumber``."""
        number = self.number("PageNum", self.number("PageNumber", 1))
        return max(number, 1), min(max(self.number("PageSize", 20), 1), MAX_PAGE_SIZE)


Handler = Callable[[Action], Awaitable[dict[str, Any]]]


def paginate(action: Action, rows: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """The wanted page of ``rows`` and its ``Paginator``."""
    number, size = action.page()
    pages = (len(rows) + size - 1) // size
    paginator = {"PageNum": number, "PageSize": size, "PageCount": pages, "Total": len(rows)}
    return rows[(number - 1) * size : number * size], paginator


def profile(services: Services, space_id: str) -> dict[str, Any]:
    """What the OpenAPI keeps about a space: ``account``, ``name``, ``desc``, ``status`` …"""
    stored: dict[str, Any] | None = services.spaces.rule(space_id, "openapi", "profile")
    return stored or {}


def keep_profile(services: Services, space_id: str, **changes: Any) -> None:
    """Change what is kept about a space."""
    services.spaces.set_rule(space_id, "openapi", "profile", {**profile(services, space_id), **changes})
