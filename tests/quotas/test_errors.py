"""A used up quota in each protocol's words (semantics.md §15, §16; docs/usage.md has the same table)."""

from __future__ import annotations

import pytest

from yunbox.errors import QuotaExceeded
from yunbox.protocols.manage.errors import status_of
from yunbox.protocols.mpserverless.errors import error_code
from yunbox.protocols.tcb.errors import vendor_error
from yunbox.protocols.tcb.gateway.errors import gateway_error
from yunbox.protocols.tcb.watch import error_code as socket_code
from yunbox.protocols.wechat_http.errors import api_error
from yunbox.quotas.items import TITLES

REQUESTS, CONCURRENT = "EXCEED_REQUEST_LIMIT", "EXCEED_CONCURRENT_REQUEST_LIMIT"
PREPAID, FUNCTIONS = "PrePayResourceExhausted", "FunctionResourceExhausted"
SPECIAL = {
    "db_reads_per_day": (REQUESTS, -501015, PREPAID),
    "db_reads_per_month": (REQUESTS, -501015, PREPAID),
    "db_writes_per_day": (REQUESTS, -501016, PREPAID),
    "db_writes_per_month": (REQUESTS, -501016, PREPAID),
    "db_mb": (REQUESTS, -501017, PREPAID),
    "storage_mb": (REQUESTS, -501017, PREPAID),
    "collections": ("DATABASE_COLLECTION_EXCEED_LIMIT", -502004, PREPAID),
    "functions": (REQUESTS, -501003, FUNCTIONS),
    "function_concurrency": (CONCURRENT, -501004, "Throttling.Api.Concurrency"),
}


@pytest.mark.parametrize("item", TITLES)
def test_codes(item: str) -> None:
    error = QuotaExceeded("shop", item, 7, TITLES[item], "2026-11-23 00:00")
    code, number, gateway_code = SPECIAL.get(
        item, (REQUESTS, -501003, FUNCTIONS if item.startswith("function_") else PREPAID)
    )
    for action in ("database.addDocument", "storage.getUploadMetadata", "functions.invokeFunction", ""):
        told = vendor_error(error, action)
        assert told.code == code
        assert told.message.startswith(f"[{number}] ") == (number in (-501015, -501016, -501017))
    assert gateway_error(error, "database")[0] == 429
    assert api_error(error).number == number
    assert error_code(error) == gateway_code
    assert socket_code(error) == REQUESTS
    assert status_of(error) == 429
    assert f"`yunbox space set shop quota.{item}=…`" in error.message
    assert "2026-11-23 00:00" in error.message
    assert TITLES[item][1] in error.message
