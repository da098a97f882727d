"""``yunbox statistics``: what was counted in a space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import size, table, when


@click.group(help="What was counted in a space, by day. / 统计")
def statistics() -> None:
    pass


def _in_days(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--until", default="", help="Last day, 2026-11-21; default: today. / 截止日期")(command)
    return click.option("--since", default="", help="First day; default: a week ago. / 起始日期")(command)


@statistics.command("calls", help="Calls, errors, time and traffic. / 调用统计")
@click.option("--kind", default="", help="Only method, function, read, write, upload, download or hosting. / 类别")
@_in_days
@in_space
@connected
def calls(target: Target, kind: str, since: str, until: str) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "statistics", kind=kind, since=since, until=until)
    shown = [{**row, "mean": f"{row['duration_ms'] / row['calls']:.1f} ms", "out": size(row["sent"])} for row in rows]
    columns = [("day", "DAY"), ("kind", "KIND"), ("name", "NAME"), ("app_id", "APP"), ("calls", "CALLS")]
    target.show(rows, lambda: table(shown, [*columns, ("errors", "ERRORS"), ("mean", "MEAN"), ("out", "SENT")]))


@statistics.command("users", help="Active and new users. / 用户统计")
@_in_days
@in_space
@connected
def users(target: Target, since: str, until: str) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "statistics", "users", since=since, until=until)
    target.show(rows, lambda: table(rows, [("day", "DAY"), ("active", "ACTIVE"), ("new", "NEW")]))


@statistics.command("reports", help="Sessions and events that clients reported. / 客户端上报")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many. / 数量")
@_in_days
@in_space
@connected
def reports(target: Target, limit: int, since: str, until: str) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "statistics", "reports", limit=limit, since=since, until=until)
    shown = [{**row, "time": when(row["at"])} for row in rows]
    target.show(rows, lambda: table(shown, [("time", "TIME"), ("user_id", "USER"), ("content", "REPORT")]))
