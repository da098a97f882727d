"""One verified request of the cloud API, as its handlers see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from yunbox.caller import Caller
from yunbox.protocols.tencentcloud.errors import ApiError
from yunbox.services import Services
from yunbox.spaces import Space

CHINA = timezone(timedelta(hours=8))
"""The time zone of every time that the API writes."""


@dataclass(frozen=True, slots=True)
class Call:
    """``values`` are the request's parameters; ``space`` is that of the keys which signed it; ``origin`` is where the
    caller finds this server."""

    services: Services
    space: Space
    caller: Caller
    service: str
    action: str
    values: Mapping[str, Any]
    request_id: str
    origin: str

    @property
    def host(self) -> str:
        """``origin`` without its scheme."""
        return self.origin.partition("://")[2]

    def text(self, name: str, default: str | None = None) -> str:
        """A text parameter.

        Raises:
            ApiError: ``MissingParameter`` when it is absent and there is no ``default``, ``InvalidParameter`` when it is no text.
        """
        value = self.values.get(name)
        if value is None or value == "":
            if default is None:
                raise missing(name)
            return default
        if not isinstance(value, str):
            raise ApiError("InvalidParameter", f"`{name}` must be text / 参数 `{name}` 应为字符串")
        return value

    def number(self, name: str, default: int, most: int = 2**53) -> int:
        """A whole number of at least 0; larger ones than ``most`` count as it. GET requests send it as text. An empty text
        is the ``default``.

        Raises:
            ApiError: ``InvalidParameter`` when it is none.
        """
        value = self.values.get(name, default)
        if value == "":
            return default
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ApiError("InvalidParameter", f"`{name}` must be a whole number / 参数 `{name}` 应为非负整数")
        return min(value, most)

    def items(self, name: str) -> list[Any]:
        """A list; absent is empty.

        Raises:
            ApiError: ``InvalidParameter`` when it is none.
        """
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ApiError("InvalidParameter", f"`{name}` must be an array / 参数 `{name}` 应为数组")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; raises what :meth:`items` raises."""
        values = self.items(name)
        if not all(isinstance(value, str) for value in values):
            raise ApiError("InvalidParameter", f"`{name}` must be an array of texts / 参数 `{name}` 应为字符串数组")
        return values

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """A list of objects; raises what :meth:`items` raises."""
        values = self.items(name)
        if not all(isinstance(value, dict) for value in values):
            raise ApiError("InvalidParameter", f"`{name}` must be an array of objects / 参数 `{name}` 应为对象数组")
        return values

    def page(self, rows: list[Any], most: int = 1000) -> list[Any]:
        """The part of ``rows`` that ``Offset`` and ``Limit`` (20 by default) ask for."""
        offset = self.number("Offset", 0)
        return rows[offset : offset + self.number("Limit", 20, most)]


Handler = Callable[[Call], Awaitable[dict[str, Any]]]


def missing(name: str) -> ApiError:
    return ApiError("MissingParameter", f"the parameter `{name}` is missing / 缺少参数 `{name}`")


def shown_time(milliseconds: int) -> str:
    """A moment as the API writes it: ``2026-11-21 20:00:00``, in China's time zone."""
    return datetime.fromtimestamp(milliseconds / 1000, CHINA).strftime("%Y-%m-%d %H:%M:%S")


def read_time(text: str) -> int:
    """The milliseconds of such a text.

    Raises:
        ApiError: ``InvalidParameterValue`` when it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(
            "InvalidParameterValue", f"`{text[:40]}` is no time: write YYYY-MM-DD HH:MM:SS / 时间格式错误"
        ) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=CHINA)).timestamp() * 1000)
