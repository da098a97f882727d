"""The composition root: one owner for a data directory, and files that other accounts cannot read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import LiveServer
from yunbox.app import check_space_setting, create_app
from yunbox.errors import InvalidRequest
from yunbox.files.sites import Site
from yunbox.settings import load_settings


async def test_one_process_owns_a_data_directory(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, "dev", {"port": 0}, environ={})
    first = create_app(settings)
    with pytest.raises(InvalidRequest, match="another yunbox"):
        create_app(settings)
    await first.close()
    again = create_app(settings)
    await again.close()


def test_what_is_private_on_disk(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        server.create_space("demo")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["spaces"] == 0o700
    for name in ("secret.key", "admin.token", "server.json", "server.sqlite", "server.sqlite-wal"):
        assert modes[name] == 0o600, name
    assert not (tmp_path / "server.json").exists(), "a stopped server leaves no address behind"


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.9", 200),
        ("198.51.100.1, 203.0.113.9", 200),
        ("203.0.113.9, 10.0.0.7", 200),
        ("203.0.113.9, ::ffff:10.0.0.7", 200),
        ("203.0.113.9, 198.51.100.1", 403),
        ("203.0.113.9, 198.51.100.1, 10.0.0.7", 403),
        ("", 403),
    ],
)
def test_what_a_client_says_of_its_own_address_does_not_count(proxied: LiveServer, forwarded: str, status: int) -> None:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert httpx.get(f"{proxied.endpoint}/hosting/demo/x", headers=headers, trust_env=False).status_code == status


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server behind a proxy, with a site for one address."""
    with LiveServer(tmp_path_factory.mktemp("proxied"), trust_proxy=True) as server:
        sites = server.services.sites
        sites.configure(server.create_space("demo").id, Site(allowed_ips=("203.0.113.9",)))

        async def pages() -> AsyncIterator[bytes]:
            yield b"page"

        server.call(sites.files.receive(sites.files.prepare_upload(sites.owner("demo"), "x"), pages()))
        yield server


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("a_default_policy", "PUBLICREAD", "PUBLICREAD"),
        ("a_default_policy", '{"*": true}', '{"*": true}'),
        ("client_create_collections", "yes", True),
        ("cors_origins", None, None),
    ],
)
def test_space_settings_are_checked(name: str, value: object, kept: object) -> None:
    assert check_space_setting(name, value) == kept


@pytest.mark.parametrize(
    ("name", "value"), [("a_default_policy", "EVERYTHING"), ("a_default_policy", '{"read": 1}'), ("nothing", 1)]
)
def test_wrong_space_settings_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest):
        check_space_setting(name, value)
