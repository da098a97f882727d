"""``yunbox files``: the stored files of a space."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Any

import click

from yunbox.cli.access import file_rules
from yunbox.cli.connection import Api, ApiError
from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import size, table, when
from yunbox.errors import InvalidRequest

REMOTE = "cloud:"


@click.group(help="Stored files. A remote file is cloud:KEY, or its cloud:// id. / 云存储文件")
def files() -> None:
    pass


files.add_command(file_rules)


def key_of(text: str) -> str:
    """The key in ``cloud:KEY``, in ``cloud://env.bucket/KEY``, or in a bare ``KEY``."""
    if text.startswith("cloud://"):
        return text.removeprefix("cloud://").partition("/")[2]
    return text.removeprefix(REMOTE)


def all_files(api: Api, space: str, prefix: str) -> list[dict[str, Any]]:
    """Every file whose key starts with ``prefix``."""
    rows: list[dict[str, Any]] = []
    marker = ""
    while True:
        page = api.get("spaces", space, "files", prefix=prefix, marker=marker)
        rows += page["files"]
        marker = page["marker"]
        if not marker:
            return rows


@files.command("ls", help="List files whose key starts with PREFIX. / 列出文件")
@click.argument("prefix", default="")
@in_space
@connected
def ls(target: Target, prefix: str) -> None:
    with target.open() as api:
        rows = all_files(api, target.space(api), key_of(prefix))
    shown = [{**row, "bytes": size(row["size"]), "modified": when(row["modified_at"])} for row in rows]
    columns = [
        ("key", "KEY"),
        ("bytes", "SIZE"),
        ("content_type", "TYPE"),
        ("modified", "MODIFIED"),
        ("owner", "OWNER"),
    ]
    target.show(rows, lambda: table(shown, columns))


@files.command("cp", help="Copy a file or a folder to or from the cloud. / 上传或下载文件")
@click.argument("source")
@click.argument("destination")
@in_space
@connected
def cp(target: Target, source: str, destination: str) -> None:
    with target.open() as api:
        space = target.space(api)
        match source.startswith(REMOTE), destination.startswith(REMOTE):
            case False, True:
                copied = _upload(api, space, Path(source), key_of(destination))
            case True, False:
                copied = _download(api, space, key_of(source), Path(destination))
            case _:
                raise InvalidRequest(
                    "one side must be cloud:KEY, the other a local path / 源与目标须一个是 cloud:KEY，一个是本地路径"
                )
    target.show(copied, "\n".join(copied) or "nothing to copy / 没有可复制的文件")


def _upload(api: Api, space: str, source: Path, key: str) -> list[str]:
    if source.is_dir():
        pairs = [(path, _inside(key, path.relative_to(source))) for path in sorted(source.rglob("*")) if path.is_file()]
    else:
        pairs = [(source, f"{key}{source.name}" if key == "" or key.endswith("/") else key)]
    for path, name in pairs:
        api.upload(("spaces", space, "files", name), path, mimetypes.guess_type(path.name)[0])
    return [name for _, name in pairs]


def _inside(key: str, relative: Path) -> str:
    folder = key.rstrip("/")
    return f"{folder}/{relative.as_posix()}" if folder else relative.as_posix()


def _download(api: Api, space: str, key: str, destination: Path) -> list[str]:
    folder = key if key == "" or key.endswith("/") else f"{key}/"
    rows = [] if not key or key.endswith("/") else _exact(api, space, key)
    if rows:
        target = destination / Path(key).name if destination.is_dir() else destination
        return [_fetch(api, space, key, target)]
    rows = all_files(api, space, folder)
    if not rows:
        raise InvalidRequest(f"there is no file `{key}` / 文件 `{key}` 不存在")
    return [_fetch(api, space, row["key"], _below(destination, row["key"].removeprefix(folder))) for row in rows]


def _exact(api: Api, space: str, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get("spaces", space, "files", prefix=key, limit=1)["files"]
    return [row for row in rows if row["key"] == key]


def _below(folder: Path, relative: str) -> Path:
    """A path inside ``folder``: the key of a file must not lead out of it."""
    target = Path(os.path.normpath(folder / relative))
    if not target.is_relative_to(os.path.normpath(folder)):
        raise InvalidRequest(f"the key `{relative}` leads out of {folder}")
    return target


def _fetch(api: Api, space: str, key: str, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        api.download(("spaces", space, "files", key), file.write)
    return str(target)


@files.command("rm", help="Delete files. / 删除文件")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@in_space
@connected
def rm(target: Target, keys: tuple[str, ...]) -> None:
    with target.open() as api:
        outcome = api.delete("spaces", target.space(api), "files", content={"keys": [key_of(key) for key in keys]})
    if outcome["failed"]:
        message = "; ".join(f"{key}: {why}" for key, why in outcome["failed"].items())
        raise ApiError({"error": {"code": "failed", "message": message}, **outcome})
    target.show(outcome, f"deleted {len(outcome['deleted'])} / 已删除 {len(outcome['deleted'])} 个文件")


@files.command("url", help="A link to a file that works for a while. / 获取临时链接")
@click.argument("key")
@click.option("--max-age", type=click.IntRange(1), default=7200, show_default=True, help="Seconds. / 有效秒数")
@in_space
@connected
def url(target: Target, key: str, max_age: int) -> None:
    with target.open() as api:
        link = api.get("spaces", target.space(api), "file-urls", key_of(key), max_age=max_age)
    target.show(link, link["url"])
