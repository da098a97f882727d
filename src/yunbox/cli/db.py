"""``yunbox db``: collections, documents, indexes and rules."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from yunbox.cli.connection import Api, ApiError
from yunbox.cli.options import Target, connected, in_space, json_argument
from yunbox.cli.output import note, size, table
from yunbox.errors import InvalidRequest


@click.group(help="Collections and documents. / 数据库")
def db() -> None:
    pass


@db.command("collections", help="List collections. / 列出集合")
@in_space
@connected
def collections(target: Target) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "collections")
    shown = [{**row, "bytes": size(row["size"])} for row in rows]
    columns = [
        ("name", "COLLECTION"),
        ("count", "DOCUMENTS"),
        ("bytes", "SIZE"),
        ("indexes", "INDEXES"),
        ("mode", "MODE"),
    ]
    target.show(rows, lambda: table(shown, columns))


@db.command("create", help="Make collections. / 创建集合")
@click.argument("names", metavar="COLLECTION...", nargs=-1, required=True)
@in_space
@connected
def create(target: Target, names: tuple[str, ...]) -> None:
    with target.open() as api:
        space = target.space(api)
        for name in names:
            api.post("spaces", space, "collections", name)
    target.show({"created": list(names)}, f"created {', '.join(names)} / 已创建")


@db.command("drop", help="Delete a collection with its documents. / 删除集合")
@click.argument("name", metavar="COLLECTION")
@click.option("--yes", is_flag=True, help="Do not ask. / 不再确认")
@in_space
@connected
def drop(target: Target, name: str, yes: bool) -> None:
    if not yes and not target.as_json:
        click.confirm(f"Delete collection {name} with all documents? / 确定删除集合 {name}？", abort=True)
    with target.open() as api:
        target.show(api.delete("spaces", target.space(api), "collections", name), f"deleted {name} / 已删除 {name}")


@db.command(
    "import",
    help="Add documents from FILE: JSON Lines, a JSON array, CSV, mongodump's BSON or archive, also gzipped; - is standard"
    " input. / 导入数据",
)
@click.argument("name", metavar="COLLECTION")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(["insert", "upsert", "skip"]),
    default="insert",
    show_default=True,
    help="What a known _id means: an error, a replacement, or nothing. / 冲突处理",
)
@click.option(
    "--format", "format", type=click.Choice(["json", "csv", "bson"]), help="Default: by the file's name. / 格式"
)
@click.option("--source", metavar="COLLECTION", help="Its name in a mongodump archive. / 归档中的集合名")
@click.option("--create", is_flag=True, help="Make the collection when it is missing. / 集合不存在时创建")
@click.option("--stop-on-error", is_flag=True, help="End at the first error; what came before stays. / 出错即停止")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would happen. / 试运行，不写入")
@in_space
@connected
def import_documents(
    target: Target,
    name: str,
    file: Path,
    mode: str,
    format: str | None,
    source: str | None,
    create: bool,
    stop_on_error: bool,
    dry_run: bool,
) -> None:
    query = {
        "mode": mode,
        "format": format,
        "file": file.name,
        "source": source,
        "create": _flag(create),
        "stop_on_error": _flag(stop_on_error),
        "dry_run": _flag(dry_run),
        "progress": "true",
    }
    with target.open() as api, _reading(file) as content:
        path = ("spaces", target.space(api), "collections", name, "import")
        report = _import(api, path, query, content)
        if not dry_run:
            _add_indexes(api, path[:-1], file, report)
    for problem in report["index_errors"]:
        note(f"index / 索引 {problem}")
    for error in report["errors"]:
        note(f"line {error['line']} / 第 {error['line']} 行: {error['message']}")
    summary = f"{'would have ' if dry_run else ''}{_counts(report)} / {'试运行完成' if dry_run else '导入完成'}"
    if report["failed"] or report["index_errors"]:
        raise ApiError({"error": {"code": "import_failed", "message": summary}, **report})
    target.show(report, summary)


def _flag(given: bool) -> str | None:
    return "true" if given else None


def _reading(file: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")


def _import(api: Api, path: tuple[str, ...], query: dict[str, str | None], content: BinaryIO) -> dict[str, Any]:
    """What became of an import, whose progress is told on a terminal."""
    last: dict[str, Any] = {}

    def on_line(text: bytes) -> None:
        last.update(json.loads(text))
        if "progress" in last and sys.stderr.isatty():
            click.echo(f"\r{_counts(last['progress'])}", nl=False, err=True)

    api.lines("POST", path, on_line, query=query, content=content)
    if sys.stderr.isatty():
        click.echo(err=True)
    if "report" not in last:
        raise ApiError(last)
    report: dict[str, Any] = last["report"]
    return report


def _add_indexes(api: Api, path: tuple[str, ...], file: Path, report: dict[str, Any]) -> None:
    """Make the indexes in the metadata that mongodump wrote beside a BSON file, and say so in the report."""
    for index in _metadata_beside(file).get("indexes", ()):
        if list(index["key"]) == ["_id"]:
            continue
        try:
            report["indexes"].append(api.post(*path, "indexes", content=index)["name"])
        except ApiError as error:
            report["index_errors"].append(f"{index.get('name')}: {error}")


def _metadata_beside(file: Path) -> dict[str, Any]:
    name = file.name.removesuffix(".gz")
    if not name.endswith(".bson"):
        return {}
    beside = file.with_name(name.removesuffix(".bson") + ".metadata.json")
    packed = beside.with_name(beside.name + ".gz")
    if not (beside.exists() or packed.exists()):
        return {}
    text = beside.read_bytes() if beside.exists() else gzip.decompress(packed.read_bytes())
    metadata: dict[str, Any] = json.loads(text)
    return metadata


def _counts(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {report[name]}" for name in ("inserted", "updated", "skipped", "failed"))


@db.command(
    "export",
    help="Write documents to FILE (default: standard output) as JSON Lines, a JSON array, CSV or BSON; a name that ends"
    " with .gz is compressed. / 导出数据",
)
@click.argument("name", metavar="COLLECTION")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "format",
    type=click.Choice(["json", "array", "csv", "bson"]),
    help="Default: by the file's name. / 格式",
)
@click.option("--fields", help="Comma separated; CSV needs them. / 字段")
@click.option("--query", "--filter", "filter", metavar="JSON|@FILE", help="Only documents that match. / 条件")
@click.option("--sort", metavar="JSON", help="Default: by _id. / 排序")
@click.option("--limit", type=click.IntRange(0), help="How many at most. / 数量上限")
@in_space
@connected
def export(
    target: Target,
    name: str,
    file: Path | None,
    format: str | None,
    fields: str | None,
    filter: str | None,
    sort: str | None,
    limit: int | None,
) -> None:
    query = {
        "format": format,
        "file": file.name if file is not None else None,
        "fields": fields,
        "filter": json.dumps(json_argument(filter, "--query")) if filter else None,
        "sort": json.dumps(json_argument(sort, "--sort")) if sort else None,
        "limit": limit,
    }
    with target.open() as api:
        path = ("spaces", target.space(api), "collections", name, "export")
        if file is None:
            api.download(path, sys.stdout.buffer.write, **query)
            sys.stdout.buffer.flush()
            return
        count = _export(api, path, file, query)
    target.show({"exported": count, "file": str(file)}, f"exported {count} to {file} / 已导出 {count} 条")


def _export(api: Api, path: tuple[str, ...], file: Path, query: dict[str, Any]) -> int:
    """Write an export beside ``file`` and put it in its place when it is whole; how many documents it has."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with _writing(partial, file.suffix == ".gz") as stream:
            headers = api.download(path, stream.write, **query)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return int(headers["x-document-count"])


def _writing(path: Path, compressed: bool) -> contextlib.AbstractContextManager[BinaryIO]:
    return cast(BinaryIO, gzip.open(path, "wb")) if compressed else path.open("wb")


@db.command("query", help="Print documents of a collection, or the results of a pipeline. / 查询")
@click.argument("name", metavar="COLLECTION")
@click.argument("filter", metavar="[FILTER]", required=False)
@click.option("--projection", metavar="JSON", help="Fields to print. / 返回字段")
@click.option("--sort", metavar="JSON", help="For example '{\"createdAt\": -1}'. / 排序")
@click.option("--skip", type=click.IntRange(0), default=0, help="How many to pass over. / 跳过数量")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="0 is all. / 0 表示全部")
@click.option("--pipeline", metavar="JSON|@FILE", help="Aggregate instead. / 聚合")
@click.option("--count", "only_count", is_flag=True, help="Print how many match. / 只输出数量")
@in_space
@connected
def query(
    target: Target,
    name: str,
    filter: str | None,
    projection: str | None,
    sort: str | None,
    skip: int,
    limit: int,
    pipeline: str | None,
    only_count: bool,
) -> None:
    content: dict[str, Any] = {"filter": json_argument(filter, "FILTER") if filter else {}}
    with target.open() as api:
        path = ("spaces", target.space(api), "collections", name)
        if only_count:
            counted = api.post(*path, "count", content=content)
            target.show(counted, str(counted["count"]))
            return
        if pipeline is not None:
            content = {"pipeline": json_argument(pipeline, "--pipeline")}
        else:
            content.update(skip=skip, limit=limit)
            content.update(_parsed(("projection", projection), ("sort", sort)))
        documents = api.post(*path, "query", content=content)
    target.show(documents, lambda: _print_documents(documents))


def _parsed(*options: tuple[str, str | None]) -> dict[str, Any]:
    return {key: json_argument(text, f"--{key}") for key, text in options if text is not None}


def _print_documents(documents: list[dict[str, Any]]) -> None:
    for document in documents:
        click.echo(json.dumps(document, ensure_ascii=False))


# Indexes


@db.group("index", help="Indexes of a collection. / 索引")
def index() -> None:
    pass


@index.command("list", help="List indexes. / 列出索引")
@click.argument("name", metavar="COLLECTION")
@in_space
@connected
def list_indexes(target: Target, name: str) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "collections", name, "indexes")
    shown = [{**row, "keys": json.dumps(row["key"]), "state": _state(row)} for row in rows]
    columns = [("name", "INDEX"), ("keys", "KEYS"), ("unique", "UNIQUE"), ("state", "STATE")]
    target.show(rows, lambda: table(shown, columns))


def _state(row: Mapping[str, Any]) -> str:
    """How far an index is that is being built."""
    building = row.get("building")
    if building is None:
        return "ready"
    return f"building {100 * building['done'] // max(building['documents'], 1)} %"


@index.command("create", help="Make an index: FIELD, FIELD:-1, FIELD:2dsphere … / 创建索引")
@click.argument("name", metavar="COLLECTION")
@click.argument("keys", metavar="FIELD[:ORDER]...", nargs=-1, required=True)
@click.option("--unique", is_flag=True, help="Refuse equal values. / 唯一索引")
@click.option("--sparse", is_flag=True, help="Leave out documents without the field. / 稀疏索引")
@click.option(
    "--expire-after",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Delete documents this long after the date. / 过期秒数",
)
@click.option("--name", "index_name", help="The index's name. / 索引名")
@in_space
@connected
def create_index(
    target: Target,
    name: str,
    keys: tuple[str, ...],
    unique: bool,
    sparse: bool,
    expire_after: int | None,
    index_name: str | None,
) -> None:
    content = {
        "keys": dict(map(_key, keys)),
        "unique": unique,
        "sparse": sparse,
        "expire_after_seconds": expire_after,
        "name": index_name,
    }
    with target.open() as api:
        made = api.post("spaces", target.space(api), "collections", name, "indexes", content=content)
    target.show(made, f"created index {made['name']} / 已创建索引")


def _key(text: str) -> tuple[str, int | str]:
    path, colon, order = text.rpartition(":")
    if not colon:
        return text, 1
    return path, int(order) if order in ("1", "-1") else order


@index.command("drop", help="Delete an index. / 删除索引")
@click.argument("name", metavar="COLLECTION")
@click.argument("index_name", metavar="INDEX")
@in_space
@connected
def drop_index(target: Target, name: str, index_name: str) -> None:
    with target.open() as api:
        deleted = api.delete("spaces", target.space(api), "collections", name, "indexes", index_name)
    target.show(deleted, f"deleted index {index_name} / 已删除索引")


# Upkeep


@db.command("check", help="Look for damage: the file, and each index against its documents. / 检查数据完整性")
@in_space
@connected
def check(target: Target) -> None:
    with target.open() as api:
        found = api.post("spaces", target.space(api), "check")
    for problem in found["problems"]:
        note(problem)
    if found["problems"]:
        message = (
            f"{len(found['problems'])} problems; restore a backup / 发现 {len(found['problems'])} 个问题，请恢复备份"
        )
        raise ApiError({"error": {"code": "damaged", "message": message}, **found})
    target.show(found, "sound / 数据完整")


@db.command("compact", help="Give free space back to the disk; writes wait meanwhile. / 压缩数据文件")
@in_space
@connected
def compact(target: Target) -> None:
    with target.open() as api:
        done = api.post("spaces", target.space(api), "compact")
    target.show(done, f"{size(done['before'])} -> {size(done['after'])}")


# Rules


@db.group("rules", help="Who may read and write a collection. / 集合权限")
def rules() -> None:
    pass


@rules.command("get", help="Show the rules. / 查看权限")
@click.argument("name", metavar="COLLECTION")
@in_space
@connected
def get_rules(target: Target, name: str) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "collections", name, "rules")
    target.show(found, lambda: _print_rules(found))


def _print_rules(found: dict[str, Any]) -> None:
    click.echo(f"mode    {found['mode']}")
    click.echo(f"rules   {json.dumps(found['rules'], ensure_ascii=False)}")
    click.echo(f"policy  {found['policy']['name']} {json.dumps(found['policy']['rules'], ensure_ascii=False)}")


@rules.command("set", help="Change the rules; give one of the three. / 设置权限，三选一")
@click.argument("name", metavar="COLLECTION")
@click.option("--mode", metavar="MODE", help="PRIVATE, READONLY, ADMINWRITE or ADMINONLY. / 基础权限")
@click.option(
    "--rules", "file", type=click.Path(path_type=Path), help="A file with security rules (JSON). / 安全规则文件"
)
@click.option("--policy", help="PUBLICREAD, PRIVATE, ADMINWRITEONLY, ADMINREADWRITEONLY, or policy JSON. / 权限策略")
@in_space
@connected
def set_rules(target: Target, name: str, mode: str | None, file: Path | None, policy: str | None) -> None:
    if sum(option is not None for option in (mode, file, policy)) != 1:
        raise InvalidRequest("give one of --mode, --rules and --policy / 请指定 --mode、--rules、--policy 之一")
    content: dict[str, Any] = {"mode": mode} if mode is not None else {"policy": policy}
    if file is not None:
        content = {"rules": json_argument(f"@{file}", str(file))}
    with target.open() as api:
        found = api.put("spaces", target.space(api), "collections", name, "rules", content=content)
    target.show(found, lambda: _print_rules(found))


@rules.command(
    "import",
    help="Set the rules of the collections that FILE names: a YAML or JSON list of {collectionName, rules}, or an object"
    " of policies by collection. / 从规则文件导入集合权限",
)
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@in_space
@connected
def import_rules(target: Target, files: tuple[Path, ...]) -> None:
    from yunbox.projects.rule_files import read_rules

    wanted = [rules for file in files for rules in read_rules(file)]
    if not wanted:
        raise InvalidRequest(f"no rules of collections in {', '.join(map(str, files))} / 文件中没有集合权限规则")
    with target.open() as api:
        space = target.space(api)
        known = {row["name"] for row in api.get("spaces", space, "collections")}
        found = []
        for rules in wanted:
            if rules.collection not in known:
                api.post("spaces", space, "collections", rules.collection)
                known.add(rules.collection)
            found.append(api.put("spaces", space, "collections", rules.collection, "rules", content=rules.content))
    target.show(found, lambda: click.echo("\n".join(f"{row['collection']}  {row['mode']}" for row in found)))


@rules.command("explain", help="Say in words who may do what. / 解释权限")
@click.argument("name", metavar="COLLECTION")
@in_space
@connected
def explain_rules(target: Target, name: str) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "collections", name, "rules", "explanation")

    def text() -> None:
        _print_rules(found)
        for verb, who in found["who"].items():
            click.echo(f"{verb:7} {who}")

    target.show(found, text)
