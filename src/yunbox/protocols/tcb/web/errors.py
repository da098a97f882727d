"""What web clients are told: the protocol's table, and the words for who is not signed in."""

from __future__ import annotations

from yunbox.errors import (
    AlreadyExists,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    SpaceNotFound,
    Unauthenticated,
    YunboxError,
)
from yunbox.protocols.tcb.errors import VendorError, vendor_error
from yunbox.protocols.tcb.sharing import SharingDenied

_REFRESHING = ("auth.fetchAccessTokenWithRefreshToken", "auth.signInAnonymously")
_REFUSALS = {
    "expired": "ACCESS_TOKEN_EXPIRED",
    "revoked": "ACCESS_TOKEN_EXPIRED",
    "invalid": "CHECK_LOGIN_FAILED",
    "missing": "CHECK_LOGIN_FAILED",
    "password": "INVALID_USERNAME_OR_PASSWORD",
    "ticket": "AUTH_INVALID_CUSTOM_LOGIN_TICKET",
}
"""Reason of :class:`Unauthenticated` -> code. 1.x SDKs refresh and repeat a call once on ACCESS_TOKEN_EXPIRED."""

_IN_AUTH = {
    AlreadyExists: "AUTH_ALREADY_EXISTS",
    NotFound: "AUTH_USER_NOT_FOUND",
    LimitExceeded: "EXCEED_REQUEST_LIMIT",
    PermissionDenied: "AUTH_LOGIN_FAILED",
}


def web_error(error: YunboxError, action: str) -> VendorError:
    """What a web client is told of ``error``."""
    reason = error.data.get("reason", "")
    if isinstance(error, Unauthenticated):
        return VendorError(_refusal(reason, action), error.message)
    if reason == "origin":
        return VendorError("INVALID_REQUEST_SOURCE", error.message)
    if action.startswith("auth.") and not isinstance(error, SpaceNotFound | SharingDenied):
        for kind, code in _IN_AUTH.items():
            if isinstance(error, kind):
                return VendorError(code, error.message)
    return vendor_error(error, action)


def _refusal(reason: str, action: str) -> str:
    if action in _REFRESHING and reason in ("expired", "revoked", "invalid", "blocked"):
        return "REFRESH_TOKEN_EXPIRED" if reason == "expired" else "INVALID_REFRESH_TOKEN"
    return _REFUSALS.get(reason, "AUTH_LOGIN_FAILED")
