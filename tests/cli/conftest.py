"""Commands run inside the test process against the shared server, or on a directory where none runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.server import LiveServer
from yunbox.cli.program import program
from yunbox.spaces import Space


@dataclass
class CommandLine:
    """Runs ``yunbox`` commands for one space of the shared server."""

    environment: dict[str, str]
    space: Space

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """The outcome of a command, whatever it is."""
        return CliRunner(env={**self.environment, "YUNBOX_SPACE": self.space.id}).invoke(
            program, arguments, input=stdin
        )

    def text(self, *arguments: str, stdin: str | bytes | None = None) -> str:
        """Standard output of a command that must succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str, stdin: str | bytes | None = None) -> Any:
        """What a command that must succeed prints as JSON."""
        return json.loads(self.text(*arguments, "--json", stdin=stdin))

    def failure(self, *arguments: str) -> Any:
        """The JSON of a command that must end with status 1."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 1, result.output
        return json.loads(result.stdout)


def environment_of(cloud: LiveServer) -> dict[str, str]:
    """What points commands at a server."""
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    return {"YUNBOX_ENDPOINT": cloud.endpoint, "YUNBOX_ADMIN_TOKEN": token}


@pytest.fixture
def yunbox(cloud: LiveServer) -> CommandLine:
    return CommandLine(environment_of(cloud), cloud.create_space())


@pytest.fixture
def function(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a function's ``index.js`` and returns its directory."""

    def write(name: str, code: str) -> Path:
        directory = tmp_path / "functions" / name
        directory.mkdir(parents=True)
        (directory / "index.js").write_text(code, encoding="utf-8")
        return directory

    return write
