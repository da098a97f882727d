"""``yunbox backup``: the whole data directory as one archive."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import click

from yunbox.cli.connection import default_data
from yunbox.cli.options import Target, connected
from yunbox.cli.output import size, table, when
from yunbox.errors import InvalidRequest


@click.group(help="Backups of everything on a server. / 备份")
def backup() -> None:
    pass


@backup.command("create", help="Archive all data; the server goes on answering. / 创建备份")
@connected
def create(target: Target) -> None:
    with target.open() as api:
        made: dict[str, Any] = api.post("backups")
    target.show(made, f"{made['path']} ({size(made['size'])})")


@backup.command("list", help="List backups, newest first. / 列出备份")
@connected
def list_all(target: Target) -> None:
    with target.open() as api:
        rows = api.get("backups")
    shown = [{**row, "bytes": size(row["size"]), "created": when(row["created_at"])} for row in rows]
    target.show(rows, lambda: table(shown, [("name", "BACKUP"), ("bytes", "SIZE"), ("created", "CREATED")]))


@backup.command(
    "restore", help="Put a backup (its name or file) back; the server must be stopped. / 恢复备份，需先停止服务器"
)
@click.argument("name", metavar="BACKUP")
@click.option("--yes", is_flag=True, help="Do not ask. / 不再确认")
@connected
def restore(target: Target, name: str, yes: bool) -> None:
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
