"""The tree of commands. A command's module is imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from yunbox import __version__

COMMANDS: dict[str, str] = {
    "dev": "yunbox.cli.dev:dev",
    "serve": "yunbox.cli.serve:serve",
    "space": "yunbox.cli.space:space",
    "app": "yunbox.cli.app:app",
    "push": "yunbox.cli.push:push",
    "functions": "yunbox.cli.functions:functions",
    "openapi": "yunbox.cli.openapi:openapi",
    "users": "yunbox.cli.users:users",
    "db": "yunbox.cli.db:db",
    "files": "yunbox.cli.files:files",
    "exec": "yunbox.cli.exec:execute",
    "statistics": "yunbox.cli.statistics:statistics",
    "backup": "yunbox.cli.backup:backup",
    "status": "yunbox.cli.status:status",
    "doctor": "yunbox.cli.doctor:doctor",
    "test-cloud": "yunbox.cli.testing:test_cloud",
}


class LazyGroup(click.Group):
    """A group whose commands are named by ``module:attribute`` and imported on use."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="yunbox (云盒): the mini-program cloud you run yourself. / 可自行部署的小程序云。",
)
@click.version_option(__version__, message="yunbox %(version)s")
def program() -> None:
    pass
