"""A space, its keys, and somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.protocols.tencentcloud.client import CloudClient
from tests.server import LiveServer
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture
def other(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture(scope="package")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def client(cloud: LiveServer, http: httpx.Client, space: Space) -> CloudClient:
    return CloudClient.of(http, cloud.endpoint, space)


@pytest.fixture
def stranger(cloud: LiveServer, http: httpx.Client, other: Space) -> CloudClient:
    return CloudClient.of(http, cloud.endpoint, other)
