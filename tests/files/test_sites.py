from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from yunbox.errors import FileNotFound, InvalidRequest, NotFound, PermissionDenied
from yunbox.files.sites import Site, SiteService
from yunbox.files.stores.local import LocalStore
from yunbox.spaces import SpaceService, SpaceStore
from yunbox.tools.keyring import Keyring


@pytest.fixture
def spaces(tmp_path: Path) -> Iterator[SpaceService]:
    service = SpaceService(SpaceStore(tmp_path / "server.sqlite", Keyring(b"k" * 32)), lambda name, value: value)
    service.create("one")
    yield service
    service.close()


@pytest.fixture
async def sites(spaces: SpaceService, tmp_path: Path) -> SiteService:
    service = SiteService(spaces, LocalStore(tmp_path / "spaces"), b"key", 1000)
    service.open("one")
    for path in ("index.html", "docs/index.html", "lost.html"):
        await service.files.put(service.owner("one"), path, path.encode())
    return service


def shown(sites: SiteService, path: str) -> tuple[int, str]:
    page = sites.page("one", path, "127.0.0.1")
    if page.opened is None:
        return page.status, page.location
    content = page.opened.reader.read(0, page.opened.file.size).decode()
    page.opened.reader.close()
    return page.status, content


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("", (200, "index.html")),
        ("index.html", (200, "index.html")),
        ("docs/", (200, "docs/index.html")),
        ("docs", (302, "docs/")),
    ],
)
def test_pages(sites: SiteService, path: str, answer: tuple[int, str]) -> None:
    assert shown(sites, path) == answer


def test_error_pages(sites: SiteService) -> None:
    with pytest.raises(FileNotFound):
        shown(sites, "nothing")
    sites.configure("one", Site(error_path="lost.html", error_status=410))
    assert shown(sites, "nothing") == (410, "lost.html")
    sites.configure("one", Site(error_path="gone.html"))
    with pytest.raises(FileNotFound):
        shown(sites, "nothing")


def test_allowed_addresses(sites: SiteService) -> None:
    sites.configure("one", Site(allowed_ips=("127.0.0.0/8",)))
    assert shown(sites, "")[0] == 200
    sites.configure("one", Site(allowed_ips=("10.1.2.3", "::1")))
    for visitor in ("127.0.0.1", ""):
        with pytest.raises(PermissionDenied):
            sites.page("one", "", visitor)


@pytest.mark.parametrize("site", [Site(error_status=99), Site(allowed_ips=("nowhere",))])
def test_unusable_settings(sites: SiteService, site: Site) -> None:
    with pytest.raises(InvalidRequest):
        sites.configure("one", site)


def test_a_site_belongs_to_its_space(sites: SiteService, spaces: SpaceService) -> None:
    spaces.create("two")
    with pytest.raises(NotFound):
        sites.page("two", "", "127.0.0.1")
    directory = spaces.get("one").directory
    assert list((directory / "site").iterdir())
    spaces.delete("one")
    assert not directory.exists()
