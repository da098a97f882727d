"""Errors of ``/auth/v1``: ``{error, error_code, error_description}`` with an HTTP status (tencent-client.md §3)."""

from __future__ import annotations

from dataclasses import dataclass

from yunbox.errors import (
    AlreadyExists,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    YunboxError,
)


@dataclass(frozen=True, slots=True)
class AuthError:
    """A status and the two names of an error; numbers have gRPC's meaning."""

    status: int
    error: str
    error_code: int


_BY_REASON = {
    "password": AuthError(400, "invalid_password", 3),
    "code": AuthError(400, "invalid_verification_code", 3),
    "ticket": AuthError(400, "invalid_grant", 3),
    "voucher": AuthError(400, "invalid_grant", 3),
    "grant": AuthError(400, "invalid_grant", 3),
    "app": AuthError(400, "provider_not_enabled", 4019),
    "blocked": AuthError(403, "user_blocked", 7),
    "unsupported": AuthError(501, "unimplemented", 12),
    "sender": AuthError(400, "login_type_disabled", 4045),
    "origin": AuthError(403, "permission_denied", 7),
}
_BY_KIND: tuple[tuple[type[YunboxError], AuthError], ...] = (
    (Unauthenticated, AuthError(401, "unauthenticated", 16)),
    (PermissionDenied, AuthError(403, "permission_denied", 7)),
    (NotFound, AuthError(404, "not_found", 5)),
    (AlreadyExists, AuthError(409, "already_exists", 6)),
    (LimitExceeded, AuthError(429, "resource_exhausted", 8)),
    (InvalidRequest, AuthError(400, "invalid_argument", 3)),
)


def auth_error(error: YunboxError) -> AuthError:
    """What a client is told of ``error``."""
    if found := _BY_REASON.get(str(error.data.get("reason", ""))):
        return found
    return next((row for kind, row in _BY_KIND if isinstance(error, kind)), AuthError(500, "internal", 13))
