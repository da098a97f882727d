"""Running the app on a port until told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import ssl
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn

from yunbox.app import App
from yunbox.listener import Listener, bind
from yunbox.settings import Settings
from yunbox.tools.certificate import ensure_certificate
from yunbox.tools.keyring import write_private


class Server(uvicorn.Server):
    """uvicorn with a listener that answers HTTP and TLS on one port, and the address recorded in DATA."""

    def __init__(self, app: App, listening: socket.socket, ready: Callable[[], None]) -> None:
        super().__init__(_config(app))
        self._app = app
        self._listening = listening
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bring the app up, then start to accept."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self._listening.close()
            sys.exit(1)
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )
            return made

        listener = Listener(self._listening, protocol, _tls_context(self._app.settings))
        self.servers: list[Any] = [listener]
        self.started = True
        _record_address(self._app)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            # uvicorn leaves this out for the impatient, but files are closed in any case.
            await self.lifespan.shutdown()
        _address_file(self._app.settings).unlink(missing_ok=True)


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=_http_protocol(),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=5,
        proxy_headers=app.settings.trust_proxy,
        forwarded_allow_ips=_own_proxies() if app.settings.trust_proxy else None,
    )


_PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


def _own_proxies() -> list[str]:
    """Loopback and private networks. Proxies append to ``X-Forwarded-For``: what a client wrote there itself comes before,
    and the last address that is none of these counts."""
    networks = map(ipaddress.IPv4Network, _PRIVATE)
    mapped = [f"::ffff:{network.network_address}/{96 + network.prefixlen}" for network in networks]
    return [*_PRIVATE, *mapped, "::1", "fc00::/7", "fe80::/10"]


def _http_protocol() -> Any:
    if sys.platform == "win32":
        return "h11"
    from yunbox.gathering import GatheringProtocol

    return GatheringProtocol


def _tls_context(settings: Settings) -> Callable[[], ssl.SSLContext]:
    @cache
    def context() -> ssl.SSLContext:
        certificate, key = settings.tls_cert, settings.tls_key
        if certificate is None or key is None:
            certificate, key = ensure_certificate(settings.data / "tls")
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate, key)
        return made

    return context


def _address_file(settings: Settings) -> Path:
    return settings.data / "server.json"


def _record_address(app: App) -> None:
    record = {"endpoint": app.services.address.local, "pid": os.getpid()}
    write_private(_address_file(app.settings), json.dumps(record) + "\n")


def prepare(app: App, ready: Callable[[], None] = lambda: None) -> Server:
    """A server for ``app``, already bound, so that a taken port shows before anything else happens.

    ``ready`` is called once requests are answered.

    Raises:
        InvalidRequest: when the address cannot be bound.
    """
    listening = bind(app.settings.host, app.settings.port)
    app.services.address.bind(*listening.getsockname()[:2])
    return Server(app, listening, ready)
