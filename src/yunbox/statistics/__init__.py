"""Counters and reported events per space and day; calls to platforms' APIs."""

from yunbox.statistics.calendar import TIME_ZONE, begin_of, day_of, month_begin, next_day, next_month
from yunbox.statistics.platform_calls import PlatformCall, PlatformCalls
from yunbox.statistics.service import StatisticsService
from yunbox.statistics.store import Kind, Report, Total, UserDay

__all__ = [
    "TIME_ZONE",
    "Kind",
    "PlatformCall",
    "PlatformCalls",
    "Report",
    "StatisticsService",
    "Total",
    "UserDay",
    "begin_of",
    "day_of",
    "month_begin",
    "next_day",
    "next_month",
]
