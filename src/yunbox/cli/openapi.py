"""``yunbox openapi``: what functions asked of the platform's own API."""

from __future__ import annotations

import json
from typing import Any

import click

from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import table, when

_SHOWN = 60


@click.group(help="Calls to the platform's own API (cloud.openapi, cloudPay). / 云调用")
def openapi() -> None:
    pass


@openapi.command("calls", help="What was asked and answered under `yunbox dev`, newest first. / 开发模式下的云调用记录")
@click.option("--api", default="", help="Only APIs whose name begins so: security. / 按接口名前缀筛选")
@click.option("--function", default="", help="Only calls of this function. / 按函数筛选")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many. / 数量")
@in_space
@connected
def calls(target: Target, api: str, function: str, limit: int) -> None:
    with target.open() as server:
        rows = server.get("spaces", target.space(server), "platform-calls", api=api, function=function, limit=limit)
    columns = [("time", "TIME"), ("api", "API"), ("function", "FUNCTION"), ("how", "HOW"), ("error", "ERROR")]
    target.show(rows, lambda: table(map(_shown, rows), [*columns, ("asked", "ASKED"), ("answered", "ANSWERED")]))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "time": when(row["at"]),
        "how": "simulated" if row["simulated"] else "relayed",
        "asked": _short(row["arguments"]),
        "answered": _short(row["answer"]),
    }


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
