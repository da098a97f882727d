"""A function service with one space, and a way to write functions as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from yunbox.caller import Caller
from yunbox.functions.capability import Capabilities
from yunbox.functions.function import Deployment
from yunbox.functions.service import FunctionService
from yunbox.spaces import SpaceService
from yunbox.spaces.store import SpaceStore
from yunbox.tools.keyring import Keyring

ANN = Caller(kind="user", space="demo", openid="openid-ann", user_id="user-ann", app_id="wx123", source="client")
BOB = Caller(kind="user", space="demo", openid="openid-bob", user_id="user-bob", app_id="wx123", source="client")


@dataclass
class Bench:
    """The service under test; ``host_calls`` records what functions asked for without HTTP."""

    data: Path
    sources: Path
    spaces: SpaceService
    host_calls: list[tuple[Caller, str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    admin_url: str = "http://127.0.0.1:1/admin"
    service: FunctionService = field(init=False)

    def write(self, name: str, files: str | Mapping[str, str]) -> Path:
        """The directory of a function with these files (a text alone is index.js)."""
        directory = self.sources / name
        for path, text in ({"index.js": files} if isinstance(files, str) else files).items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return directory

    async def deploy(
        self, name: str, files: str | Mapping[str, str], space: str = "demo", **options: Any
    ) -> Deployment:
        return await self.service.deploy(space, self.write(name, files), name, **options)

    async def call(self, name: str, event: Any = None, caller: Caller = ANN, **options: Any) -> Any:
        """The function's result as a Python value."""
        invocation = await self.service.invoke(caller, name, {} if event is None else event, **options)
        return orjson.loads(invocation.result_json)

    async def run(self, code: str, event: Any = None, caller: Caller = ANN, **options: Any) -> Any:
        """Deploy ``code`` as ``f`` and call it."""
        await self.deploy("f", code)
        return await self.call("f", event, caller, **options)


def make_bench(tmp_path: Path, *, create: bool = True, **options: Any) -> Bench:
    data = tmp_path / "data"
    keyring = Keyring(b"k" * 32)
    spaces = SpaceService(SpaceStore(data / "server.sqlite", keyring), lambda name, value: value)
    if create:
        spaces.create("demo")

    async def host_call(caller: Caller, method: str, params: dict[str, Any]) -> bytes:
        made.host_calls.append((caller, method, params))
        answer = made.answers[method]
        if isinstance(answer, Exception):
            raise answer
        data = orjson.Fragment(answer) if isinstance(answer, bytes) else answer
        return orjson.dumps({"requestId": "r-1", **({} if data is None else {"data": data})})

    made = Bench(data, tmp_path / "sources", spaces)
    made.service = FunctionService(
        data, spaces, Capabilities(keyring.derive("functions")), lambda: made.admin_url, host_call, linger=0, **options
    )
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """One service for a whole module, for tests that only call functions."""
    made = make_bench(tmp_path_factory.mktemp("bench"))
    await made.service.start()
    yield made
    await made.service.close()
    made.spaces.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = make_bench(tmp_path)
    await made.service.start()
    yield made
    await made.service.close()
    made.spaces.close()
