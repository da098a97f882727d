"""Static web sites: one for each space, whose files are apart from the space's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from yunbox.caller import Caller
from yunbox.errors import FileNotFound as NoSuchFile
from yunbox.errors import InvalidRequest, NotFound, PermissionDenied
from yunbox.files.service import FileService, OpenFile
from yunbox.files.stores import ObjectStore
from yunbox.quotas.service import QuotaService
from yunbox.spaces import Space, SpaceService
from yunbox.statistics import StatisticsService

SUFFIX = "/site"
_RESOURCE = "site"


@dataclass(frozen=True, slots=True)
class Site:
    """How a space's site answers. ``error_path`` is the page for what is missing, sent with ``error_status``;
    ``allowed_ips`` are addresses and networks, none meaning everybody."""

    index_path: str = "index.html"
    error_path: str = ""
    error_status: int = 404
    allowed_ips: tuple[str, ...] = ()


@dataclass(slots=True)
class Page:
    """What a path of a site leads to: a file with the status to send, or (``location``) another path."""

    opened: OpenFile | None
    status: int
    location: str = ""


class _SiteSpaces:
    """The spaces as a file service sees them when it keeps sites: ``demo/site`` in a directory of its own."""

    def __init__(self, spaces: SpaceService) -> None:
        self._spaces = spaces
        self.sharing = spaces.sharing

    def get(self, name: str) -> Space:
        space = self._spaces.get(name.removesuffix(SUFFIX))
        return replace(space, id=name, directory=space.directory / "site", settings={"storage_rule": "ADMINONLY"})

    def on_delete(self, callback: Callable[[str], None]) -> None:
        self._spaces.on_delete(lambda space_id: callback(space_id + SUFFIX))


class SiteService:
    """The sites of all spaces. ``files`` holds their files: as an administrator of :meth:`owner`, keys are paths.

    ``statistics`` counts what visitors get; ``quotas`` limits it.
    """

    def __init__(
        self,
        spaces: SpaceService,
        store: ObjectStore,
        signing_key: bytes,
        max_upload: int,
        *,
        statistics: StatisticsService | None = None,
        quotas: QuotaService | None = None,
    ) -> None:
        self._spaces = spaces
        self._statistics = statistics
        self._quotas = quotas
        self.files = FileService(cast(SpaceService, _SiteSpaces(spaces)), store, signing_key, max_upload)

    def close(self) -> None:
        self.files.close()

    @staticmethod
    def owner(space_id: str) -> Caller:
        """The caller that may change a space's site."""
        return Caller("admin", space_id + SUFFIX)

    def is_open(self, space_id: str) -> bool:
        """Whether the space has a site."""
        return self._spaces.rule(space_id, _RESOURCE, "") is not None

    def get(self, space_id: str) -> Site:
        """
        Raises:
            NotFound: when the space has no site.
        """
        stored: dict[str, Any] | None = self._spaces.rule(space_id, _RESOURCE, "")
        if stored is None:
            raise NotFound(f"space `{space_id}` hosts no web site; open it first / 未开通静态网站托管")
        return Site(**{**stored, "allowed_ips": tuple(stored["allowed_ips"])})

    def open(self, space_id: str) -> Site:
        """Let the space have a site; one that it has stays as it is."""
        if not self.is_open(space_id):
            self.configure(space_id, Site())
        return self.get(space_id)

    def shut(self, space_id: str) -> None:
        """Let the space have no site any more. Its files stay until it has one again."""
        self._spaces.delete_rule(space_id, _RESOURCE, "")

    def configure(self, space_id: str, site: Site) -> None:
        """
        Raises:
            InvalidRequest: for a status that is no error or a network that is none.
        """
        if not 200 <= site.error_status <= 599:
            raise InvalidRequest(f"{site.error_status} is no status for an error page; use 200, 404 …")
        for entry in site.allowed_ips:
            _network(entry)
        self._spaces.set_rule(space_id, _RESOURCE, "", asdict(site))

    def page(self, space_id: str, path: str, client_ip: str) -> Page:
        """What ``path`` (without a leading slash) shows to a visitor.

        Raises:
            NotFound: when there is no site, no such page and no error page.
            PermissionDenied: when the visitor's address is not allowed.
            QuotaExceeded: when the site has used up its traffic.
        """
        site = self.get(space_id)
        if self._quotas is not None and (account := self._quotas.account(space_id)) is not None:
            account.check("hosting")
        _check_address(site, client_ip)
        name = space_id + SUFFIX
        key = path + site.index_path if path == "" or path.endswith("/") else path
        try:
            return Page(self.files.open(name, key), 200)
        except NoSuchFile:
            if key == path and self._exists(name, f"{path}/{site.index_path}"):
                return Page(None, 302, path.rpartition("/")[2] + "/")
            if not site.error_path:
                raise
        return Page(self.files.open(name, site.error_path.removeprefix("/")), site.error_status)

    def sent(self, space_id: str, size: int) -> None:
        """Count one page of the site and the bytes of it that went out."""
        if self._statistics is not None:
            self._statistics.count(Caller("guest", space_id), "hosting", "site", sent=size)

    def _exists(self, name: str, key: str) -> bool:
        try:
            self.files.stat(name, key)
        except NoSuchFile:
            return False
        return True


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidRequest(f"`{text}` is no IP address or network / IP 格式不正确") from None


def _check_address(site: Site, client_ip: str) -> None:
    if not site.allowed_ips:
        return
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        address = None
    if address is None or not any(address in _network(entry) for entry in site.allowed_ips):
        raise PermissionDenied("this address may not visit the site / 该 IP 不允许访问")
