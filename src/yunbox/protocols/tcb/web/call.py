"""One call of a client, and the table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, Unauthenticated
from yunbox.http import Request
from yunbox.identity import User
from yunbox.services import Services
from yunbox.spaces import Space

Params = dict[str, Any]
Answer = dict[str, Any]

_CREDENTIALS_SEPARATOR = "/@@/"


def token_of(request: Request) -> str:
    """The access token in a request's headers, or ``""``."""
    kind, _, token = request.header("authorization").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    return request.header("x-cloudbase-credentials").partition(_CREDENTIALS_SEPARATOR)[0]


@dataclass(frozen=True, slots=True)
class Call:
    """A decoded call: who asks for what."""

    services: Services
    space: Space
    caller: Caller
    params: Params
    request: Request

    def text(self, name: str, default: str | None = None) -> str:
        """The text parameter ``name``.

        Raises:
            InvalidRequest: when it is missing and has no default, or is no text.
        """
        value = self.params.get(name, default)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise InvalidRequest(f"parameter `{name}` must be text / 参数 {name} 缺失或类型错误")
        return value

    @property
    def token(self) -> str:
        """The access token that the call came with, or ``""``."""
        return str(self.params.get("access_token") or token_of(self.request))

    def user(self) -> User:
        """The signed-in user.

        Raises:
            Unauthenticated: when nobody is.
        """
        if self.caller.user_id is None:
            raise Unauthenticated("sign in first / 请先登录", reason="missing")
        return self.services.identity.user(self.space, self.caller.user_id)


Action = Callable[[Call], Awaitable[Answer]]


class Actions:
    """Handlers by wire name."""

    def __init__(self) -> None:
        self._handlers: dict[str, Action] = {}

    def add(self, name: str) -> Callable[[Action], Action]:
        """Register the decorated handler for ``name``."""

        def register(handler: Action) -> Action:
            assert name not in self._handlers, name
            self._handlers[name] = handler
            return handler

        return register

    def find(self, name: str) -> Action | None:
        return self._handlers.get(name)

    def names(self) -> list[str]:
        return sorted(self._handlers)

    def include(self, other: Actions) -> None:
        for name, handler in other._handlers.items():
            self.add(name)(handler)
