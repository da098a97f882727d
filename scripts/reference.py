"""Writes the reference pages from what they describe: docs/cli.md, docs/settings.md, docs/wire-actions.md.

``python scripts/reference.py`` after a change; a test says when it was forgotten.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from yunbox.cli.program import program
from yunbox.protocols import manage, wechat_ci, wechat_http
from yunbox.protocols.mpserverless import registry as methods
from yunbox.protocols.mpserverless.openapi import registry as openapi
from yunbox.protocols.tcb import auth, gateway, web
from yunbox.protocols.tcb.admin import actions as admin_actions
from yunbox.protocols.tencentcloud import registry as cloud_api
from yunbox.protocols.tencentcloud.cos import endpoint as buckets
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
        if child.hidden:
            continue
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


WIRE_HEAD = """# Wire actions

Every action of every protocol, and the function that answers it (below `src/yunbox/protocols/`). The messages of
the realtime socket `/ws` are answered in `tcb/watch.py`, object uploads and downloads in `tcb/objects.py` and `mpserverless/oss.py`.
"""


def wire_page() -> str:
    """docs/wire-actions.md."""
    parts = [WIRE_HEAD]
    for title, rows in _registries():
        parts += [f"## {title}", "", "| action | handler |", "|---|---|"]
        parts += [f"| `{name}` | `{_location(handler)}` |" for name, handler in sorted(rows.items())]
        parts.append("")
    return "\n".join(parts)


def _registries() -> Iterator[tuple[str, dict[str, Callable[..., object] | None]]]:
    """Each protocol's title and handlers by wire name."""
    yield "WeChat cloud, server SDKs: `POST …/admin`", dict(admin_actions.ACTIONS)
    yield "WeChat cloud, web SDKs: `POST …/web`", {name: web.ACTIONS.find(name) for name in web.ACTIONS.names()}
    yield "WeChat cloud, sign-in: `/auth/v1/…`", {name: auth.ACTIONS.find(name) for name in auth.ACTIONS.names()}
    yield "WeChat cloud, gateway: `/v1/…`", {name: _resource(name) for name in gateway.RESOURCES.names()}
    yield "WeChat's HTTP API: `/tcb/…`", dict(wechat_http.ACTIONS)
    yield (
        "Tencent Cloud API 3.0: `X-TC-Action` at `/tencentcloud/<service>.tencentcloudapi.com/`",
        dict(cloud_api.ACTIONS),
    )
    yield "Buckets (COS): `/tencentcloud/<bucket>.cos.<region>.myqcloud.com/`", dict(buckets.OPERATIONS)
    yield "miniprogram-ci: `/wxa/ci/…`", dict(wechat_ci.ACTIONS)
    yield "mpserverless: `POST …/client`, `POST …/server`", dict(methods.METHODS)
    yield "mpserverless OpenAPI: `Action=` at `/`", dict(openapi.ACTIONS)
    yield "Administration: `/manage/v1/…`", {f"{method} {path}": handler for method, path, handler in manage.ROUTES}


def _resource(name: str) -> Callable[..., object] | None:
    method, _, path = name.partition(" ")
    found = gateway.RESOURCES.find(method, tuple(path.split("/")))
    return found[0].handler if found else None


def _wrapped(handler: Any) -> Callable[..., object]:
    """The function behind a partial or behind a function made around it."""
    if isinstance(handler, functools.partial):
        return handler.func
    cells = [cell.cell_contents for cell in handler.__closure__ or ()]
    inner: Callable[..., object] = next(cell for cell in cells if inspect.isfunction(cell))
    return inner


def _location(handler: Callable[..., object] | None) -> str:
    while isinstance(handler, functools.partial) or "<locals>" in getattr(handler, "__qualname__", ""):
        handler = _wrapped(handler)
    module = str(getattr(handler, "__module__", "")).removeprefix("yunbox.protocols.")
    name = str(getattr(handler, "__qualname__", type(handler).__name__))
    return f"{module.replace('.', '/')}.py {name}"


PAGES = {"cli.md": cli_page, "settings.md": settings_page, "wire-actions.md": wire_page}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
