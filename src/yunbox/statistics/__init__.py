"""Counters and reported events per space and day."""

from yunbox.statistics.service import StatisticsService
from yunbox.statistics.store import Kind, Report, Total, UserDay

__all__ = ["Kind", "Report", "StatisticsService", "Total", "UserDay"]
