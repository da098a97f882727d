"""Message push of WeChat apps: the address, token and key for WeChat's page, and which function gets what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from yunbox.errors import InvalidRequest, NotFound
from yunbox.protocols.manage.routing import Call, Row
from yunbox.protocols.wechat_push import channel as channels
from yunbox.protocols.wechat_push.channel import Channel, PushRoute
from yunbox.protocols.wechat_push.delivery import Delivery
from yunbox.protocols.wechat_push.messages import event_of

_BASE = "spaces/{space}/apps/wechat/{app}/push"


def _channel(call: Call) -> Channel:
    return channels.find(call.services.spaces, call.space.id, call.names["app"])


def _keep(call: Call, channel: Channel) -> Any:
    channels.keep(call.services.spaces, call.space.id, call.names["app"], channel)
    return _shown(call, channel)


def _shown(call: Call, channel: Channel) -> dict[str, Any]:
    """What is entered at WeChat, and the routes."""
    path = channels.path_of(call.space.id, call.names["app"])
    return {"url": call.services.address.public + path, **asdict(channel)}


async def show(call: Call) -> Any:
    return _shown(call, _channel(call))


async def enable(call: Call) -> Any:
    """Set up the push of a registered app, or change it: ``token``, ``aes_key``, ``mode``; what is not given is made."""
    wanted = await call.body()
    try:
        old: Channel | None = _channel(call)
    except NotFound:
        old = None
    return _keep(call, channels.configured(old, wanted))


async def disable(call: Call) -> Any:
    channels.keep(call.services.spaces, call.space.id, call.names["app"], None)
    return {"disabled": call.names["app"]}


async def set_route(call: Call) -> Any:
    """Send messages of ``type`` (and ``event``) to ``function``, of ``space`` if that is another one with this app."""
    wanted = await call.body()
    route = PushRoute(
        _text(wanted, "type"),
        _text(wanted, "event", ""),
        _text(wanted, "space", call.space.id),
        _text(wanted, "function"),
    )
    if call.services.spaces.app(call.services.spaces.get(route.space).id, channels.PROVIDER, call.names["app"]) is None:
        raise InvalidRequest(
            f"app `{call.names['app']}` is not registered in space `{route.space}` / 该空间未登记此应用"
        )
    call.services.functions.get(route.space, route.function)
    return _keep(call, _channel(call).with_route(route))


async def delete_route(call: Call) -> Any:
    kind, event = call.query.get("type", ""), call.query.get("event", "")
    channel = _channel(call)
    if channel.route(kind, event) is None:
        raise NotFound(f"no function gets messages of type `{kind}` event `{event}` / 没有该消息的配置")
    return _keep(call, channel.without(kind, event))


async def send(call: Call) -> Any:
    """Hand a made-up message to its function: ``message`` as WeChat would send it. Nothing is sent to WeChat."""
    message = (await call.body()).get("message")
    if not isinstance(message, dict):
        raise InvalidRequest("`message` must be an object / 缺少 message")
    given = {"CreateTime": int(call.services.clock()), "ToUserName": call.names["app"], **message}
    event = event_of(given)
    delivered = await Delivery(call.services).deliver(_channel(call), call.names["app"], event)
    if delivered.route is None:
        raise NotFound(
            f"no function gets messages of type `{event.get('MsgType', '')}` event `{event.get('Event', '')}`;"
            f" use `yunbox push route` / 没有该消息的配置"
        )
    return {"event": event, **asdict(delivered)}


def _text(values: dict[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise InvalidRequest(f"`{name}` must be text / 缺少 {name}")
    return value


ROUTES: tuple[Row, ...] = (
    ("GET", _BASE, show),
    ("PUT", _BASE, enable),
    ("DELETE", _BASE, disable),
    ("PUT", f"{_BASE}/routes", set_route),
    ("DELETE", f"{_BASE}/routes", delete_route),
    ("POST", f"{_BASE}/send", send),
)
