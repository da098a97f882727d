from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yunbox.identity import IdentityService
from yunbox.spaces import Space, SpaceService, SpaceStore
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
