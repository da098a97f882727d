"""Starting yunbox and the floors, loading them in turn, and putting the figures side by side."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.http import processes, requests

ROOT = Path(__file__).resolve().parent.parent.parent
CONNECTIONS = (1, 32, 64)


@dataclass(frozen=True, slots=True)
class Target:
    """A server process and the request that it is loaded with."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    request: bytes


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    connections: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    memory_mb: float
    errors: int
    first_error: str


def measure(target: Target, connections: int, seconds: float) -> Figure:
    """Load one target from another process."""
    before = processes.cpu_seconds(target.process.pid)
    command = [sys.executable, "-m", "bench.http.load", "127.0.0.1", str(target.port), str(connections), str(seconds)]
    output = subprocess.run(command, input=target.request, capture_output=True, check=True, cwd=ROOT).stdout
    result = json.loads(output)
    spent = processes.cpu_seconds(target.process.pid) - before
    return Figure(
        name=target.name,
        connections=connections,
        per_second=result["per_second"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        cpu_us=spent / max(1, result["requests"]) * 1e6,
        memory_mb=processes.anonymous_mb(target.process.pid),
        errors=result["errors"],
        first_error=result["first_error"],
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process, from the moment its port answers until the block ends."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


FUNCTION = "exports.main = async (event) => ({ sum: event.a + event.b })\n"


class Yunbox:
    """A server with one space, a collection of 1,000 documents and a function."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.space: dict[str, Any] = {}

    def command(self, *arguments: str) -> bytes:
        program = [sys.executable, "-c", "from yunbox.cli import main; main()", *arguments]
        return subprocess.run([*program, "--data", str(self.data)], capture_output=True, check=True, cwd=ROOT).stdout

    def fill(self) -> None:
        self.space = json.loads(self.command("space", "create", "bench", "--json"))
        self.command("db", "create", "items", "--space", "bench")
        source = self.data / "source" / "add"
        source.mkdir(parents=True)
        (source / "index.js").write_text(FUNCTION, encoding="utf-8")
        self.command("functions", "deploy", str(source), "--space", "bench")
        lines = [json.dumps(document(number)) for number in range(1000)]
        seed = self.data / "items.jsonl"
        seed.write_text("\n".join(lines), encoding="utf-8")
        self.command("db", "import", "items", str(seed), "--space", "bench")
        # Through the mpserverless protocol the collection is written by clients of it.
        self.command("db", "rules", "set", "items", "--space", "bench", "--mode", "READONLY")

    def send(self, request: bytes) -> Any:
        head, _, body = request.partition(b"\r\n\r\n")
        path = head.split()[1].decode()
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        asked = urllib.request.Request(f"http://{self.host}{path}", body, headers)
        with urllib.request.urlopen(asked, timeout=30) as response:
            return json.load(response)

    def requests(self) -> dict[str, bytes]:
        """The prepared requests, by the name of what they measure."""
        query = {"collectionName": "items", "queryType": "WHERE"}
        insert = {"action": "database.insertDocument", "collectionName": "created", "data": [json.dumps({"n": 1})]}
        call = {"action": "functions.invokeFunction", "function_name": "add", "request_data": '{"a":1,"b":2}'}
        get = {"action": "database.getDocument", "collectionName": "items", "queryType": "DOC", "multi": False}
        listed = {"action": "database.getDocument", **query, "query": "{}", "limit": 20}
        self.send(
            requests.admin(self.host, self.space, {"action": "database.addCollection", "collectionName": "created"})
        )
        token = self.send(
            requests.client(
                self.host, self.space, "serverless.auth.user.anonymousAuthorize", {"clientIdentifier": "bench"}
            )
        )["data"]["accessToken"]
        execute = "serverless.db.default.execute"

        def client(params: dict[str, Any], method: str = execute) -> bytes:
            return requests.client(self.host, self.space, method, params, token)

        return {
            "admin get": requests.admin(self.host, self.space, {**get, "query": '{"_id":"id500"}'}),
            "admin list 20": requests.admin(self.host, self.space, listed),
            "admin create": requests.admin(self.host, self.space, insert),
            "client get": client(
                {"collection": "items", "command": "findOne", "query": {"_id": "id500"}, "options": {}}
            ),
            "client list 20": client({"collection": "items", "command": "find", "query": {}, "options": {"limit": 20}}),
            "client create": client({"collection": "items", "command": "insertOne", "doc": {"n": 1}, "options": {}}),
            "warm function": requests.admin(self.host, self.space, call),
        }


def document(number: int) -> dict[str, Any]:
    return {
        "_id": f"id{number}",
        "name": f"item {number}",
        "age": number % 90,
        "score": number * 1.5,
        "tags": ["a", "b", "c"],
        "address": {"city": f"city{number % 100}", "zip": "100000"},
        "bio": "x" * 180,
    }


def run(seconds: float = 2.0) -> list[Figure]:
    """All figures: for each number of connections every target in turn, so that noise falls on all alike."""
    directory = Path(tempfile.mkdtemp(prefix="yunbox-bench-"))
    figures: list[Figure] = []
    python_port, node_port, port = free_port(), free_port(), free_port()
    node = shutil.which("node") or "node"
    serve = [sys.executable, "-c", "from yunbox.cli import main; main()", "serve", "--data", str(directory)]
    with (
        running([sys.executable, "-m", "bench.http.echo", str(python_port)], python_port) as python,
        running([node, "bench/http/echo.js", str(node_port)], node_port) as bare_node,
        running([*serve, "--port", str(port)], port) as server,
    ):
        yunbox = Yunbox(directory, port)
        yunbox.fill()
        prepared = yunbox.requests()
        sample = prepared["admin get"]
        targets = [
            Target("floor: Python ASGI echo", python, python_port, sample),
            Target("floor: node:http echo", bare_node, node_port, sample),
            *(Target(name, server, port, request) for name, request in prepared.items()),
        ]
        for connections in CONNECTIONS:
            for target in targets:
                figures.append(measure(target, connections, seconds))
        cold = cold_calls(yunbox)
    shutil.rmtree(directory, ignore_errors=True)
    print_table(figures)
    print(f"\ncold function call (new deployment, first call, through HTTP): median {cold:.1f} ms of 5")
    return figures


def cold_calls(yunbox: Yunbox) -> float:
    """Milliseconds of the first call after a deployment."""
    times = []
    for _ in range(5):
        yunbox.command("functions", "deploy", str(yunbox.data / "source" / "add"), "--space", "bench")
        call = {"action": "functions.invokeFunction", "function_name": "add", "request_data": '{"a":1,"b":2}'}
        request = requests.admin(yunbox.host, yunbox.space, call)
        started = time.perf_counter()
        answer = yunbox.send(request)
        times.append((time.perf_counter() - started) * 1000)
        assert answer["data"]["response_data"] == '{"sum":3}', answer
    return sorted(times)[len(times) // 2]


def print_table(figures: list[Figure]) -> None:
    for connections in CONNECTIONS:
        rows = [figure for figure in figures if figure.connections == connections]
        floor = rows[0].per_second
        print(f"\n{connections} connections{'':24} req/s  × ASGI echo   p50 ms   p99 ms  CPU µs/req  RssAnon MB")
        for row in rows:
            print(
                f"  {row.name:34}{row.per_second:9.0f}{row.per_second / floor:12.2f}{row.p50_ms:10.2f}"
                f"{row.p99_ms:9.2f}{row.cpu_us:12.0f}{row.memory_mb:11.0f}"
                + (f"   ERRORS {row.errors}: {row.first_error}" if row.errors else "")
            )
