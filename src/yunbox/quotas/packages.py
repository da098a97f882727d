"""What the two clouds sell, as limits (semantics.md §15): ``yunbox space set SPACE quotas=NAME``.

Sizes are MB of 2^20 bytes. A package's storage traffic limit is the one on downloads; what has no counterpart here (spaces
for an account, log retention) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from yunbox.quotas.items import STEP_SETTING

GB = 1024

_WECHAT_2019 = {
    "function_calls_per_month": 200_000,
    "function_gbs_per_month": 40_000,
    "function_egress_mb_per_month": 1 * GB,
    "function_concurrency": 20,
    "db_mb": 2 * GB,
    "db_concurrency": 20,
    "db_reads_per_day": 50_000,
    "db_writes_per_day": 30_000,
    "collections": 100,
    "indexes": 10,
    "storage_mb": 5 * GB,
    "downloads_per_day": 50_000,
    "uploads_per_day": 20_000,
    "download_mb_per_month": 5 * GB,
}


def _wechat_2022(calls: int, capacity_gb: int, gbs: int, egress_gb: int, cdn_gb: int) -> dict[str, float]:
    """Of the capacity, which documents and files share there, each may use all."""
    return {
        "calls_per_month": calls,
        "db_mb": capacity_gb * GB,
        "storage_mb": capacity_gb * GB,
        "collections": 300,
        "indexes": 20,
        "functions": 150,
        "function_gbs_per_month": gbs,
        "function_egress_mb_per_month": egress_gb * GB,
        "download_mb_per_month": cdn_gb * GB,
    }


def _mpserverless_2023(
    gbs: int,
    calls: int,
    egress_gb: int,
    db_gb: int,
    reads: int,
    writes: int,
    storage: tuple[int, int, int],
    cdn_gb: int,
) -> dict[str, float]:
    storage_gb, downloads, uploads = storage
    return {
        "function_gbs_per_month": gbs,
        "function_calls_per_month": calls,
        "function_egress_mb_per_month": egress_gb * GB,
        "functions": 48,
        "db_mb": db_gb * GB,
        "db_reads_per_day": reads,
        "db_writes_per_day": writes,
        "collections": 100,
        "indexes": 400,
        "storage_mb": storage_gb * GB,
        "downloads_per_month": downloads,
        "uploads_per_month": uploads,
        "download_mb_per_month": cdn_gb * GB,
        "hosting_mb_per_month": cdn_gb * GB,
        STEP_SETTING: 1,
    }


PACKAGES: Mapping[str, Mapping[str, float]] = {
    "wechat-free-2019": _WECHAT_2019,
    "wechat-personal-2022": _wechat_2022(200_000, 2, 100_000, 2, 5),
    "wechat-entry-2022": _wechat_2022(5_000_000, 30, 300_000, 8, 80),
    "wechat-startup-2022": _wechat_2022(10_000_000, 100, 450_000, 10, 200),
    "wechat-business-2022": _wechat_2022(20_000_000, 200, 600_000, 15, 400),
    "wechat-team-2022": _wechat_2022(50_000_000, 300, 1_000_000, 25, 600),
    "mpserverless-free-2023": _mpserverless_2023(1_000, 15_000, 1, 2, 500, 300, (5, 2_000, 1_000), 1),
    "mpserverless-basic-2023": _mpserverless_2023(10_000, 150_000, 1, 2, 50_000, 30_000, (8, 100_000, 50_000), 2),
    "mpserverless-standard-2023": _mpserverless_2023(
        200_000, 3_000_000, 20, 3, 250_000, 150_000, (10, 2_000_000, 1_000_000), 10
    ),
    "mpserverless-pro-2023": _mpserverless_2023(
        400_000, 6_000_000, 40, 5, 500_000, 300_000, (50, 7_500_000, 3_000_000), 50
    ),
    "mpserverless-enterprise-2023": _mpserverless_2023(
        1_500_000, 24_000_000, 160, 10, 1_500_000, 1_000_000, (100, 15_000_000, 6_000_000), 150
    ),
    "mpserverless-flagship-2023": _mpserverless_2023(
        4_000_000, 60_000_000, 500, 10, 5_000_000, 3_000_000, (500, 37_500_000, 15_000_000), 500
    ),
}
"""Name -> item -> limit. The last family's database figures are units of data there, operations here."""
