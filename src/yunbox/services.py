"""The services of one server, as the protocols see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from yunbox.documents.service import DocumentService
from yunbox.documents.transfer import TransferService
from yunbox.files.service import FileService
from yunbox.files.sites import SiteService
from yunbox.functions.service import FunctionService
from yunbox.identity.service import IdentityService
from yunbox.quotas.service import QuotaService
from yunbox.realtime.service import RealtimeService
from yunbox.settings import Settings
from yunbox.spaces import SpaceService
from yunbox.statistics import PlatformCalls, StatisticsService
from yunbox.tools.clock import MACHINE, Clock
from yunbox.tools.keyring import Keyring


@dataclass(slots=True)
class Address:
    """Where the server is reached: ``local`` from this machine, ``public`` from clients. No trailing slash."""

    configured: str = ""
    local: str = "http://127.0.0.1:7800"

    def bind(self, host: str, port: int) -> None:
        """Record the bound socket; wildcard addresses are reached through loopback from here."""
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        self.local = f"http://{reachable}:{port}"

    @property
    def public(self) -> str:
        return (self.configured or self.local).rstrip("/")

    @property
    def host(self) -> str:
        """``public`` without its scheme: ``name:port`` and perhaps a path."""
        return self.public.partition("://")[2]


@dataclass(slots=True)
class Services:
    """Everything a protocol may call."""

    settings: Settings
    keyring: Keyring
    spaces: SpaceService
    identity: IdentityService
    documents: DocumentService
    files: FileService
    functions: FunctionService
    realtime: RealtimeService
    statistics: StatisticsService
    platform_calls: PlatformCalls
    quotas: QuotaService
    transfers: TransferService
    sites: SiteService
    address: Address = field(default_factory=Address)
    clock: Clock = MACHINE
