"""``yunbox space``: spaces, their keys and settings."""

from __future__ import annotations

from typing import Any

import click

from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import size, table, when
from yunbox.errors import InvalidRequest

_LEVELS = click.Choice(["none", "read", "write"])


@click.group(help="Spaces: isolated clouds on one server. / 空间管理")
def space() -> None:
    pass


@space.command("create", help="Make a space; NAME is its id, else one is generated. / 创建空间")
@click.argument("name", required=False)
@connected
def create(target: Target, name: str | None) -> None:
    with target.open() as api:
        made = api.post("spaces", content={"space_id": name} if name else {})
    target.show(_contract(made), lambda: _print_keys(made))


def _contract(described: dict[str, Any]) -> dict[str, Any]:
    """A new space with its credentials."""
    names = ("space_id", "endpoint", "client_secret", "server_private_key", "secret_id", "secret_key")
    return {name: described[name] for name in (*names, "access_key_id", "access_key_secret")}


def _print_keys(described: dict[str, Any]) -> None:
    for name, value in _contract(described).items():
        if name == "server_private_key":
            value = "(PEM; shown by --json / 使用 --json 查看)"
        click.echo(f"{name:18} {value}")


@space.command("list", help="List spaces. / 列出空间")
@connected
def list_spaces(target: Target) -> None:
    with target.open() as api:
        rows = api.get("spaces")
    shown = [{**row, "created": when(row["created_at"]), "bytes": size(row["file_bytes"])} for row in rows]
    columns = [
        ("space_id", "SPACE"),
        ("functions", "FUNCTIONS"),
        ("users", "USERS"),
        ("files", "FILES"),
        ("bytes", "SIZE"),
    ]
    target.show(rows, lambda: table(shown, [*columns, ("created", "CREATED")]))


@space.command("show", help="Show a space with its keys and settings. / 查看空间")
@click.argument("name", metavar="SPACE", required=False)
@in_space
@connected
def show(target: Target, name: str | None) -> None:
    with target.open() as api:
        described = api.get("spaces", name or target.space(api))

    def text() -> None:
        _print_keys(described)
        _print_settings(described["settings"])

    target.show(described, text)


@space.command("delete", help="Delete a space with everything in it. / 删除空间及其全部内容")
@click.argument("name", metavar="SPACE")
@click.option("--yes", is_flag=True, help="Do not ask. / 不再确认")
@connected
def delete(target: Target, name: str, yes: bool) -> None:
    if not yes and not target.as_json:
        click.confirm(f"Delete space {name} with all its data? / 确定删除空间 {name} 及其全部数据？", abort=True)
    with target.open() as api:
        target.show(api.delete("spaces", name), f"deleted {name} / 已删除 {name}")


@space.command(
    "share", help="Let the space TO use parts of the space OWNER; replaces what it might use before. / 授权其他空间使用"
)
@click.argument("owner")
@click.argument("to")
@click.option("--documents", type=_LEVELS, help="Documents. / 数据库")
@click.option("--collections", metavar="NAME,...", help="Which; default: all. / 限定集合")
@click.option("--files", type=_LEVELS, help="Files. / 云存储")
@click.option("--functions", metavar="NAME,...", help="Functions that it may call; * is all. / 云函数")
@click.option("--all", "everything", is_flag=True, help="All documents, files and functions. / 全部资源")
@connected
def share(
    target: Target,
    owner: str,
    to: str,
    documents: str | None,
    collections: str | None,
    files: str | None,
    functions: str | None,
    everything: bool,
) -> None:
    parts = {"documents": documents, "files": files, "functions": _names(functions)}
    content: dict[str, Any] = {name: value for name, value in parts.items() if value is not None}
    if everything:
        content = {"documents": "write", "files": "write", "functions": ["*"], **content}
    if not content:
        raise InvalidRequest("say what: --documents, --files, --functions or --all / 请指定授权内容")
    if collections:
        content["collections"] = _names(collections)
    with target.open() as api:
        made = api.put("spaces", owner, "shares", to, content=content)
    target.show(made, lambda: _print_share(to, made))


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _print_share(to: str, share: dict[str, Any]) -> None:
    functions = ",".join(share["functions"]) or "none"
    collections = ",".join(share["collections"])
    click.echo(f"{to}  documents {share['documents']} ({collections})  files {share['files']}  functions {functions}")


@space.command("unshare", help="Take back what TO might use of OWNER; it holds at once. / 取消授权")
@click.argument("owner")
@click.argument("to")
@connected
def unshare(target: Target, owner: str, to: str) -> None:
    with target.open() as api:
        target.show(api.delete("spaces", owner, "shares", to), f"{to} may use nothing of {owner} / 已取消授权")


@space.command("shares", help="What a space lets others use. / 查看授权")
@click.argument("name", metavar="SPACE")
@connected
def shares(target: Target, name: str) -> None:
    with target.open() as api:
        found = api.get("spaces", name, "shares")

    def text() -> None:
        for to, share in found.items():
            _print_share(to, share)
        if not found:
            click.echo("(none / 无)")

    target.show(found, text)


@space.command("set", help="Change settings: KEY=VALUE …; an empty VALUE is the default. / 修改空间设置")
@click.argument("name", metavar="SPACE")
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1, required=True)
@connected
def set_settings(target: Target, name: str, changes: tuple[str, ...]) -> None:
    with target.open() as api:
        settings = api.patch("spaces", name, "settings", content=dict(map(_pair, changes)))

    target.show(settings, lambda: _print_settings(settings))


def _print_settings(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if value is not None or not name.startswith("quota."):
            click.echo(f"{name:26} {'(default)' if value is None else value}")


def _pair(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequest(f"write KEY=VALUE, not {text!r} / 请写成 KEY=VALUE")
    return key.strip(), value or None
