from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yunbox.errors import AlreadyExists, InvalidRequest, SpaceNotFound
from yunbox.settings import SPACE_SETTINGS, find_setting, parse_value
from yunbox.spaces import SpaceService, SpaceStore
from yunbox.tools.keyring import Keyring


def check_setting(name: str, value: Any) -> Any:
    setting = find_setting(SPACE_SETTINGS, name)
    return None if value is None else parse_value(setting, value)


def open_service(directory: Path) -> SpaceService:
    keyring = Keyring.open(directory / "secret.key")
    return SpaceService(SpaceStore(directory / "server.sqlite", keyring), check_setting)


@pytest.fixture
def spaces(tmp_path: Path) -> SpaceService:
    return open_service(tmp_path)


@pytest.mark.parametrize("name", ["a", "demo-1a2b3c", "mp-00000000-0000-4000-8000-000000000001", "0a_b", "x" * 64])
def test_create_accepts_ids_of_both_clouds(spaces: SpaceService, name: str) -> None:
    assert spaces.create(name).id == name
    assert spaces.get(name) in spaces.list()


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "a b", "../x", "a/b", "x" * 65, "é", "a\n"])
def test_create_refuses_what_is_no_id(spaces: SpaceService, name: str) -> None:
    with pytest.raises(InvalidRequest):
        spaces.create(name)


def test_create_refuses_a_taken_id(spaces: SpaceService) -> None:
    spaces.create("demo")
    with pytest.raises(AlreadyExists):
        spaces.create("demo")


def test_missing_space_names_the_fix(spaces: SpaceService) -> None:
    with pytest.raises(SpaceNotFound, match="yunbox space create nowhere"):
        spaces.get("nowhere")


def test_everything_survives_a_restart_and_secrets_are_not_readable_on_disk(tmp_path: Path) -> None:
    first = open_service(tmp_path)
    space = first.create("demo")
    first.set("demo", {"client_create_collections": "true"})
    first.set_rule("demo", "collection", "todos", "PRIVATE")
    first.set_app("demo", "wechat", "wx1", {"secret": "app-secret-value"})
    first.close()
    again = open_service(tmp_path)
    assert again.get("demo").keys() == space.keys()
    assert again.get("demo").settings == {"client_create_collections": True}
    assert again.rule("demo", "collection", "todos") == "PRIVATE"
    assert again.app("demo", "wechat", "wx1") == {"secret": "app-secret-value"}
    again.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("server.sqlite*"))
    for secret in (space.client_secret, space.secret_key, space.access_key_secret, "app-secret-value", "PRIVATE KEY"):
        assert secret.encode() not in stored
    for path in (tmp_path / "secret.key", *tmp_path.glob("server.sqlite*")):
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_delete_removes_keys_rules_and_files(spaces: SpaceService) -> None:
    space = spaces.create("demo")
    (space.directory / "documents.sqlite").write_bytes(b"x")
    spaces.set_rule("demo", "collection", "todos", "PRIVATE")
    closed: list[str] = []
    spaces.on_delete(closed.append)
    spaces.delete("demo")
    assert closed == ["demo"]
    assert "demo" not in spaces
    assert not space.directory.exists()
    assert spaces.find_by_secret_id(space.secret_id) is None
    assert spaces.find_by_access_key(space.access_key_id) is None
    assert spaces.rule("demo", "collection", "todos") is None


def test_reset_keys_replaces_only_what_is_named(spaces: SpaceService) -> None:
    old = spaces.create("demo")
    new = spaces.reset_keys("demo", "server_private_key")
    assert new.server_private_key != old.server_private_key
    assert new.secret_key == old.secret_key
    assert spaces.get("demo") == new


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"cors_origin": "*"}, "did you mean `cors_origins`"), ({"client_create_collections": "maybe"}, "true or false")],
)
def test_set_refuses_what_does_not_fit(spaces: SpaceService, changes: dict[str, Any], message: str) -> None:
    spaces.create("demo")
    with pytest.raises(InvalidRequest, match=message):
        spaces.set("demo", changes)


def test_secrets_do_not_show_in_repr(spaces: SpaceService) -> None:
    space = spaces.create()
    assert space.client_secret not in repr(space)
    assert space.secret_key not in repr(space)
    assert "PRIVATE KEY" not in repr(space)


def test_bucket_is_deterministic_and_of_the_vendors_form(spaces: SpaceService) -> None:
    space = spaces.create("demo")
    hexes, name, digits = space.bucket.split("-")
    assert (hexes, name) == ("6465", "demo")
    assert digits.isdigit()
