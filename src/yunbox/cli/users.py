"""``yunbox users``: who uses a space."""

from __future__ import annotations

import click

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
