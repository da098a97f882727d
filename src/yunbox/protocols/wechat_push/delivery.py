"""Handing messages to functions, and telling what to answer in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.errors import YunboxError
from yunbox.protocols.wechat_push import channel as channels
from yunbox.protocols.wechat_push import messages
from yunbox.protocols.wechat_push.channel import Channel, PushRoute
from yunbox.services import Services

ANSWER_S = 4.5
"""WeChat waits five seconds, then sends the message again; an answer has a way to go, too."""

_log = logging.getLogger("yunbox.push")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a message: the function that got it, and its passive reply if it has one."""

    route: PushRoute | None
    reply: dict[str, Any] | None = None
    error: str = ""


class Delivery:
    """Runs functions for messages. One that takes longer than WeChat waits runs on, and its result is not sent."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: set[asyncio.Task[Delivered]] = set()

    async def answer(self, channel: Channel, app_id: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The passive reply to a message, or ``None``: that it has arrived is all there is to say."""
        task = asyncio.create_task(self.deliver(channel, app_id, event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=ANSWER_S)
        if not done:
            _log.warning("app %s: a function takes longer than WeChat waits; answered `success` meanwhile", app_id)
            return None
        return task.result().reply

    async def deliver(self, channel: Channel, app_id: str, event: Mapping[str, Any]) -> Delivered:
        """Call the function that a message is for, as whoever sent it. A failure is logged: WeChat can do nothing about it."""
        kind, name = str(event.get("MsgType", "")), str(event.get("Event", ""))
        route = channel.route(kind, name)
        if route is None or self._services.spaces.app(route.space, channels.PROVIDER, app_id) is None:
            _log.info("app %s: no function for messages of type `%s` event `%s`", app_id, kind[:64], name[:64])
            return Delivered(None)
        caller = Caller(
            "timer",
            route.space,
            openid=str(event.get("FromUserName", "")) or None,
            app_id=app_id,
            provider=channels.PROVIDER,
            source="wx_trigger",
        )
        try:
            done = await self._services.functions.invoke(caller, route.function, dict(event))
        except YunboxError as error:
            _log.warning("app %s: function %s: %s", app_id, route.function, error.message)
            return Delivered(route, error=error.message)
        result = orjson.loads(done.result_json) if done.result_json else None
        return Delivered(route, messages.reply_to(event, result, int(self._services.clock())))
