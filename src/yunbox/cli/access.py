"""``yunbox functions rules`` and ``yunbox files rules``: which clients may call functions and use files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from yunbox.cli.options import Target, connected, in_space, json_argument
from yunbox.errors import InvalidRequest

_FILE = click.Path(path_type=Path)
_OPENID = click.option("--openid", help="The user; default: somebody who is not signed in. / 用户，默认未登录")


@click.group("rules", help="Which clients may call functions. / 云函数安全规则")
def function_rules() -> None:
    pass


@function_rules.command("get", help="Show the rules. / 查看规则")
@in_space
@connected
def get_function_rules(target: Target) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "function-rules")
    target.show(found, _pretty(found["rules"]))


@function_rules.command("set", help='Change the rules, such as {"*": {"invoke": "auth != null"}}. / 设置规则')
@click.option("--rules", "file", type=_FILE, help="A file with the rules (JSON). / 规则文件")
@click.option("--default", "back", is_flag=True, help="Every signed-in user may call everything. / 恢复默认")
@in_space
@connected
def set_function_rules(target: Target, file: Path | None, back: bool) -> None:
    if (file is None) is not back:
        raise InvalidRequest("give one of --rules and --default / 请指定 --rules、--default 之一")
    content = {"rules": json_argument(f"@{file}", str(file)) if file is not None else None}
    with target.open() as api:
        found = api.put("spaces", target.space(api), "function-rules", content=content)
    target.show(found, _pretty(found["rules"]))


@function_rules.command("explain", help="Say whether a user may call a function, and why not. / 解释能否调用")
@click.argument("name", metavar="FUNCTION")
@_OPENID
@in_space
@connected
def explain_function_rules(target: Target, name: str, openid: str | None) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "function-rules", "explanation", function=name, openid=openid)
    target.show(found, f"{found['caller']}: {_verdict(found)}")


@click.group("rules", help="Who may read and write files. / 云存储权限")
def file_rules() -> None:
    pass


@file_rules.command("get", help="Show the mode and the security rules. / 查看权限")
@in_space
@connected
def get_file_rules(target: Target) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "file-rules")
    target.show(found, lambda: _print_file_rules(found))


@file_rules.command("set", help="Change them; give one of the two. / 设置权限，二选一")
@click.option("--mode", metavar="MODE", help="PRIVATE, READONLY, ADMINWRITE or ADMINONLY. / 基础权限")
@click.option("--rules", "file", type=_FILE, help='A file such as {"read": true, "write": "…"}. / 安全规则文件')
@in_space
@connected
def set_file_rules(target: Target, mode: str | None, file: Path | None) -> None:
    if (mode is None) is (file is None):
        raise InvalidRequest("give one of --mode and --rules / 请指定 --mode、--rules 之一")
    with target.open() as api:
        space = target.space(api)
        if mode is not None:
            api.patch("spaces", space, "settings", content={"storage_rule": mode.upper()})
        else:
            api.put("spaces", space, "file-rules", content={"rules": json_argument(f"@{file}", str(file))})
        found = api.get("spaces", space, "file-rules")
    target.show(found, lambda: _print_file_rules(found))


@file_rules.command("explain", help="Say whether a user may read and write a file, and why not. / 解释能否读写")
@click.argument("key", default="")
@_OPENID
@in_space
@connected
def explain_file_rules(target: Target, key: str, openid: str | None) -> None:
    with target.open() as api:
        path = ("spaces", target.space(api), "file-rules", "explanation")
        found = api.get(*path, key=key.removeprefix("cloud:"), openid=openid)
    lines = [f"{found['caller']}: {verb} {_verdict(found[verb])}" for verb in ("read", "write")]
    target.show(found, "\n".join(lines))


def _verdict(found: dict[str, Any]) -> str:
    return "yes / 允许" if found["allowed"] else f"no / 拒绝: {found['missing']}"


def _pretty(rules: Any) -> str:
    return json.dumps(rules, ensure_ascii=False, indent=2)


def _print_file_rules(found: dict[str, Any]) -> None:
    click.echo(f"mode    {found['mode']}")
    if found["rules"] is not None:
        click.echo(f"rules   {json.dumps(found['rules'], ensure_ascii=False)}")
