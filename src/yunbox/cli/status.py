"""``yunbox status``: what runs here, and with ``--space`` what a space uses and may use."""

from __future__ import annotations

from typing import Any

import click

from yunbox.cli.options import Target, connected
from yunbox.cli.output import table


@click.command(help="Show the server: address, version, spaces; or what a space uses. / 查看服务器状态或空间用量")
@click.option("--space", metavar="SPACE", help="Show this space's use and limits instead. / 查看该空间的用量与配额")
@click.option("--all", "everything", is_flag=True, help="With --space: also what was not used. / 同时列出未使用的项")
@connected
def status(target: Target, everything: bool) -> None:
    if target.wanted_space is None:
        _server(target)
    else:
        _space(target, everything)


def _space(target: Target, everything: bool) -> None:
    with target.open() as api:
        found = api.get("spaces", target.space(api), "quotas")
    rows = [_row(item) for item in found["items"] if everything or item["used"] or item["limit"] is not None]

    def text() -> None:
        click.echo(f"package / 套餐      {found['package'] or '-'}")
        zone = found["time_zone"]
        click.echo(f"day ends / 日计数重置   {found['day_ends']} ({zone})")
        click.echo(f"month ends / 月计数重置 {found['month_ends']} ({zone})")
        table(
            rows,
            [
                ("item", "ITEM"),
                ("title", "项目"),
                ("used", "USED / 已用"),
                ("limit", "LIMIT / 上限"),
                ("left", "LEFT / 剩余"),
            ],
        )

    target.show(found, text)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    used, limit = item["used"], item["limit"]
    left = None if used is None or not limit else f"{max(0.0, 1 - used / limit):.0%}"
    amounts = {
        name: None if value is None else f"{round(value, 2):.15g} {item['unit']}".strip()
        for name, value in (("used", used), ("limit", limit))
    }
    return {"item": item["item"], "title": item["chinese"], "left": left, **amounts}


def _server(target: Target) -> None:
    import os

    from yunbox.cli.connection import default_data, running_endpoint

    given = target.endpoint or os.environ.get("YUNBOX_ENDPOINT")
    running = given or running_endpoint(target.data or default_data())
    with target.open() as api:
        found = api.get("status")
    content = {"running": bool(running), **found}
    if not running:
        content["pid"] = None

    def text() -> None:
        click.echo(f"running / 运行中     {'yes' if running else 'no'}")
        for name in ("endpoint", "console_url", "version", "mode", "data", "spaces", "functions", "profile"):
            click.echo(f"{name:18} {content[name]}")
        click.echo(f"{'isolation':18} {content['isolation']['level']}")
        for line in content["isolation"]["notes"]:
            click.echo(f"  {line}")

    target.show(content, text)
