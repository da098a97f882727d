from __future__ import annotations

import time
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.statistics import day_of


def test_statistics(cloud: LiveServer, yunbox: CommandLine) -> None:
    space, statistics = yunbox.space.id, cloud.services.statistics
    caller = Caller("user", space, user_id="u1", app_id="app-1", provider="wechat")
    statistics.count(caller, "function", "sum", duration_ms=4, sent=10)
    statistics.count(caller, "function", "sum", duration_ms=8, failed=True)
    statistics.keep(caller, {"event": "open"})
    today = day_of(time.time())
    (row,) = yunbox.json("statistics", "calls", "--kind", "function")
    assert row == {**row, "day": today, "name": "sum", "calls": 2, "errors": 1, "duration_ms": 12, "sent": 10}
    assert yunbox.json("statistics", "users") == [{"day": today, "active": 1, "new": 1}]
    assert yunbox.json("statistics", "reports")[0]["content"] == {"event": "open"}
    assert yunbox.json("statistics", "calls", "--until", "2020-01-01") == []
    for command in ("calls", "users", "reports"):
        assert "u1" in yunbox.text("statistics", command) or today in yunbox.text("statistics", command)
    for bad in (("--since", "yesterday"), ("--kind", "mail")):
        assert yunbox.run("statistics", "calls", *bad).exit_code == 1


def test_limits_from_setting_to_refusal(yunbox: CommandLine, tmp_path: Path) -> None:
    space, file = yunbox.space.id, tmp_path / "in.jsonl"
    file.write_text('{"a":1}\n')
    yunbox.text("space", "set", space, "quotas=wechat-free-2019", "quota.db_mb=0", "quota.uploads_per_day=unlimited")
    shown = yunbox.json("status", "--space", space)
    items = {row["item"]: row for row in shown["items"]}
    assert (shown["package"], shown["time_zone"]) == ("wechat-free-2019", "Asia/Shanghai")
    assert (items["db_mb"]["limit"], items["uploads_per_day"]["limit"]) == (0, None)
    assert items["function_calls_per_month"] == {**items["function_calls_per_month"], "used": 0, "limit": 200_000}
    text = yunbox.text("status", "--space", space)
    assert "每月云函数调用次数" in text
    assert "uploads_per_day" not in text
    assert "uploads_per_day" in yunbox.text("status", "--space", space, "--all")
    refused = yunbox.run("db", "import", "notes", str(file), "--create", "--json")
    assert refused.exit_code == 1
    assert "quota_exceeded" in refused.output
    yunbox.text("space", "set", space, "quota.db_mb=", "quotas=")
    assert not any(row["limit"] for row in yunbox.json("status", "--space", space)["items"])
    for bad in ("quotas=gold", "quota.db_mb=-1", "quota.nothing=1"):
        assert yunbox.run("space", "set", space, bad).exit_code == 1
    assert yunbox.run("status", "--space", "no-such-space").exit_code == 1
