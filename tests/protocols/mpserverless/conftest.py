from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.server import LiveServer
from yunbox.spaces import Space


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30, verify=False) as http:
        yield http


@pytest.fixture
def client(cloud: LiveServer, space: Space, http: httpx.Client) -> GatewayClient:
    """A client of a fresh space, not authorized yet."""
    return GatewayClient(cloud.endpoint, space, http)


@pytest.fixture
def server(cloud: LiveServer, space: Space, http: httpx.Client) -> ServerClient:
    """The administrator of the same space."""
    return ServerClient(cloud.endpoint, space, http)
