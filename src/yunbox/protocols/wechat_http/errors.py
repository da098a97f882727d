"""The HTTP API's numbers: one table (semantics.md §14.1, §16.1)."""

from __future__ import annotations

from yunbox.errors import FunctionFailed, QueryError, QuotaExceeded, YunboxError
from yunbox.protocols.tcb.errors import QUOTA_NUMBERS, vendor_error

NUMBERS = {
    "internal": -1,
    "not_found": -501009,
    "space_not_found": -501005,
    "collection_not_found": -502005,
    "function_not_found": -501000,
    "file_not_found": -503003,
    "already_exists": -501007,
    "invalid_request": 40097,
    "unauthenticated": 40014,
    "permission_denied": -501023,
    "limit_exceeded": -501003,
    "function_failed": -504002,
    "query_error": -502001,
    "duplicate_key": -502001,
    "write_conflict": -502001,
}
"""Our error codes in the API's numbers."""

SCRIPT_NOT_PARSEABLE = -605101
FUNCTION_TIMED_OUT = -504003
OPERATION_TIMED_OUT = -502011
_MAX_TIME_EXPIRED = 50


class ApiError(Exception):
    """An answer with ``errcode`` and ``errmsg``."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


def api_error(error: YunboxError) -> ApiError:
    """What a caller is told of ``error``."""
    if isinstance(error, QuotaExceeded):
        return ApiError(QUOTA_NUMBERS.get(error.item) or vendor_error(error).number, error.message)
    if isinstance(error, FunctionFailed) and error.reason == "timeout":
        return ApiError(FUNCTION_TIMED_OUT, error.message)
    if isinstance(error, QueryError) and error.number == _MAX_TIME_EXPIRED:
        return ApiError(OPERATION_TIMED_OUT, error.message)
    return ApiError(NUMBERS.get(error.code, -501001), error.message)
