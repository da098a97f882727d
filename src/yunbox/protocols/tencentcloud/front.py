"""The ASGI app below ``/tencentcloud/``: to the cloud API, to a bucket, or to a link of our own."""

from __future__ import annotations

from yunbox.http import Receive, Request, Response, Scope, Send, endpoint
from yunbox.protocols.tencentcloud import links
from yunbox.protocols.tencentcloud.addresses import target_of
from yunbox.protocols.tencentcloud.cos.endpoint import ObjectApi
from yunbox.protocols.tencentcloud.endpoint import CloudApi
from yunbox.services import Services


class Front:
    """Finds out by its first path segment, the vendor's host, what a request wants."""

    def __init__(self, services: Services) -> None:
        self._api = CloudApi(services)
        self._objects = ObjectApi(services)
        self._links = links.Links(services)
        self._app = endpoint(self._small)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if target_of(request).bucket:
            await self._objects(request, send)
        else:
            await self._app(scope, receive, send)

    async def _small(self, request: Request) -> Response:
        target = target_of(request)
        if target.service:
            return await self._api.handle(request, target)
        if target.host == links.HOST:
            return await self._links.handle(request, target)
        return Response(
            "this host is not served here / 此域名不由本服务处理".encode(), 404, "text/plain; charset=utf-8"
        )
