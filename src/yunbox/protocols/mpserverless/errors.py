"""The vendor's words for our errors (aliyun-wire.md §2.2, semantics.md §16.3).

Clients act on ``GATEWAY_INVALID_TOKEN`` alone (they sign in again and repeat the call once); every other code is passed
to the app as it is.
"""

from __future__ import annotations

from yunbox.errors import FunctionFailed, InvalidRequest, QueryError, QuotaExceeded, YunboxError

INVALID_TOKEN = "GATEWAY_INVALID_TOKEN"
INTERNAL = "InternalServerError"

_CODES = {
    "space_not_found": "InvalidSpaceId.NotFound",
    "collection_not_found": "CollectionNotFound",
    "function_not_found": "FunctionNotFound",
    "file_not_found": "FileNotFound",
    "not_found": "NotFound",
    "already_exists": "AlreadyExists",
    "invalid_request": "InvalidParameter",
    "unauthenticated": INVALID_TOKEN,
    "permission_denied": "PermissionDenied",
    "limit_exceeded": "LimitExceeded",
    "quota_exceeded": "PrePayResourceExhausted",
    "function_failed": "FunctionServerError",
    "query_error": INTERNAL,
    "duplicate_key": "DuplicateKey",
    "write_conflict": "WriteConflict",
}

_USER_CODE_FAILURES = ("threw", "result")
# MongoDB's BadValue, FailedToParse, TypeMismatch and InvalidOptions: the caller's command is at fault.
_BAD_COMMAND = (2, 9, 14, 72)


class GatewayError(InvalidRequest):
    """A request the gateway itself refuses; ``vendor_code`` goes out as it is, to clients and to running functions."""

    def __init__(self, vendor_code: str, message: str) -> None:
        super().__init__(message, code=vendor_code)
        self.vendor_code = vendor_code


def error_code(error: YunboxError) -> str:
    """The ``code`` a client of this protocol receives for ``error``."""
    if isinstance(error, GatewayError):
        return error.vendor_code
    if isinstance(error, QuotaExceeded) and error.item == "function_concurrency":
        return "Throttling.Api.Concurrency"
    if isinstance(error, QuotaExceeded) and error.item.startswith("function"):
        return "FunctionResourceExhausted"
    if isinstance(error, FunctionFailed) and error.reason in _USER_CODE_FAILURES:
        return "FunctionBizError"
    if isinstance(error, QueryError) and error.number in _BAD_COMMAND:
        return "InvalidParameter"
    return _CODES.get(error.code, INTERNAL)
