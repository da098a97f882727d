"""The composition root: settings → stores → services → protocols → one ASGI app."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunbox.documents.rules import Rules
from yunbox.documents.rules.policy import parse_policy
from yunbox.documents.service import DocumentService
from yunbox.documents.stores import Engine
from yunbox.documents.transfer import TransferService
from yunbox.errors import InvalidRequest, YunboxError
from yunbox.files.service import FileService
from yunbox.files.sites import SiteService
from yunbox.files.stores import LocalStore
from yunbox.functions.capability import Capabilities
from yunbox.functions.service import FunctionService
from yunbox.http import Dispatcher, Receive, Request, Response, Route, Scope, Send, endpoint, json_response
from yunbox.identity.senders import LogSender, Sender, choose_sender
from yunbox.identity.service import IdentityService
from yunbox.protocols import manage, mpserverless, tcb, tencentcloud, wechat_ci, wechat_http, wechat_push
from yunbox.quotas.service import QuotaService
from yunbox.realtime.service import RealtimeService
from yunbox.services import Address, Services
from yunbox.settings import SPACE_SETTINGS, Settings, find_setting, parse_value
from yunbox.spaces import Space, SpaceService, SpaceStore
from yunbox.statistics import PlatformCalls, StatisticsService
from yunbox.tools.clock import MACHINE, Clock, MovableClock
from yunbox.tools.daily import DailyBackups
from yunbox.tools.keyring import Keyring, write_private

_log = logging.getLogger("yunbox")


class App:
    """An ASGI application with its services. Made by :func:`create_app`; ``close`` it when it is not run by a server."""

    def __init__(self, settings: Settings, services: Services, lock: DataLock) -> None:
        self.settings = settings
        self.services = services
        self._lock = lock
        self._backups = DailyBackups(settings.data, settings.automatic_backup_days)
        self._dispatch = Dispatcher(_routes(services), endpoint(_not_found))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._dispatch(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except YunboxError as error:
            _log.error("%s", error)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Start what runs in the background: timers, warm function processes and the daily backup."""
        await self.services.functions.start()
        self._backups.start()

    async def close(self) -> None:
        """Stop the background work and close every file."""
        services = self.services
        await self._backups.close()
        await services.transfers.close()
        await services.functions.close()
        await services.identity.aclose()
        services.realtime.close()
        services.documents.close()
        services.files.close()
        services.statistics.close()
        services.sites.close()
        services.spaces.close()
        self._lock.release()


class DataLock:
    """One process at a time may own a data directory."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        # Other accounts of this machine read nobody's documents; functions, which may run as one, only need to pass.
        (data / "spaces").mkdir(mode=0o700, exist_ok=True)
        self._file = (data / "lock").open("w", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise InvalidRequest(
                f"another yunbox is using {data}; stop it, or choose another directory with --data"
                f" / 数据目录 {data} 正被另一个 yunbox 使用"
            ) from None

    def release(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """What is different in a test's cloud: its clock, where npm packages are kept that many clouds share, and that work
    which functions left running does not delay its end."""

    clock: MovableClock
    packages: Path


def create_app(settings: Settings, ephemeral: Ephemeral | None = None) -> App:
    """The application for ``settings.data``, which is made when it does not exist. Only tests make it
    ``ephemeral``.

    Raises:
        InvalidRequest: when another process owns the data directory.
    """
    lock = DataLock(settings.data)
    with contextlib.ExitStack() as undo:
        undo.callback(lock.release)
        services = _services(settings, ephemeral)
        _admin_token(settings.data)
        undo.pop_all()
    return App(settings, services, lock)


def _services(settings: Settings, ephemeral: Ephemeral | None) -> Services:
    clock = ephemeral.clock if ephemeral else MACHINE
    keyring = Keyring.open(settings.data / "secret.key")
    spaces = SpaceService(SpaceStore(settings.data / "server.sqlite", keyring), check_space_setting, clock)
    address = Address(configured=settings.public_url)
    if settings.port:
        address.bind(settings.host, settings.port)
    host_calls = _HostCalls()
    statistics = StatisticsService(spaces, clock=clock)
    quotas = QuotaService(spaces, statistics, clock=clock)
    functions = FunctionService(
        settings.data,
        spaces,
        Capabilities(keyring.derive("function capabilities"), clock),
        admin_url=lambda: f"{address.local}/admin",
        host_call=host_calls,
        node=settings.node,
        instances=settings.function_instances,
        timeout=settings.function_timeout or (3 if settings.profile == "vendor" else 20),
        memory=settings.function_memory_mb,
        statistics=statistics,
        quotas=quotas,
        clock=clock,
        packages=ephemeral.packages if ephemeral else None,
        linger=0.0 if ephemeral else 0.5,
    )
    documents = _documents(settings, spaces, statistics, quotas, clock)
    services = Services(
        settings=settings,
        keyring=keyring,
        spaces=spaces,
        identity=IdentityService(
            spaces,
            developer_login=settings.mode == "dev",
            api_urls={
                "wechat": settings.wechat_api_url,
                "alipay": settings.alipay_api_url,
                "dingtalk": settings.dingtalk_api_url,
            },
            full_sync=settings.durability == "full",
            sender=_sender(settings),
            clock=clock,
        ),
        documents=documents,
        transfers=TransferService(documents, spaces, settings.data),
        realtime=RealtimeService(documents, spaces),
        files=FileService(
            spaces,
            LocalStore(settings.data / "spaces"),
            keyring.derive("files"),
            settings.max_upload_mb * 2**20,
            clock,
            statistics=statistics,
            quotas=quotas,
        ),
        functions=functions,
        statistics=statistics,
        platform_calls=PlatformCalls(spaces),
        quotas=quotas,
        sites=SiteService(
            spaces,
            LocalStore(settings.data / "spaces"),
            keyring.derive("sites"),
            settings.max_upload_mb * 2**20,
            statistics=statistics,
            quotas=quotas,
        ),
        address=address,
        clock=clock,
    )
    host_calls.services = services
    return services


def _sender(settings: Settings) -> Sender | None:
    """Who delivers login codes. Under ``dev`` the log does, unless something else is configured.

    Raises:
        InvalidRequest: when the mail server's address cannot be read.
    """
    file = settings.smtp_url_file
    try:
        smtp_url = file.read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise InvalidRequest(f"cannot read smtp_url_file {file}: {error.strerror}") from None
    return choose_sender(smtp_url, settings.code_webhook_url, LogSender() if settings.mode == "dev" else None)


class _HostCalls:
    """What running functions may ask of their host; bound late, because it needs the services it is part of."""

    services: Services

    async def __call__(self, caller: Any, method: str, params: dict[str, Any]) -> bytes:
        return await mpserverless.host_call(self.services, caller, method, params)


def _documents(
    settings: Settings, spaces: SpaceService, statistics: StatisticsService, quotas: QuotaService, clock: Clock
) -> DocumentService:
    def open_engine(space: Space) -> Engine:
        return Engine.open(space.directory / "documents.sqlite", durability=settings.durability, clock=clock)

    return DocumentService(
        spaces,
        open_engine,
        default_rule=_default_rule(settings),
        may_create=lambda space: bool(space.settings.get("client_create_collections", settings.mode == "dev")),
        vendor_limits=settings.profile == "vendor",
        statistics=statistics,
        quotas=quotas,
        clock=clock,
    )


def _default_rule(settings: Settings) -> Callable[[Space], Rules]:
    fallback = "PRIVATE" if settings.mode == "dev" else "ADMINWRITEONLY"

    def rule(space: Space) -> Rules:
        return parse_policy(str(space.settings.get("a_default_policy") or fallback))

    return rule


def check_space_setting(name: str, value: Any) -> Any:
    """The value to keep for a space setting; ``None`` stays ``None``.

    Raises:
        InvalidRequest: for an unknown name or a value that does not fit.
    """
    setting = find_setting(SPACE_SETTINGS, name)
    if value is None:
        return None
    kept = parse_value(setting, value)
    if name == "a_default_policy" and kept:
        parse_policy(kept)
    return kept


def _admin_token(data: Path) -> None:
    """Make the token that administrators and the command line show, unless it is there."""
    path = data / "admin.token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")


def _routes(services: Services) -> list[Route]:
    routes = [Route("exact", "/healthz", endpoint(_healthy)), Route("exact", "/readyz", endpoint(_healthy))]
    for protocol in (tcb, mpserverless, wechat_http, wechat_push, wechat_ci, tencentcloud, manage):
        routes += protocol.routes(services)
    return routes


async def _healthy(request: Request) -> Response:
    return json_response({"status": "ok"})


async def _not_found(request: Request) -> Response:
    return json_response(
        {"code": "NOT_FOUND", "message": f"nothing is served at {request.path} / 此路径没有内容"}, status=404
    )
