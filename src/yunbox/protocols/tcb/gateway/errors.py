"""Errors of the gateway: an HTTP status and ``{code, message, requestId}`` (tencent-client.md §4)."""

from __future__ import annotations

from dataclasses import replace

from yunbox.errors import DuplicateKey, FunctionFailed, NotFound, Unauthenticated, YunboxError
from yunbox.protocols.tcb.errors import VendorError, vendor_error

_STATUSES = {
    "ACCESS_TOKEN_EXPIRED": 401,
    "INVALID_CREDENTIALS": 401,
    "DATABASE_PERMISSION_DENIED": 401,
    "DATABASE_INVALID_OPERRATOR": 403,
    "STORAGE_EXCEED_AUTHORITY": 403,
    "PERMISSION_DENIED": 403,
    "DATABASE_COLLECTION_NOT_EXIST": 404,
    "DOCUMENT_NOT_FOUND": 404,
    "FUNCTION_NOT_FOUND": 404,
    "EXCEED_AUTHORITY": 403,
    "STORAGE_FILE_NONEXIST": 404,
    "DATABASE_COLLECTION_ALREADY_EXIST": 409,
    "DATABASE_DUPLICATE_WRITE": 409,
    "DATABASE_TRANSACTION_CONFLICT": 409,
    "EXCEED_REQUEST_SIZE_LIMIT": 413,
    "EXCEED_REQUEST_LIMIT": 429,
    "EXCEED_CONCURRENT_REQUEST_LIMIT": 429,
    "DATABASE_COLLECTION_EXCEED_LIMIT": 429,
    "SYS_ERR": 500,
    "FUNCTION_INVOCATION_FAILED": 500,
    "FUNCTION_TIME_LIMIT_EXCEEDED": 504,
    "UNSUPPORTED": 501,
}


class DocumentNotFound(NotFound):
    """The one document that was asked for is not there, or not for this caller."""


def gateway_error(error: YunboxError, family: str) -> tuple[int, VendorError]:
    """Status and words for ``error``; ``family`` is ``database``, ``storage`` or ``functions``."""
    told = _words(error, family)
    return _STATUSES.get(told.code, 400), told


def _words(error: YunboxError, family: str) -> VendorError:
    if isinstance(error, Unauthenticated):
        expired = error.data.get("reason") in ("expired", "revoked")
        return VendorError("ACCESS_TOKEN_EXPIRED" if expired else "INVALID_CREDENTIALS", error.message)
    if error.data.get("reason") == "unsupported":
        return VendorError("UNSUPPORTED", error.message)
    if isinstance(error, DocumentNotFound):
        return VendorError("DOCUMENT_NOT_FOUND", error.message)
    told = vendor_error(error, family)
    if isinstance(error, DuplicateKey):
        return replace(told, code="DATABASE_DUPLICATE_WRITE")
    if isinstance(error, FunctionFailed):
        late = error.reason == "timeout"
        return replace(told, code="FUNCTION_TIME_LIMIT_EXCEEDED" if late else "FUNCTION_INVOCATION_FAILED")
    return told
