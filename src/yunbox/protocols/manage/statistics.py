"""What was counted in a space, what its clients reported, what its functions asked of a platform."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, get_args

from yunbox.errors import InvalidRequest
from yunbox.protocols.manage.routing import Call, Row
from yunbox.statistics import Kind, begin_of, day_of

_DAY_S = 86_400
_DEFAULT_DAYS = 7


def _days(call: Call) -> tuple[str, str]:
    """``since`` and ``until`` (``2026-11-21`` of Asia/Shanghai, both included); the last week when they are left out."""
    now = call.services.clock()
    since = call.query.get("since") or day_of(now - (_DEFAULT_DAYS - 1) * _DAY_S)
    until = call.query.get("until") or day_of(now)
    for day in (since, until):
        try:
            begin_of(day)
        except ValueError:
            raise InvalidRequest(f"`{day}` is no day; write it as 2026-11-21 / 日期格式应为 2026-11-21") from None
    return since, until


async def totals(call: Call) -> Any:
    """Calls, errors, time and traffic by day, kind, name, app and login provider."""
    name = call.query.get("kind") or None
    kinds: tuple[Kind, ...] = get_args(Kind)
    if name is not None and name not in kinds:
        raise InvalidRequest(f"unknown kind `{name}`; use one of {', '.join(kinds)}")
    kind = next((kind for kind in kinds if kind == name), None)
    rows = await asyncio.to_thread(call.services.statistics.totals, call.space.id, *_days(call), kind)
    return [asdict(counted) | asdict(total) for counted, total in rows]


async def users(call: Call) -> Any:
    """Active and new users by day."""
    rows = await asyncio.to_thread(call.services.statistics.users, call.space.id, *_days(call))
    return [asdict(row) for row in rows]


async def reports(call: Call) -> Any:
    """What clients' analytics SDKs reported, the newest first."""
    limit = call.number("limit", 100)
    rows = await asyncio.to_thread(call.services.statistics.reports, call.space.id, *_days(call), limit)
    return [asdict(row) for row in rows]


async def platform_calls(call: Call) -> Any:
    """Calls to a platform's API in developer mode, the newest first."""
    wanted = {name: call.query.get(name, "") for name in ("api", "function")}
    rows = await asyncio.to_thread(
        lambda: call.services.platform_calls.read(call.space.id, limit=call.number("limit", 100), **wanted)
    )
    return [asdict(row) for row in rows]


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/statistics", totals),
    ("GET", "spaces/{space}/statistics/users", users),
    ("GET", "spaces/{space}/statistics/reports", reports),
    ("GET", "spaces/{space}/platform-calls", platform_calls),
)
