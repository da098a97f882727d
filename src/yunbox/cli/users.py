"""``yunbox users``: who uses a space."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import table, when


@click.group(help="Users of a space. / 用户")
def users() -> None:
    pass


@users.command("list", help="List users, the last seen first. / 列出用户")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many. / 数量")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many to pass over. / 跳过数量")
@in_space
@connected
def list_users(target: Target, limit: int, offset: int) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "users", limit=limit, offset=offset)
    shown = [{**row, "seen": when(row["last_seen_at"])} for row in rows]
    columns = [("user_id", "USER"), ("openid", "OPENID"), ("provider", "PROVIDER"), ("seen", "LAST SEEN")]
    target.show(rows, lambda: table(shown, columns))


@users.command("token", help="A session of the user with this openid, for tests and debugging. / 为指定用户签发会话")
@click.option("--openid", required=True, help="Made when there is none. / 用户的 openid，不存在时创建")
@in_space
@connected
def token(target: Target, openid: str) -> None:
    with target.open() as api:
        session = api.post("spaces", target.space(api), "users", "token", content={"openid": openid})
    target.show(session, "\n".join(f"{name:14} {value}" for name, value in session.items()))


@users.command("create", help="Make a user who signs in with a password. / 创建用户名密码用户")
@click.argument("username")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    required=True,
    help="File with the password; - is standard input. / 密码文件",
)
@in_space
@connected
def create(target: Target, username: str, password_file: Path) -> None:
    text = sys.stdin.read() if str(password_file) == "-" else password_file.read_text(encoding="utf-8-sig")
    content = {"username": username, "password": text.rstrip("\r\n")}
    with target.open() as api:
        user = api.post("spaces", target.space(api), "users", content=content)
    target.show(user, f"made user {username} ({user['user_id']}) / 已创建用户 {username}")


@users.command(
    "ticket-key", help="A new key file for custom login tickets; older keys stop working. / 生成自定义登录密钥"
)
@in_space
@connected
def ticket_key(target: Target) -> None:
    with target.open() as api:
        key: dict[str, Any] = api.post("spaces", target.space(api), "users", "ticket-key")
    target.show(key, orjson.dumps(key, option=orjson.OPT_INDENT_2).decode())


def _able(target: Target, user_id: str, disabled: bool) -> None:
    with target.open() as api:
        user = api.patch("spaces", target.space(api), "users", user_id, content={"disabled": disabled})
    target.show(user, f"{'disabled' if disabled else 'enabled'} {user_id} / 已{'禁用' if disabled else '启用'}")


@users.command("disable", help="End a user's sessions and keep it out. / 禁用用户")
@click.argument("user_id")
@in_space
@connected
def disable(target: Target, user_id: str) -> None:
    _able(target, user_id, True)


@users.command("enable", help="Let a disabled user in again. / 启用用户")
@click.argument("user_id")
@in_space
@connected
def enable(target: Target, user_id: str) -> None:
    _able(target, user_id, False)


@users.command("delete", help="Remove a user and its sessions; its documents stay. / 删除用户")
@click.argument("user_id")
@in_space
@connected
def delete(target: Target, user_id: str) -> None:
    with target.open() as api:
        deleted = api.delete("spaces", target.space(api), "users", user_id)
    target.show(deleted, f"deleted {user_id} / 已删除")
