"""The push settings of an app that is registered in a space. They are kept, encrypted, with the app's secret."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from yunbox.errors import InvalidRequest, NotFound
from yunbox.protocols.wechat_push import crypt
from yunbox.spaces import SpaceService

Mode = Literal["plain", "compat", "safe"]
PROVIDER = "wechat"
PREFIX = "/push/wechat/"


@dataclass(frozen=True, slots=True)
class PushRoute:
    """Messages of a type, and for events of one name, go to a function of a space; ``event`` is ``""`` for messages."""

    type: str
    event: str
    space: str
    function: str


@dataclass(frozen=True, slots=True)
class Channel:
    """How WeChat's servers and this one know each other. ``plain`` takes messages as they are, ``safe`` only encrypted
    ones, ``compat`` both."""

    token: str
    aes_key: str
    mode: Mode = "safe"
    routes: tuple[PushRoute, ...] = ()

    def route(self, type: str, event: str) -> PushRoute | None:
        """Where a message goes, if anywhere."""
        return next((route for route in self.routes if (route.type, route.event) == (type, event)), None)

    def with_route(self, route: PushRoute) -> Channel:
        """The channel with this route in place of the one for the same messages."""
        return replace(self, routes=(*self.without(route.type, route.event).routes, route))

    def without(self, type: str, event: str) -> Channel:
        """The channel without the route for these messages."""
        kept = tuple(route for route in self.routes if (route.type, route.event) != (type, event))
        return replace(self, routes=kept)


def path_of(space_id: str, app_id: str) -> str:
    """The path that is entered at WeChat as the server's address."""
    return f"{PREFIX}{space_id}/{app_id}"


def find(spaces: SpaceService, space_id: str, app_id: str) -> Channel:
    """The channel of an app.

    Raises:
        NotFound: when the app is not registered, or its push was never set up.
    """
    config = _app(spaces, space_id, app_id)
    stored = config.get("push")
    if not isinstance(stored, dict):
        raise NotFound(
            f"message push of app `{app_id}` is not set up; use `yunbox push enable --app-id {app_id} --space {space_id}`"
            " / 该应用未开启消息推送"
        )
    routes = tuple(PushRoute(**route) for route in stored.get("routes", ()))
    return Channel(stored["token"], stored["aes_key"], stored["mode"], routes)


def keep(spaces: SpaceService, space_id: str, app_id: str, channel: Channel | None) -> None:
    """Change the channel of an app; ``None`` ends it.

    Raises:
        NotFound: when the app is not registered.
    """
    config = {name: value for name, value in _app(spaces, space_id, app_id).items() if name != "push"}
    if channel is not None:
        config["push"] = asdict(channel)
    spaces.set_app(space_id, PROVIDER, app_id, config)


def configured(old: Channel | None, wanted: Mapping[str, Any]) -> Channel:
    """A channel with ``token``, ``aes_key`` and ``mode`` as wanted; what is not given stays, or is made.

    Raises:
        InvalidRequest: for a value that WeChat's page would not take.
    """
    base = old or Channel(secrets.token_hex(16), crypt.new_key())
    token = wanted.get("token") or base.token
    key = wanted.get("aes_key") or base.aes_key
    mode: Any = wanted.get("mode") or base.mode
    if not isinstance(token, str) or not (3 <= len(token) <= 32 and token.isascii() and token.isalnum()):
        raise InvalidRequest("a token has 3 to 32 letters and digits / Token 应为 3-32 位字母和数字")
    if mode not in get_args(Mode):
        raise InvalidRequest(f"the mode must be one of {', '.join(get_args(Mode))} / 加密方式不正确")
    return replace(base, token=token, aes_key=crypt.check_key(str(key)), mode=mode)


def _app(spaces: SpaceService, space_id: str, app_id: str) -> dict[str, Any]:
    config = spaces.app(space_id, PROVIDER, app_id)
    if config is None:
        raise NotFound(
            f"app `{app_id}` is not registered in space `{space_id}`; use `yunbox app add --provider wechat"
            f" --app-id {app_id} --space {space_id}` / 未登记该应用"
        )
    return config
