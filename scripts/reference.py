"""Writes the reference pages from what they describe: docs/cli.md, docs/settings.md, docs/wire-actions.md.

``python scripts/reference.py`` after a change; a test says when it was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from yunbox.cli.program import program
from yunbox.settings import SETTINGS, SPACE_SETTINGS, Setting

DOCS = Path(__file__).resolve().parent.parent / "docs"

CLI_HEAD = """# Commands

Every command that prints a result takes `--json`: standard output then carries JSON alone, progress and notes go to standard error. An error is `{"error": {"code", "message"}}` with exit status 1; a wrong command line is exit status 2.

Commands talk to the server at `--endpoint` (`YUNBOX_ENDPOINT`), else to the one that runs on the data directory, else they work on the directory themselves. The data directory is `--data` (`YUNBOX_DATA`), else `./.yunbox` where `yunbox dev` has been, else that of `yunbox serve`. The administrator's token is read from `YUNBOX_ADMIN_TOKEN` or from `admin.token` in the data directory. `--space` (`YUNBOX_SPACE`) may be left out when there is only one space.

`yunbox --version` prints the version.
"""

SETTINGS_HEAD = """# Settings

## Of a server

A flag (`--public-url`) of `dev` and `serve` wins over the environment (`YUNBOX_PUBLIC_URL`), which wins over `DATA/yunbox.toml` (`public_url = "…"`), which wins over the default. An unknown name is an error.
"""

SPACE_HEAD = """
## Of a space

`yunbox space set SPACE NAME=VALUE`; an empty value is the default.
"""


def cli_page() -> str:
    """docs/cli.md."""
    sections = "\n".join(_commands(program, ["yunbox"], None))
    return f"{CLI_HEAD}\n{sections}"


def _commands(command: click.Command, path: list[str], parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=path[-1], parent=parent)
    if not isinstance(command, click.Group):
        yield _section(command, path, context)
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _commands(child, [*path, name], context)


def _section(command: click.Command, path: list[str], context: click.Context) -> str:
    arguments = [item.make_metavar(context) for item in command.params if isinstance(item, click.Argument)]
    usage = " ".join([*path, *arguments])
    lines = [f"## {' '.join(path)}", "", f"`{usage}`", "", str(command.help), ""]
    settings = {setting.name for setting in SETTINGS}
    options = [item for item in command.params if isinstance(item, click.Option)]
    shown = [item for item in options if item.name not in settings]
    if shown:
        lines += ["| option | |", "|---|---|"]
        lines += [f"| {_flag(item, context)} | {_cell(item.help or '')}{_default(item)} |" for item in shown]
        lines.append("")
    if len(shown) < len(options):
        lines += ["And a flag for every [setting](settings.md).", ""]
    return "\n".join(lines)


def _flag(option: click.Option, context: click.Context) -> str:
    flags = "/".join([*option.opts, *option.secondary_opts])
    return f"`{flags}`" if option.is_flag else f"`{flags} {_cell(option.make_metavar(context))}`"


def _default(option: click.Option) -> str:
    return f" Default: `{option.default}`." if option.show_default and option.default is not None else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def settings_page() -> str:
    """docs/settings.md."""
    return "\n".join([SETTINGS_HEAD, *_table(SETTINGS), SPACE_HEAD, *_table(SPACE_SETTINGS), ""])


def _table(settings: tuple[Setting, ...]) -> Iterator[str]:
    yield "| name | kind | default | |"
    yield "|---|---|---|---|"
    for setting in settings:
        kind = setting.kind if isinstance(setting.kind, str) else ", ".join(setting.kind)
        default = "" if setting.default in (None, "") else f"`{str(setting.default).lower()}`"
        if isinstance(setting.default, str) and setting.default:
            default = f"`{setting.default}`"
        yield f"| `{setting.name}` | {kind} | {default} | {_cell(setting.help)} |"


PAGES = {"cli.md": cli_page, "settings.md": settings_page}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
