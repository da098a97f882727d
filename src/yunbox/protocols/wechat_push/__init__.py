"""WeChat's message push to functions: ``/push/wechat/SPACE/APP`` (semantics.md FN-23)."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.wechat_push.channel import PREFIX
from yunbox.protocols.wechat_push.receiver import PushReceiver
from yunbox.services import Services


def routes(services: Services) -> list[Route]:
    """Where WeChat's servers reach this one."""
    return [Route("prefix", PREFIX, endpoint(PushReceiver(services).handle))]


__all__ = ["routes"]
