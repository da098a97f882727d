"""``yunbox functions``: deploying, calling and watching cloud functions."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunbox.cli.access import function_rules
from yunbox.cli.connection import Api, ApiError
from yunbox.cli.options import Target, connected, failures, in_space, json_argument
from yunbox.cli.output import note, print_json, table, when
from yunbox.errors import InvalidRequest
from yunbox.tools.archive import extract

if TYPE_CHECKING:
    from yunbox.projects import FunctionSource


@click.group(help="Cloud functions. / 云函数")
def functions() -> None:
    pass


functions.add_command(function_rules)


@functions.command("deploy", help="Deploy DIR: one function, or a folder of functions. / 部署云函数")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="The function's name; default: the directory's. / 函数名")
@in_space
@connected
def deploy(target: Target, directory: Path, name: str | None) -> None:
    sources, skipped = _find(directory, name)
    for path in skipped:
        note(f"passed over {path}: it has no entry file / 跳过 {path}：没有入口文件")
    if not sources:
        raise InvalidRequest(
            f"no function in {directory}: neither it nor a folder in it has an index.js / 未找到云函数"
        )
    deployed, failed = [], {}
    with target.open(functions=True) as api:
        space = target.space(api)
        for source in sources:
            try:
                deployed.append(_deploy(api, space, source.directory, source.name))
            except ApiError as error:
                failed[source.name] = error.message
                note(f"{source.name}: failed / 部署失败: {error.message}")
    if failed:
        message = "; ".join(f"{key}: {why}" for key, why in failed.items())
        raise ApiError({"error": {"code": "failed", "message": message}, "deployed": deployed, "failed": failed})
    target.show({"deployed": deployed, "failed": failed}, lambda: _print_deployed(deployed))


def _find(directory: Path, name: str | None) -> tuple[list[FunctionSource], list[Path]]:
    """The functions in a directory; of a whole project, those of its functions folder."""
    from yunbox.projects import find_functions, find_project

    sources, skipped = find_functions(directory, name)
    if not sources and (directory / "project.config.json").is_file():
        project = find_project(directory)
        return list(project.functions), list(project.skipped)
    return sources, skipped


def _deploy(api: Api, space: str, directory: Path, name: str) -> dict[str, Any]:
    """Send the code, show progress, and return the deployment.

    Raises:
        ApiError: when the server could not deploy it.
    """
    from yunbox.projects.packing import pack

    last: dict[str, Any] = {}

    def on_line(text: bytes) -> None:
        line = json.loads(text)
        if "progress" in line:
            note(f"{name}: {line['progress']}")
        last.update(line)

    with pack(directory) as archive:
        api.lines("PUT", ("spaces", space, "functions", name), on_line, content=archive)
    if "deployment" not in last:
        raise ApiError(last)
    deployment: dict[str, Any] = last["deployment"]
    return deployment


def _print_deployed(deployed: list[dict[str, Any]]) -> None:
    for item in deployed:
        click.echo(f"deployed {item['name']} version {item['version']} / 已部署")
        for package, why in item["missing"].items():
            note(f"  package {package} is missing / 缺少依赖: {why}")
        for warning in item["warnings"]:
            note(f"  {warning}")


@functions.command("list", help="List functions. / 列出云函数")
@in_space
@connected
def list_functions(target: Target) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "functions")
    shown = [
        {**row, "updated": when(row["updated_at"]), "timers": [item["config"] for item in row["triggers"]]}
        for row in rows
    ]
    columns = [("name", "FUNCTION"), ("version", "VERSION"), ("timeout", "TIMEOUT"), ("memory", "MEMORY")]
    target.show(rows, lambda: table(shown, [*columns, ("timers", "TIMERS"), ("updated", "UPDATED")]))


@functions.command("invoke", help="Call a function. / 调用云函数")
@click.argument("name")
@click.option(
    "--data", multiple=True, metavar="JSON|@FILE", help="The event, default {}; also takes a data DIR. / 传入的数据"
)
@click.option("--openid", help="Call as this user. / 以该用户身份调用")
@click.option(
    "--timer", is_flag=False, flag_value="", help="Call as this timer would (any, without a name). / 模拟定时触发"
)
@click.option("--endpoint", metavar="URL", help="The server to talk to; default: the one that runs here. / 服务器地址")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. / 以 JSON 输出")
@in_space
def invoke(
    name: str,
    data: tuple[str, ...],
    openid: str | None,
    timer: str | None,
    endpoint: str | None,
    as_json: bool,
    space: str | None,
) -> None:
    event, directory = _event_and_directory(data)
    target = Target(endpoint, directory, as_json, space)
    with failures(as_json):
        content: dict[str, Any] = {"data": json_argument(event, "--data") if event is not None else {}}
        if openid is not None:
            content["openid"] = openid
        if timer is not None:
            content["timer"] = timer
        with target.open(functions=True) as api:
            space_id = target.space(api)
            try:
                answer = api.post("spaces", space_id, "functions", name, "invoke", content=content)
            except ApiError as error:
                _print_lines(error.content.get("logs") or [])
                raise
        target.show(answer, lambda: _print_invocation(answer))


def _event_and_directory(given: tuple[str, ...]) -> tuple[str | None, Path | None]:
    """``--data`` is the event here, and the data directory everywhere else: a value that is a directory is the latter."""
    directories = [Path(text) for text in given if not text.startswith(("{", "[", '"', "@")) and Path(text).is_dir()]
    events = [text for text in given if Path(text) not in directories]
    return events[-1] if events else None, directories[-1] if directories else None


def _print_invocation(answer: dict[str, Any]) -> None:
    _print_lines(answer["logs"])
    note(f"{answer['request_id']}  {answer['duration_ms']:.0f} ms{'  cold / 冷启动' if answer['cold'] else ''}")
    print_json(answer["result"])


def _print_lines(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        note(f"[{line['level']}] {line['text']}")


@functions.command("logs", help="What functions printed, newest first. / 查看日志")
@click.argument("name", required=False)
@click.option("--request-id", help="One invocation. / 请求 ID")
@click.option("--status", help="success, failure, or a reason such as timeout. / 结果")
@click.option("--text", help="Only invocations that printed this. / 日志包含的文字")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many. / 数量")
@in_space
@connected
def logs(
    target: Target, name: str | None, request_id: str | None, status: str | None, text: str | None, limit: int
) -> None:
    wanted = {"function": name, "request_id": request_id, "status": status, "text": text, "limit": limit}
    with target.open() as api:
        records = api.get("spaces", target.space(api), "logs", **wanted)

    def show() -> None:
        for record in reversed(records):
            head = (
                f"{when(record['started_at'])} {record['function']} {record['status']} {record['duration_ms']:.0f} ms"
            )
            click.echo(f"{head}  {record['request_id']}  {record['caller']}")
            for line in record["lines"]:
                click.echo(f"    [{line['level']}] {line['text']}")

    target.show(records, show)


@functions.command("delete", help="Delete a function. / 删除云函数")
@click.argument("name")
@in_space
@connected
def delete(target: Target, name: str) -> None:
    with target.open() as api:
        target.show(api.delete("spaces", target.space(api), "functions", name), f"deleted {name} / 已删除 {name}")


@functions.command("download", help="Save a function's code in DIR/NAME. / 下载云函数代码")
@click.argument("name")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path), default=".")
@in_space
@connected
def download(target: Target, name: str, directory: Path) -> None:
    import io

    place = directory / name
    if place.exists() and any(place.iterdir()):
        raise InvalidRequest(f"{place} is not empty / 目录 {place} 不为空")
    buffer = io.BytesIO()
    with target.open() as api:
        api.download(("spaces", target.space(api), "functions", name, "code"), buffer.write)
    buffer.seek(0)
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=buffer) as tar:
        extract(tar, place)
    target.show({"name": name, "directory": str(place.resolve())}, f"saved {place} / 已保存到 {place}")


@functions.command("env", help="Show or change environment variables: KEY=VALUE sets, KEY= removes. / 环境变量")
@click.argument("name")
@click.argument("changes", metavar="[KEY=VALUE]...", nargs=-1)
@in_space
@connected
def env(target: Target, name: str, changes: tuple[str, ...]) -> None:
    with target.open() as api:
        path = ("spaces", target.space(api), "functions", name)
        wanted = dict(map(_variable, changes))
        function = api.patch(*path, content={"environment": wanted}) if wanted else api.get(*path)
    variables = function["environment"]
    target.show(variables, "\n".join(f"{key}={value}" for key, value in variables.items()) or "(none / 无)")


def _variable(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidRequest(f"write KEY=VALUE, not {text!r} / 请写成 KEY=VALUE")
    return key, value or None


@functions.command("rollback", help="Make an earlier version current. / 回滚版本")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Default: the one before the current. / 版本号")
@in_space
@connected
def rollback(target: Target, name: str, version: int | None) -> None:
    with target.open(functions=True) as api:
        content = {"version": version} if version else {}
        function = api.post("spaces", target.space(api), "functions", name, "rollback", content=content)
    target.show(function, f"{name} is at version {function['version']} / 当前版本 {function['version']}")
