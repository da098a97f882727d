"""Runs the guide's code examples through the real SDKs against a live server."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
COMPAT = HERE.parent / "compat"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Example:
    """One code example of the guide: ``code`` is its text, a returned value what ``check`` looks at.

    ``section`` is where it stands (semantics.md S4). An example that must fail has ``code_of_error``.
    """

    section: str
    name: str
    code: str
    check: Callable[[Any], object] | None = None
    code_of_error: str | None = None

    def __str__(self) -> str:
        return f"{self.section}-{self.name}"

    def verify(self, result: dict[str, Any]) -> None:
        """The example did what the guide says."""
        if self.code_of_error is not None:
            assert result.get("error", {}).get("code") == self.code_of_error, result
            return
        assert "error" not in result, result
        if self.check is not None:
            assert self.check(result["value"]) is not False, result["value"]


Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def chapter(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs examples in a space; gives the result of each by name."""
    if shutil.which("node") is None or not (COMPAT / "node_modules" / "@alicloud").is_dir():
        not_run("@alicloud SDKs in Node", "node or tests/compat/node_modules is missing; run `make`")

    def run(space: Space, examples: Iterable[Example], **options: Any) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("guide")
        (folder / "pic.png").write_bytes(PNG)
        (folder / "tool.exe").write_bytes(b"MZ")
        keys = {
            "endpoint": cloud.endpoint,
            "spaceId": space.id,
            "clientSecret": space.client_secret,
            "serverSecret": space.server_private_key,
            "accessKeyId": space.access_key_id,
            "accessKeySecret": space.access_key_secret,
            "png": str(folder / "pic.png"),
        }
        steps = [(str(example), example.code) for example in examples]
        (folder / "options.json").write_text(json.dumps({**keys, **options, "examples": steps}))
        command = ["node", str(HERE / "js" / "run.js"), str(folder / "options.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return results

    return run
