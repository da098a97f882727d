"""``yunbox exec``: run a deploy script written for the vendor's cloud against this server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import click

from yunbox.cli.connection import default_data, running_endpoint
from yunbox.cli.options import Target, connected, in_space
from yunbox.errors import InvalidRequest

PRELOAD = Path(__file__).resolve().parent.parent / "runtimes" / "node" / "exec.js"
KEYS = ("space_id", "secret_id", "secret_key", "endpoint")
_ID, _KEY = "TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY"


@click.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    help="Run a Node.js script on @cloudbase/manager-node (or a server SDK) against this server: "
    "`yunbox exec -- node deploy.js`. / 让使用官方管理 SDK 的脚本操作本服务",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--set",
    "names",
    multiple=True,
    metavar="NAME=KEY",
    help=f"Also set the variable NAME to one of {', '.join(KEYS)}, as the script reads it. / 设置脚本读取的环境变量",
)
@in_space
@connected
def execute(target: Target, command: tuple[str, ...], names: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        raise InvalidRequest(f"there is no program `{command[0]}` / 找不到程序 `{command[0]}`")
    values = _values(target)
    os.execvpe(command[0], list(command), environment(os.environ, values, names))


def _values(target: Target) -> dict[str, str]:
    """The space, its keys and the server's address. Keys in the environment do without an administrator's token."""
    endpoint = target.endpoint or os.environ.get("YUNBOX_ENDPOINT") or running_endpoint(target.data or default_data())
    if endpoint is None:
        raise InvalidRequest(
            "no server runs here; start one with `yunbox dev` or `yunbox serve`, or give --endpoint / 没有正在运行的服务"
        )
    endpoint = endpoint.rstrip("/")
    if target.wanted_space and os.environ.get(_ID) and os.environ.get(_KEY):
        keys = {"secret_id": os.environ[_ID], "secret_key": os.environ[_KEY]}
        return {"space_id": target.wanted_space, "endpoint": endpoint, **keys}
    with target.open() as api:
        described = api.get("spaces", target.space(api))
    return {"endpoint": endpoint, **{name: described[name] for name in ("space_id", "secret_id", "secret_key")}}


def environment(current: Mapping[str, str], values: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables of the script: what the SDKs read by themselves, and what ``names`` asks for.

    Raises:
        InvalidRequest: when one of ``names`` is not ``NAME=KEY``.
    """
    changed = dict(current)
    changed["NODE_OPTIONS"] = f'{current.get("NODE_OPTIONS", "")} --require "{PRELOAD}"'.strip()
    changed["YUNBOX_EXEC_ENDPOINT"] = values["endpoint"]
    changed["YUNBOX_EXEC_SPACE"] = changed["TCB_ENV"] = values["space_id"]
    changed[_ID], changed[_KEY] = values["secret_id"], values["secret_key"]
    # A token of another account would be sent with these keys.
    changed.pop("TENCENTCLOUD_SESSIONTOKEN", None)
    for item in names:
        name, equals, key = item.partition("=")
        if not name or not equals or key not in KEYS:
            raise InvalidRequest(f"write --set NAME=KEY with one of {', '.join(KEYS)}, not {item!r} / --set 格式错误")
        changed[name] = values[key]
    return changed
