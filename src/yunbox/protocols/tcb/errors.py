"""Our errors in this protocol's words: one table for all its endpoints.

Codes: semantics.md §16.2. Texts keep the vendor's meaning, and applications' habit of searching them for
``not exist``, ``E11000`` or ``ResourceExist``.
"""

from __future__ import annotations

from dataclasses import dataclass

from yunbox.errors import FunctionFailed, QueryError, QuotaExceeded, YunboxError

NUMBERS = {
    "SYS_ERR": -501001,
    "SERVER_TIMEOUT": -501002,
    "EXCEED_REQUEST_LIMIT": -501003,
    "EXCEED_CONCURRENT_REQUEST_LIMIT": -501004,
    "INVALIID_ENV": -501005,
    "INVALID_COMMON_PARAM": -501006,
    "INVALID_PARAM": -501007,
    "INVALID_REQUEST_SOURCE": -501008,
    "RESOURCE_NOT_INITIAL": -501009,
    "DATABASE_REQUEST_FAILED": -502001,
    "DATABASE_INVALID_OPERRATOR": -502002,
    "DATABASE_PERMISSION_DENIED": -502003,
    "DATABASE_COLLECTION_EXCEED_LIMIT": -502004,
    "DATABASE_COLLECTION_NOT_EXIST": -502005,
    "STORAGE_REQUEST_FAIL": -503001,
    "STORAGE_EXCEED_AUTHORITY": -503002,
    "STORAGE_FILE_NONEXIST": -503003,
    "STORAGE_SIGN_PARAM_INVALID": -503004,
    "FUNCTIONS_REQUEST_FAIL": -504001,
    "FUNCTIONS_EXECUTE_FAIL": -504002,
    "FUNCTIONS_TIME_LIMIT_EXCEEDED": -504003,
    "FUNCTION_NOT_FOUND": -501000,
    "EXCEED_AUTHORITY": -501023,
    "CROSS_ACCOUNT_DENIED": -601013,
    "CLOUDBASE_AUTH_EMPTY": -601015,
    "CROSS_ACCOUNT_NO_ENV": -601016,
    "CLOUDBASE_AUTH_REFUSED": -601017,
    "CLOUDBASE_AUTH_FAILED": -601022,
    "CLOUDBASE_AUTH_BAD_REPLY": -601023,
}
"""The numbers that applications see for a code (semantics.md §16.1); any other code shows as -501001."""

_HINT = "Please check your request, but if the problem persists, contact us."


@dataclass(frozen=True, slots=True)
class VendorError:
    """A code and a text as they go over the wire."""

    code: str
    message: str

    @property
    def number(self) -> int:
        return NUMBERS.get(self.code, -501001)


_CODES = {
    "internal": "SYS_ERR",
    "not_found": "INVALID_PARAM",
    "space_not_found": "INVALID_ENV",
    "collection_not_found": "DATABASE_COLLECTION_NOT_EXIST",
    "function_not_found": "FUNCTION_NOT_FOUND",
    "file_not_found": "STORAGE_FILE_NONEXIST",
    "already_exists": "INVALID_PARAM",
    "invalid_request": "INVALID_PARAM",
    "unauthenticated": "SIGN_PARAM_INVALID",
    "permission_denied": "PERMISSION_DENIED",
    "limit_exceeded": "EXCEED_REQUEST_SIZE_LIMIT",
    "quota_exceeded": "EXCEED_REQUEST_LIMIT",
    "function_failed": "FUNCTIONS_EXECUTE_FAIL",
    "query_error": "DATABASE_REQUEST_FAILED",
    "duplicate_key": "DATABASE_REQUEST_FAILED",
    "write_conflict": "DATABASE_TRANSACTION_CONFLICT",
}
_IN_FAMILY = {
    ("database", "already_exists"): "DATABASE_COLLECTION_ALREADY_EXIST",
    ("database", "permission_denied"): "DATABASE_PERMISSION_DENIED",
    ("storage", "permission_denied"): "STORAGE_EXCEED_AUTHORITY",
    ("storage", "already_exists"): "STORAGE_REQUEST_FAIL",
    ("functions", "permission_denied"): "EXCEED_AUTHORITY",
    ("functions", "limit_exceeded"): "FUNCTIONS_REQUEST_FAIL",
}
_OF_ITEM = {
    "function_concurrency": "EXCEED_CONCURRENT_REQUEST_LIMIT",
    "collections": "DATABASE_COLLECTION_EXCEED_LIMIT",
}
QUOTA_NUMBERS = {
    "db_reads_per_day": -501015,
    "db_reads_per_month": -501015,
    "db_writes_per_day": -501016,
    "db_writes_per_month": -501016,
    "db_mb": -501017,
    "storage_mb": -501017,
}
"""Item of a quota -> its own number. No SDK has a word for these, so they are told in the message; the HTTP API has the
number itself."""
_UNKNOWN_OPERATORS = frozenset({168, 40324, 15999, 28667})


def vendor_error(error: YunboxError, action: str = "") -> VendorError:
    """What a client is told of ``error``; ``action`` (``database.addDocument``) gives the family of codes."""
    family = action.partition(".")[0]
    if isinstance(error, FunctionFailed) and error.reason == "timeout":
        return VendorError("FUNCTIONS_TIME_LIMIT_EXCEEDED", error.message)
    code = _IN_FAMILY.get((family, error.code)) or _CODES.get(error.code, "SYS_ERR")
    return VendorError(_special_code(error, code), _text(error, family))


def _special_code(error: YunboxError, code: str) -> str:
    if isinstance(known := error.data.get("vendor_code"), str):
        return known
    if error.data.get("reason") == "transaction":
        return "DATABASE_TRANSACTION_FAIL"
    if isinstance(error, QuotaExceeded):
        return _OF_ITEM.get(error.item, code)
    if isinstance(error, QueryError) and error.number in _UNKNOWN_OPERATORS:
        return "DATABASE_INVALID_OPERRATOR"
    return code


def _text(error: YunboxError, family: str) -> str:
    if error.data.get("reason") == "transaction":
        return (
            "[ResourceUnavailable.TransactionNotExist] Transaction does not exist on the server, transaction must be "
            f"commit or abort in 30 seconds. {_HINT}"
        )
    if error.code == "write_conflict":
        return (
            "[ResourceUnavailable.TransactionConflict] Transaction is conflict, maybe resource operated by others. "
            f"{_HINT}"
        )
    if error.code == "collection_not_found":
        return f"[ResourceNotFound] Db or Table not exist: {error.data.get('collection', '')}. {error.message}"
    if error.code == "already_exists" and family == "database":
        return f"[ResourceUnavailable.ResourceExist] Table exist. {error.message}"
    if error.code == "function_not_found":
        return f"FunctionName parameter could not be found. {error.message}"
    if isinstance(error, QuotaExceeded) and (number := QUOTA_NUMBERS.get(error.item)):
        return f"[{number}] {error.message}"
    if isinstance(error, FunctionFailed):
        return error.stack or error.message
    return error.message
