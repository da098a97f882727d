"""The vendor's error codes: one table, and what goes before it for a service."""

from __future__ import annotations

from yunbox.errors import YunboxError

CODES = {
    "internal": "InternalError",
    "not_found": "ResourceNotFound",
    "space_not_found": "InvalidParameter.EnvId",
    "collection_not_found": "ResourceNotFound.TableNotFound",
    "function_not_found": "ResourceNotFound.Function",
    "file_not_found": "ResourceNotFound",
    "already_exists": "ResourceInUse",
    "invalid_request": "InvalidParameter",
    "unauthenticated": "AuthFailure.SignatureFailure",
    "permission_denied": "UnauthorizedOperation",
    "limit_exceeded": "LimitExceeded",
    "quota_exceeded": "LimitExceeded.Request",
    "function_failed": "FailedOperation.InvokeFunction",
    "query_error": "FailedOperation.QueryError",
    "duplicate_key": "FailedOperation.DuplicatedData",
    "write_conflict": "FailedOperation",
}
"""Our error codes in the vendor's words."""

BY_SERVICE = {
    ("scf", "space_not_found"): "ResourceNotFound.Namespace",
    ("scf", "already_exists"): "ResourceInUse.Function",
    ("scf", "invalid_request"): "InvalidParameterValue",
}
"""Where a service says it in another way."""


class ApiError(YunboxError):
    """An answer with a ``Code`` of the vendor."""

    def __init__(self, vendor_code: str, message: str) -> None:
        super().__init__(message)
        self.vendor_code = vendor_code


def code_of(error: YunboxError, service: str) -> str:
    """The vendor's code for ``error``."""
    if isinstance(error, ApiError):
        return error.vendor_code
    return BY_SERVICE.get((service, error.code)) or CODES.get(error.code, "InternalError")


def unsupported(message: str) -> ApiError:
    """What has nothing behind it here."""
    return ApiError("UnsupportedOperation", message)
