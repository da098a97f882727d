"""What can be limited, as data. Every item is a space setting ``quota.NAME``; a package sets many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Period = Literal["day", "month"]
PERIODS: tuple[Period, ...] = ("day", "month")
PREFIX = "quota."
STEP_SETTING = "quota.billing_step_ms"
DEFAULT_STEP_MS = 100
MB = 2**20


@dataclass(frozen=True, slots=True)
class Counter:
    """Something that is counted, and starts again with each day and month.

    ``kinds`` are the counts of the statistics that it adds up. ``is_volume``: one use is not known before it is over, so
    the use that reaches the limit may go over it.
    """

    name: str
    unit: str
    english: str
    chinese: str
    kinds: tuple[str, ...]
    is_volume: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that is there or not: a capacity, or how many at once."""

    name: str
    unit: str
    english: str
    chinese: str


COUNTERS = (
    Counter(
        "calls",
        "",
        "calls (functions, document reads and writes, uploads, downloads)",
        "调用次数",
        ("function", "read", "write", "upload", "download"),
    ),
    Counter("function_calls", "", "function calls", "云函数调用次数", ("function",)),
    Counter("function_gbs", "GBs", "function resource use in GB-seconds", "云函数资源使用量", ("function",), True),
    Counter("function_egress_mb", "MB", "bytes that functions answer", "云函数出流量", ("function",), True),
    Counter("db_reads", "", "document read operations", "数据库读操作次数", ("read",)),
    Counter("db_writes", "", "document write operations", "数据库写操作次数", ("write",)),
    Counter("uploads", "", "file uploads", "存储上传次数", ("upload",)),
    Counter("downloads", "", "file downloads", "存储下载次数", ("download",)),
    Counter("download_mb", "MB", "downloaded bytes of files", "存储下载流量", ("download",), True),
    Counter("hosting_mb", "MB", "bytes sent by the web site", "静态网站流量", ("hosting",), True),
)
STANDING = (
    Standing("db_mb", "MB", "size of the documents", "数据库容量"),
    Standing("storage_mb", "MB", "size of the files", "存储容量"),
    Standing("collections", "", "collections", "集合数量"),
    Standing("indexes", "", "indexes of one collection, beside `_id`", "单个集合的索引数量"),
    Standing("functions", "", "functions", "云函数数量"),
    Standing("function_concurrency", "", "calls of one function at a time", "单个云函数并发数"),
    Standing("db_concurrency", "", "document operations at a time (further ones wait)", "数据库同时操作数"),
)
BY_KIND: Mapping[str, tuple[Counter, ...]] = {
    kind: tuple(counter for counter in COUNTERS if kind in counter.kinds)
    for kind in ("function", "read", "write", "upload", "download", "hosting", "method")
}


def item_of(counter: Counter, period: Period) -> str:
    """The name of a counter's limit for a period: ``db_reads_per_day``."""
    return f"{counter.name}_per_{period}"


TITLES: Mapping[str, tuple[str, str]] = {
    **{
        item_of(c, p): (f"{c.english} per {p}", f"每{'日' if p == 'day' else '月'}{c.chinese}")
        for c in COUNTERS
        for p in PERIODS
    },
    **{item.name: (item.english, item.chinese) for item in STANDING},
}
"""English and Chinese title of every item."""
