"""One decoded and authenticated request, as the action handlers see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest
from yunbox.http import Request, Response
from yunbox.protocols.tcb.admin.wechat import WeChatApi
from yunbox.protocols.tcb.values import Decoder, parse
from yunbox.services import Services


@dataclass(slots=True)
class Call:
    """What an action is asked to do: ``values`` are its parameters, still in the wire's encoding."""

    services: Services
    caller: Caller
    request: Request
    values: Mapping[str, Any]
    request_id: str
    wechat: WeChatApi
    content_types: Mapping[str, str] = field(default_factory=dict)
    now_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.now_ms = self.services.clock.now_ms()

    @property
    def sdk(self) -> str:
        """Which SDK asks, for the few answers that depend on it: ``wx-server-sdk/2.6.3``, ``tcb-admin-sdk/1.22.0``."""
        return self.request.header("x-sdk-version") or self.request.header("user-agent")

    def text(self, name: str) -> str:
        """A required, non-empty string.

        Raises:
            InvalidRequest: when it is missing.
        """
        value = self.values.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidRequest(f"the parameter `{name}` must be a non-empty string / 参数 {name} 必须是非空字符串")
        return value

    def optional_text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str, default: int = 0) -> int:
        """A whole number ≥ 0; ``default`` when it is missing.

        Raises:
            InvalidRequest: for anything else.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
            raise InvalidRequest(f"the parameter `{name}` must be a whole number, not {str(value)[:40]}")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.values.get(name)
        return value if isinstance(value, bool) else default

    def items(self, name: str) -> list[Any]:
        """A required list.

        Raises:
            InvalidRequest: when it is missing.
        """
        value = self.values.get(name)
        if not isinstance(value, list):
            raise InvalidRequest(f"the parameter `{name}` must be a list / 参数 {name} 必须是数组")
        return value

    def document(
        self, name: str, *, writing: bool = False, common: Callable[[Any], Any] | None = None
    ) -> dict[str, Any] | None:
        """An object in either encoding (an object, or its Extended JSON text), decoded; ``None`` when it is missing.

        ``common`` puts what is still encoded into the spelling that most SDKs use.

        Raises:
            InvalidRequest: when it is something else.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return None
        parsed = parse(value) if isinstance(value, (str, bytes)) else value
        decoded = self.decode_value(common(parsed) if common else parsed, writing=writing)
        if not isinstance(decoded, dict):
            raise InvalidRequest(f"the parameter `{name}` must be an object / 参数 {name} 必须是对象")
        return decoded

    def decode(self, value: Any, *, writing: bool = False) -> Any:
        """A value in either encoding, decoded; a string is Extended JSON text."""
        return self.decode_value(parse(value) if isinstance(value, (str, bytes)) else value, writing=writing)

    def decode_value(self, value: Any, *, writing: bool = False) -> Any:
        """Parsed JSON, decoded; a string is itself."""
        return Decoder(self.now_ms, writing=writing).decode(value)


Reply = dict[str, Any] | Response
"""The top-level fields of a JSON answer, or a complete one."""
Handler = Callable[[Call], Awaitable[Reply]]
