"""Errors as this API shows them: ``{"error": {"code", "message"}}`` and a fitting HTTP status."""

from __future__ import annotations

from typing import Any

from yunbox.errors import FunctionFailed, QueryError, YunboxError

STATUS: dict[str, int] = {
    "not_found": 404,
    "space_not_found": 404,
    "collection_not_found": 404,
    "function_not_found": 404,
    "file_not_found": 404,
    "already_exists": 409,
    "duplicate_key": 409,
    "write_conflict": 409,
    "invalid_request": 400,
    "query_error": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "limit_exceeded": 413,
    "quota_exceeded": 429,
    "function_failed": 422,
}


def status_of(error: YunboxError) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error.code, 500)


def error_body(error: YunboxError) -> dict[str, Any]:
    """The answer that reports an error; a function's failure says why, a query's carries MongoDB's number and name."""
    content: dict[str, Any] = {"code": error.code, "message": error.message}
    if isinstance(error, FunctionFailed):
        content["reason"] = error.reason
        if error.stack:
            content["stack"] = error.stack
    if isinstance(error, QueryError):
        content["number"] = error.number
        content["name"] = error.name
    return {"error": content}
