"""The composition root: one owner for a data directory, and files that other accounts cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server import LiveServer
from yunbox.app import check_space_setting, create_app
from yunbox.errors import InvalidRequest
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
