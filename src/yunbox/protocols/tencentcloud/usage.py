"""``tcb``: figures of what a space has done and holds. Counters are kept for each day of China's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from yunbox.documents import commands as c
from yunbox.protocols.tencentcloud.call import CHINA, Call, Handler, read_time
from yunbox.protocols.tencentcloud.errors import ApiError
from yunbox.statistics import Kind, Total

_DAY_S = 86_400
_MOST_DAYS = 180
_CURVES: dict[str, tuple[Kind, Callable[[Total], float]]] = {
    "DbRead": ("read", lambda total: total.calls),
    "DbWrite": ("write", lambda total: total.calls),
    "FunctionInvocation": ("function", lambda total: total.calls),
    "FunctionError": ("function", lambda total: total.errors),
    "FunctionDuration": ("function", lambda total: total.duration_ms / total.calls if total.calls else 0),
    "FunctionFlux": ("function", lambda total: total.sent),
    "FunctionGBs": ("function", lambda total: total.gb_seconds),
    "StorageRead": ("download", lambda total: total.calls),
    "StorageWrite": ("upload", lambda total: total.calls),
    "CDNFlux": ("download", lambda total: total.sent),
}
"""Curves that something is counted for."""


async def curve(call: Call) -> dict[str, Any]:
    """One value for each day; ``ResourceID`` is a collection or a function.

    Raises:
        ApiError: ``UnsupportedOperation`` for a figure that is not counted here.
    """
    name = call.text("MetricName")
    if name not in _CURVES:
        raise ApiError(
            "UnsupportedOperation", f"`{name[:60]}` is not counted here; there are {', '.join(_CURVES)} / 不支持的指标"
        )
    days = _days(read_time(call.text("StartTime")) / 1000, read_time(call.text("EndTime")) / 1000)
    if not 0 < len(days) <= _MOST_DAYS:
        raise ApiError(
            "InvalidParameterValue", f"EndTime must follow StartTime by at most {_MOST_DAYS} days / 时间范围错误"
        )
    values = _values(call, name, days)
    return {
        "StartTime": f"{days[0]} 00:00:00",
        "EndTime": f"{days[-1]} 00:00:00",
        "MetricName": name,
        "Period": _DAY_S,
        "Time": [read_time(day) // 1000 for day in days],
        "Values": [round(value) for value in values],
        "NewValues": [float(value) for value in values],
        "Statistics": "avg" if name == "FunctionDuration" else "sum",
    }


async def quota(call: Call) -> dict[str, Any]:
    """What was used this month of a figure; there are no quotas.

    Raises:
        ApiError: ``UnsupportedOperation`` for a figure that is not counted here.
    """
    name = call.text("MetricName")
    value = await _monthly(call, name)
    if value is None:
        raise ApiError("UnsupportedOperation", f"`{name[:60]}` is not counted here / 不支持的指标")
    return {"MetricName": name, "Value": round(value), "SubValue": ""}


async def limits(call: Call) -> dict[str, Any]:
    """There are no limits by package: the disk and the machine are the only ones."""
    return {"EnvResourceStatus": "NORMAL", "Resources": [], "EnvLimit": []}


ACTIONS: dict[str, Handler] = {
    "tcb.DescribeCurveData": curve,
    "tcb.DescribeEnvLimit": limits,
    "tcb.DescribeQuotaData": quota,
}


def _days(since: float, until: float) -> list[str]:
    """The days from one moment to another, both included, as ``2026-11-21``."""
    first, last = (datetime.fromtimestamp(moment, CHINA).date() for moment in (since, until))
    return [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]


def _values(call: Call, metric: str, days: list[str]) -> list[float]:
    kind, figure = _CURVES[metric]
    wanted = call.text("ResourceID", "")
    sums = {day: Total() for day in days}
    for counted, total in call.services.statistics.totals(call.space.id, days[0], days[-1], kind):
        if wanted in ("", counted.name) and counted.day in sums:
            sums[counted.day].add(total)
    return [figure(total) for total in sums.values()]


async def _monthly(call: Call, metric: str) -> float | None:
    stripped = metric.removesuffix("pkg").removesuffix("Pkg")
    if stripped == "StorageSize":
        return call.services.files.usage(call.space.id)[1] / 2**20
    if stripped == "DbSize":
        found: list[c.CollectionInfo] = await call.services.documents.engine(call.space.id).run(c.ListCollections())
        return sum(info.size for info in found) / 2**20
    if stripped not in _CURVES:
        return None
    now = call.services.clock.now().astimezone(CHINA)
    return sum(_values(call, stripped, _days(now.replace(day=1).timestamp(), now.timestamp())))
