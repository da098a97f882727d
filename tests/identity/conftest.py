from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yunbox.identity import IdentityService
from yunbox.spaces import Space, SpaceService, SpaceStore
from yunbox.spaces.space import new_keys
from yunbox.tools.keyring import Keyring


class Clock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def keep(name: str, value: Any) -> Any:
    return value


@pytest.fixture(scope="session")
def rsa_key() -> str:
    return new_keys()["server_private_key"]


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch, rsa_key: str) -> None:
    """Spaces with secrets of their own, but one RSA key for all: making one takes longer than any test here."""

    def keys() -> dict[str, str]:
        names = ("client_secret", "secret_id", "secret_key", "access_key_id", "access_key_secret")
        return {"server_private_key": rsa_key, **{name: secrets.token_hex(16) for name in names}}

    monkeypatch.setattr("yunbox.spaces.service.new_keys", keys)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spaces(tmp_path: Path) -> Iterator[SpaceService]:
    service = SpaceService(SpaceStore(tmp_path / "server.sqlite", Keyring.open(tmp_path / "secret.key")), keep)
    yield service
    service.close()


@pytest.fixture
def space(spaces: SpaceService) -> Space:
    return spaces.create("demo")


@pytest.fixture
def identity(spaces: SpaceService, clock: Clock) -> Iterator[IdentityService]:
    service = IdentityService(spaces, full_sync=False, clock=clock)
    yield service
    service.close()
