"""Counters and reported events per space and day."""

from yunbox.statistics.calendar import TIME_ZONE, begin_of, day_of, month_begin, next_day, next_month
from yunbox.statistics.service import StatisticsService
from yunbox.statistics.store import Kind, Report, Total, UserDay

__all__ = [
    "TIME_ZONE",
    "Kind",
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
