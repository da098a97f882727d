from __future__ import annotations

import time

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
