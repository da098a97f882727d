"""``yunbox backup``: the whole data directory as one archive."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import click

from yunbox.cli.connection import default_data
from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import size, table, when
from yunbox.errors import InvalidRequest


@click.group(help="Backups of everything on a server. / 备份")
def backup() -> None:
    pass


@backup.command("create", help="Archive all data; the server goes on answering. / 创建备份")
@click.option("--files/--no-files", default=True, help="Uploaded files and packages too. / 是否包含文件和依赖包")
@connected
def create(target: Target, files: bool) -> None:
    with target.open() as api:
        query = None if files else {"files": "false"}
        made: dict[str, Any] = api.request("POST", ("backups",), query=query)
    target.show(made, f"{made['path']} ({size(made['size'])})")


@backup.command("list", help="List backups, newest first. / 列出备份")
@connected
def list_all(target: Target) -> None:
    with target.open() as api:
        rows = api.get("backups")
    shown = [{**row, "bytes": size(row["size"]), "created": when(row["created_at"])} for row in rows]
    columns = [("name", "BACKUP"), ("bytes", "SIZE"), ("created", "CREATED"), ("automatic", "AUTOMATIC")]
    target.show(rows, lambda: table(shown, columns))


@backup.command(
    "restore",
    help="Put a backup (its name or file) back; the server must be stopped. With --collection, copy collections out of it"
    " under new names while the server runs. / 恢复备份，需先停止服务器；加 --collection 可在线恢复单个集合",
)
@click.argument("name", metavar="BACKUP")
@click.option(
    "--collection", "collections", multiple=True, help="Restore this collection alone; repeatable. / 仅恢复集合"
)
@click.option("--as", "new_names", multiple=True, metavar="NAME", help="Its new name; default: NAME_bak. / 新集合名")
@click.option("--yes", is_flag=True, help="Do not ask. / 不再确认")
@in_space
@connected
def restore(target: Target, name: str, collections: tuple[str, ...], new_names: tuple[str, ...], yes: bool) -> None:
    if collections or new_names:
        _restore_collections(target, name, collections, new_names)
    else:
        _restore_everything(target, name, yes)


def _restore_collections(target: Target, name: str, collections: tuple[str, ...], new_names: tuple[str, ...]) -> None:
    if new_names and len(new_names) != len(collections):
        raise InvalidRequest("give one --as for each --collection, or none / 每个 --collection 对应一个 --as")
    content = {"collections": dict(zip(collections, new_names or [None] * len(collections), strict=True))}
    with target.open() as api:
        done = api.post("spaces", target.space(api), "backups", name, "restore", content=content)
    shown = ", ".join(f"{old} -> {new}" for old, new in done["restored"].items())
    target.show(done, f"restored {done['documents']} documents: {shown} / 已恢复")


def _restore_everything(target: Target, name: str, yes: bool) -> None:
    data = target.data or default_data()
    archive = _archive(data, name)
    if not yes and not target.as_json:
        click.confirm(f"Replace what is in {data} by {archive.name}? / 确定用备份替换 {data} 的内容？", abort=True)
    replaced = _restore(data, archive)
    content = {"restored": str(archive), "data": str(data.resolve()), "replaced": str(replaced.resolve())}
    target.show(
        content, f"restored {archive.name}; the former content is in {replaced} / 已恢复，原内容保存在 {replaced}"
    )


def _archive(data: Path, name: str) -> Path:
    from yunbox.tools.backup import SUFFIX

    for path in (Path(name), data / "backups" / f"{name}{SUFFIX}"):
        if path.is_file():
            return path
    raise InvalidRequest(f"there is no backup `{name}` in {data / 'backups'} / 没有备份 `{name}`")


def _restore(data: Path, archive: Path) -> Path:
    from yunbox.app import DataLock
    from yunbox.tools.backup import restore_backup

    lock = DataLock(data)
    try:
        return restore_backup(data, archive)
    except tarfile.TarError as error:
        raise InvalidRequest(f"{archive} is not a usable backup: {error} / 备份文件无法读取") from None
    finally:
        lock.release()
