"""A server killed while clients write loses nothing that it acknowledged, and is back at once.

``YUNBOX_KILLS`` sets the number of rounds, ``YUNBOX_KILL_DOCUMENTS`` how many documents it restarts with (short by default).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from tests.protocols.mpserverless.signed import GatewayClient
from tests.protocols.tcb.signed import AdminClient

ROUNDS = int(os.environ.get("YUNBOX_KILLS", "2"))
DOCUMENTS = int(os.environ.get("YUNBOX_KILL_DOCUMENTS", "5000"))
WRITERS = 4
ACKNOWLEDGED = 150
"""Writes of one round before the kill."""
RESTART = 2.0
"""Seconds in which a killed server answers again, beyond what the interpreter itself needs to start."""
ROOT = Path(__file__).resolve().parent.parent.parent


@contextlib.contextmanager
def serving(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process of its own that answers, and its endpoint."""
    command = [sys.executable, "-m", "yunbox.cli", "serve", "--data", str(data), "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.send_signal(signal.SIGKILL)


Writer = tuple[httpx.Client, Callable[[str], bool]]
"""A client, and what adds a document with an id; whether that was acknowledged."""


class Cloud:
    """One space of a server that comes and goes; ``endpoint`` is where it is now."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space
        self.acknowledged: list[tuple[str, str]] = []

    def admin(self, endpoint: str) -> AdminClient:
        return AdminClient(endpoint, self.space["secret_id"], self.space["secret_key"])

    def admin_writer(self, endpoint: str) -> Writer:
        client = self.admin(endpoint)

        def add(id: str) -> bool:
            reply = client.send("database.insertDocument", collectionName="t", data=[json.dumps({"_id": id})])
            return "code" not in reply

        return client.http, add

    def client_writer(self, endpoint: str) -> Writer:
        named: Any = SimpleNamespace(id=self.space["space_id"], client_secret=self.space["client_secret"])
        client = GatewayClient(endpoint, named, httpx.Client(trust_env=False, timeout=30))
        client.authorize()

        def add(id: str) -> bool:
            asked = {"command": "insertOne", "collection": "a", "doc": {"_id": id}}
            return bool(client.answer("serverless.db.default.execute", asked)["success"])

        return client.http, add

    def write(self, endpoint: str, prefix: str, kill: Callable[[], None]) -> None:
        """Write from several clients of both protocols until ``kill`` has been called, noting what is acknowledged."""
        enough = threading.Semaphore(0)
        makers = [self.admin_writer, self.client_writer] * (WRITERS // 2)
        threads = [
            threading.Thread(target=self._write, args=(make(endpoint), f"{prefix}-{number}", number, enough))
            for number, make in enumerate(makers)
        ]
        for thread in threads:
            thread.start()
        for _ in range(ACKNOWLEDGED):
            assert enough.acquire(timeout=30)
        kill()
        for thread in threads:
            thread.join(30)

    def _write(self, writer: Writer, prefix: str, number: int, enough: threading.Semaphore) -> None:
        http, add = writer
        with contextlib.closing(http), contextlib.suppress(httpx.HTTPError):
            for count in itertools.count():
                id = f"{prefix}-{count}"
                assert add(id)
                self.acknowledged.append(("ta"[number % 2], id))
                enough.release()


def manage(data: Path, endpoint: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {(data / 'admin.token').read_text().strip()}"}
    return httpx.Client(base_url=f"{endpoint}/manage/v1/", headers=headers, trust_env=False, timeout=60)


def ids(client: httpx.Client, space: str, collection: str) -> set[str]:
    lines = client.get(f"spaces/{space}/collections/{collection}/export").text.splitlines()
    return {json.loads(line)["_id"] for line in lines}


def test_a_killed_server_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, endpoint), manage(tmp_path, endpoint) as client:
        space = client.post("spaces", json={}).json()
        for name in ("t", "a", "many"):
            client.post(f"spaces/{space['space_id']}/collections/{name}").raise_for_status()
        client.put(f"spaces/{space['space_id']}/collections/a/rules", json={"mode": "PRIVATE"}).raise_for_status()
        lines = "".join(f'{{"_id":{number},"n":{number % 97}}}\n' for number in range(DOCUMENTS))
        client.post(f"spaces/{space['space_id']}/collections/many/import", content=lines).raise_for_status()
    cloud = Cloud(space)
    for round in range(ROUNDS):
        with serving(tmp_path) as (process, endpoint):
            cloud.write(endpoint, f"r{round}", process.kill)
        began = time.monotonic()
        with serving(tmp_path) as (_, endpoint), manage(tmp_path, endpoint) as client:
            took = time.monotonic() - began
            with cloud.admin(endpoint) as admin:
                reply = admin.send("database.calculateDocument", collectionName="many")
            assert reply["data"] == {"total": DOCUMENTS}
            for collection in ("t", "a"):
                written = {id for place, id in cloud.acknowledged if place == collection}
                assert written
                assert written <= ids(client, space["space_id"], collection)
        assert took < RESTART + _interpreter(), f"the restart took {took:.2f} s"


def _interpreter() -> float:
    """Seconds that it takes on this machine now to start Python with the server's modules."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import yunbox.app, yunbox.cli.program"], check=True, cwd=ROOT / "src")
    return time.monotonic() - began
